"""`/_sandbox/accounts/{collector_id}`: the settings that a merchant makes in the provider's panel, which has no API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from services.sandbox.api.middleware import control_error
from services.sandbox.api.payment_request import read_notification_url
from services.sandbox.state.errors import ProviderError
from services.sandbox.state.json_body import WrongBody, answer, read_control

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account


class PanelChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings to change; `"webhook_url": null` removes the address."""

    webhook_url: str | msgspec.UnsetType | None = msgspec.UNSET
    is_test_user: bool | msgspec.UnsetType = msgspec.UNSET


async def show_account(sim: Simulator, request: web.Request) -> web.Response:
    """Answer the settings of a merchant, without its secrets."""
    account = _find(sim, request)
    return _unknown() if account is None else answer(_shown(account))


async def change_account(sim: Simulator, request: web.Request) -> web.Response:
    """Change the named settings until the process ends or is reset; answer all settings."""
    account = _find(sim, request)
    if account is None:
        return _unknown()
    try:
        change = read_control(await request.read(), PanelChange)
        if change.webhook_url is not msgspec.UNSET:
            read_notification_url(change.webhook_url)
    except WrongBody as error:
        return control_error("invalid_account", str(error), status=400)
    except ProviderError as error:
        return control_error("invalid_account", f"webhook_url: {error.message}.", status=400)
    # `to_builtins` omits UNSET, so that only named settings change.
    changed = msgspec.structs.replace(account, **msgspec.to_builtins(change))
    sim.accounts.replace(changed)
    return answer(_shown(changed))


def _find(sim: Simulator, request: web.Request) -> Account | None:
    return sim.accounts.of_collector(int(request.match_info["collector_id"]))


def _unknown() -> web.Response:
    return control_error("unknown_account", "No merchant has this collector id.", status=404)


def _shown(account: Account) -> dict[str, object]:
    return {
        "collector_id": account.collector_id,
        "nickname": account.nickname,
        "webhook_url": account.webhook_url,
        "is_test_user": account.is_test_user,
    }
