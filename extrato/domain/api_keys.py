"""API keys: the secrets that act for a merchant or for the hub itself, and their scopes.

A part of the aggregate in `merchant.py`, divided like it: state, commands, decisions. The history serves people.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from contracts.api.types import MERCHANT_SCOPES
from contracts.envelope import Cause
from contracts.events import ApiKeyEvent, ApiKeyIssued, ApiKeyRevoked
from extrato.domain.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.envelope import Envelope

# --- state --------------------------------------------------------------------------------------


class ApiKeys(Struct, frozen=True, kw_only=True):
    """The valid keys by id, and the ids of the revoked ones."""

    issued: dict[str, ApiKeyIssued] = {}
    revoked: frozenset[str] = frozenset()


def evolve(keys: ApiKeys, event: ApiKeyEvent) -> ApiKeys:
    """Apply one event."""
    match event:
        case ApiKeyIssued():
            return replace(keys, issued={**keys.issued, event.key_id: event})
        case ApiKeyRevoked():
            left = {key_id: issued for key_id, issued in keys.issued.items() if key_id != event.key_id}
            return ApiKeys(issued=left, revoked=keys.revoked | {event.key_id})
        case _:
            assert_never(event)


# --- commands -----------------------------------------------------------------------------------

SCOPES: Final[frozenset[str]] = frozenset(MERCHANT_SCOPES)
# The metrics count the payments of all merchants together, so no merchant's key may read them.
HUB_SCOPES: Final = SCOPES | {"metrics"}
MAX_API_KEYS: Final = 100
MAX_NAME_LENGTH: Final = 60


class IssueApiKey(Struct, frozen=True, kw_only=True):
    """Issue an API key; with `listed_prices_only` the key may not set prices.

    `name` describes the key to people; several keys may have the same name.
    """

    key_id: str
    secret_digest: str
    scopes: tuple[str, ...]
    listed_prices_only: bool = False
    name: str | None = None


class RevokeApiKey(Struct, frozen=True, kw_only=True):
    """Revoke an API key."""

    key_id: str


KeyCommand = IssueApiKey | RevokeApiKey

# --- decisions ----------------------------------------------------------------------------------


class ListedPricesOnly(Refused):
    """The request sets a price, but its key may only charge the merchant's listed prices."""

    def __init__(self, about: str) -> None:
        super().__init__("listed_prices_only", about)


def decide(command: KeyCommand, keys: ApiKeys, *, allowed: frozenset[str] = SCOPES) -> list[ApiKeyEvent]:
    """Return the events of `command`; none when it does not change the state. Raises `Refused`.

    `allowed` are the scopes that this holder's keys may have.
    """
    match command:
        case IssueApiKey():
            return _issue(command, keys, allowed)
        case RevokeApiKey():
            return _revoke(command, keys)
        case _:
            assert_never(command)


def _issue(command: IssueApiKey, keys: ApiKeys, allowed: frozenset[str]) -> list[ApiKeyEvent]:
    if not command.scopes or set(command.scopes) - allowed:
        raise Refused("unknown_scope", "scopes", scopes=", ".join(sorted(allowed)))
    if command.listed_prices_only and "admin" in command.scopes:
        raise Refused("admin_sets_prices", "listed_prices_only")
    event = ApiKeyIssued(
        key_id=command.key_id,
        secret_digest=command.secret_digest,
        scopes=command.scopes,
        listed_prices_only=command.listed_prices_only,
        name=None if command.name is None else _name(command.name),
    )
    known = keys.issued.get(command.key_id)
    if known == event:
        return []
    if known is not None or command.key_id in keys.revoked:
        raise Refused("api_key_exists", command.key_id)
    if len(keys.issued) >= MAX_API_KEYS:
        raise Refused("too_many_api_keys", "api_keys", maximum=MAX_API_KEYS)
    return [event]


def _revoke(command: RevokeApiKey, keys: ApiKeys) -> list[ApiKeyEvent]:
    if command.key_id in keys.revoked:
        return []
    if command.key_id not in keys.issued:
        raise Refused("api_key_not_found", command.key_id)
    return [ApiKeyRevoked(key_id=command.key_id)]


def _name(text: str) -> str:
    name = text.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise Refused("invalid_api_key_name", "name", maximum=MAX_NAME_LENGTH)
    return name


# --- history ------------------------------------------------------------------------------------

MAX_REVOKED_LISTED: Final = 100


class KeyRecord(Struct, frozen=True, kw_only=True):
    """A key as it was issued, with when and by what; `revoked_at` is None for a valid key.

    `version` is the place of the issue in the stream, so that a later key has a larger one.
    """

    issued: ApiKeyIssued
    issued_at: datetime
    issued_by: Cause
    version: int
    revoked_at: datetime | None = None


def records(history: Iterable[Envelope]) -> list[KeyRecord]:
    """Return all keys in the order of issue, revoked ones too.

    The times come from the log, so that every key has them, old ones too.
    """
    known: dict[str, KeyRecord] = {}
    for envelope in history:
        event, at = envelope.event, envelope.recorded_at
        if isinstance(event, ApiKeyIssued):
            known[event.key_id] = KeyRecord(
                issued=event, issued_at=at, issued_by=envelope.cause, version=envelope.version
            )
        elif isinstance(event, ApiKeyRevoked):
            known[event.key_id] = replace(known[event.key_id], revoked_at=at)
    return list(known.values())


def without_oldest_revoked(keys: Iterable[KeyRecord]) -> list[KeyRecord]:
    """Return the keys in their order; of the revoked ones, only the `MAX_REVOKED_LISTED` that were revoked last."""
    keys = list(keys)
    revoked = sorted((key.revoked_at, key.issued.key_id) for key in keys if key.revoked_at is not None)
    left_out = {key_id for _, key_id in revoked[:-MAX_REVOKED_LISTED]}
    return [key for key in keys if key.issued.key_id not in left_out]
