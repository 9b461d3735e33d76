"""API keys: which secrets act for a merchant or for the hub itself, and for how much.

A part of the aggregate in `merchant.py`, cut like it: state, commands, decisions.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import ApiKeyEvent, ApiKeyIssued, ApiKeyRevoked
from extrato.domain.errors import Refused

# --- state --------------------------------------------------------------------------------------


class ApiKeys(Struct, frozen=True, kw_only=True):
    """The keys that open, by id, and the ids of those that never will again."""

    issued: dict[str, ApiKeyIssued] = {}
    revoked: frozenset[str] = frozenset()


def evolve(keys: ApiKeys, event: ApiKeyEvent) -> ApiKeys:
    """Apply one event."""
    if isinstance(event, ApiKeyIssued):
        return replace(keys, issued={**keys.issued, event.key_id: event})
    left = {key_id: issued for key_id, issued in keys.issued.items() if key_id != event.key_id}
    return ApiKeys(issued=left, revoked=keys.revoked | {event.key_id})


# --- commands -----------------------------------------------------------------------------------

SCOPES: Final = frozenset({"payments:write", "payments:read", "payments:refund", "confirm", "admin"})
# The metrics count the payments of all merchants together, so that no merchant's own key may read them.
HUB_SCOPES: Final = SCOPES | {"metrics"}
MAX_API_KEYS: Final = 100


class IssueApiKey(Struct, frozen=True, kw_only=True):
    """Let the bearer of a secret act; with `listed_prices_only` without ever setting a price."""

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]
    listed_prices_only: bool = False


class RevokeApiKey(Struct, frozen=True, kw_only=True):
    """Let the bearer of a key act for nobody."""

    key_id: str


KeyCommand = IssueApiKey | RevokeApiKey

# --- decisions ----------------------------------------------------------------------------------


class ListedPricesOnly(Refused):
    """The request sets a price, and its key may charge the prices of the merchant's products only."""

    def __init__(self, about: str) -> None:
        message = "This API key may not set a price: it charges the prices of the merchant's products."
        super().__init__("listed_prices_only", message, about)


def decide(command: KeyCommand, keys: ApiKeys, *, allowed: frozenset[str] = SCOPES) -> list[ApiKeyEvent]:
    """Give the events that follow from `command`; none when it changes nothing. Raises `Refused`.

    `allowed` are the scopes that a key of this holder may have.
    """
    if isinstance(command, IssueApiKey):
        return _issue(command, keys, allowed)
    if command.key_id in keys.revoked:
        return []
    if command.key_id not in keys.issued:
        raise Refused("api_key_not_found", "There is no API key with this id.", command.key_id)
    return [ApiKeyRevoked(key_id=command.key_id)]


def _issue(command: IssueApiKey, keys: ApiKeys, allowed: frozenset[str]) -> list[ApiKeyEvent]:
    if not command.scopes or set(command.scopes) - allowed:
        named = ", ".join(sorted(allowed))
        raise Refused("unknown_scope", f"An API key has one or more of the scopes {named}.", "scopes")
    if command.listed_prices_only and "admin" in command.scopes:
        message = "A key with the scope 'admin' sets the prices of the products: it cannot be kept to them."
        raise Refused("admin_sets_prices", message, "listed_prices_only")
    event = ApiKeyIssued(
        key_id=command.key_id,
        secret_digest=command.secret_digest,
        scopes=command.scopes,
        listed_prices_only=command.listed_prices_only,
    )
    known = keys.issued.get(command.key_id)
    if known == event:
        return []
    if known is not None or command.key_id in keys.revoked:
        raise Refused("api_key_exists", "An API key with this id exists, and it is another one.", command.key_id)
    if len(keys.issued) >= MAX_API_KEYS:
        raise Refused("too_many_api_keys", f"{MAX_API_KEYS} API keys are enough; revoke some.", "api_keys")
    return [event]
