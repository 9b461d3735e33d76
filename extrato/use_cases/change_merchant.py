"""Changes merchants, and makes API keys for them."""

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

# What a shop needs. A key that may say that money arrived is issued on purpose, to the bank's integration.
DEFAULT_SCOPES: Final = ("payments:write", "payments:read", "payments:refund")


class Changed(Struct, frozen=True, kw_only=True):
    """What came of commands: the merchant after them, and whether anything was recorded."""

    merchant: domain.Merchant
    is_new: bool


def new_api_key(
    slug: str, scopes: tuple[str, ...] = DEFAULT_SCOPES, *, listed_prices_only: bool = False, name: str | None = None
) -> tuple[str, IssueApiKey]:
    """Make a key: the text to show once, and the command that issues it."""
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    command = IssueApiKey(
        key_id=key_id,
        secret_digest=digest_of(secret),
        scopes=scopes,
        listed_prices_only=listed_prices_only,
        name=name,
    )
    return f"{KEY_PREFIX}.{slug}.{key_id}.{secret}", command


async def change_merchant(hub: Hub, slug: str, commands: Sequence[domain.Command], *, cause: Cause) -> Changed:
    """Have commands to a merchant handled; this process sees at once what came of them.

    Raises `Refused`, `Overloaded` and `StoreUnavailable`.
    """
    try:
        handled = await handle(hub, merchant_stream(slug), commands, cause=cause)
    finally:
        # Also where it is unknown whether something was recorded.
        hub.merchants.forget(slug)
    return Changed(merchant=handled.after, is_new=bool(handled.events))
