"""The first admin key, with which the operator manages every merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.domain import merchant as domain
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import MerchantDirectory, read_merchant
from services.cli.key_file import read_key, write_key

if TYPE_CHECKING:
    from pathlib import Path

    from contracts.envelope import Cause
    from extrato.settings import Settings
    from extrato.use_cases.hub import Hub

SCOPES: Final = ("admin", "metrics", "payments:read")


async def prepare_admin_key(hub: Hub, settings: Settings, *, cause: Cause) -> Path | None:
    """Return the file of the first admin key, after issuing it once; None when the key was removed or revoked."""
    key_file = settings.home / "admin-api-key"
    _, version = await read_merchant(hub.log, domain.RESERVED_SLUG)
    if version == 0:
        api_key, issue = new_api_key(domain.RESERVED_SLUG, SCOPES)
        write_key(key_file, api_key)
        await change_merchant(hub, domain.RESERVED_SLUG, [issue], cause=cause)
        return key_file
    known = read_key(key_file)
    return key_file if known is not None and await MerchantDirectory(hub.log).authenticate(known) else None
