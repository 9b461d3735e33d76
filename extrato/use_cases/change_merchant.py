"""Changes merchants, and creates their API keys."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.domain import merchant as domain
from extrato.domain.api_keys import IssueApiKey
from extrato.use_cases.command_handler import handle
from extrato.use_cases.merchant_directory import KEY_PREFIX, digest_of, merchant_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub

# The scopes of a shop. The scope `confirm` is issued on purpose, to the bank's integration.
DEFAULT_SCOPES: Final = ("payments:write", "payments:read", "payments:refund")


class Changed(Struct, frozen=True, kw_only=True):
    """The result of commands: the merchant after them, and whether an event was recorded.

    `position` is that of the newest event of the merchant; 0 if there is none.
    """

    merchant: domain.Merchant
    is_new: bool
    position: int


def new_api_key(
    slug: str,
    scopes: tuple[str, ...] = DEFAULT_SCOPES,
    *,
    listed_prices_only: bool = False,
    name: str | None = None,
    key_id: str | None = None,
) -> tuple[str, IssueApiKey]:
    """Create a key: returns the text to show once, and the command that issues it."""
    key_id, secret = key_id or secrets.token_hex(4), secrets.token_urlsafe(32)
    command = IssueApiKey(
        key_id=key_id,
        secret_digest=digest_of(secret),
        scopes=scopes,
        listed_prices_only=listed_prices_only,
        name=name,
    )
    return f"{KEY_PREFIX}.{slug}.{key_id}.{secret}", command


async def change_merchant(hub: Hub, slug: str, commands: Sequence[domain.Command], *, cause: Cause) -> Changed:
    """Handle commands to a merchant; this process reads the result at once.

    Raises `Refused`, `Overloaded` and `StoreUnavailable`.
    """
    try:
        handled = await handle(hub, merchant_stream(slug), commands, cause=cause)
    finally:
        # This also covers an error after which the outcome is unknown.
        hub.merchants.forget(slug)
    last = handled.before.last
    position = handled.positions[-1] if handled.positions else last.position if last else 0
    return Changed(merchant=handled.after, is_new=bool(handled.events), position=position)
