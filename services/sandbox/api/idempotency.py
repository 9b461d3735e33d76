"""What was answered to an `X-Idempotency-Key`, so that a repeated call changes nothing.

Source: published probes. A repeated refund answers 200 with an empty body; a repeated payment is assumed to
answer with the payment as it was created, as the sibling Orders API does.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from services.sandbox.state.errors import bad_request, missing_idempotency_key
from services.sandbox.state.records import Payment

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.state.accounts import Account
    from services.sandbox.state.database import Database

_MAX_KEY = 128


class Answered(msgspec.Struct, frozen=True):
    """A call that succeeded, with the payment as it was right after it, and the request where it is compared."""

    payment: Payment
    digest: str | None = None


def scoped_key(request: web.Request, account: Account) -> str:
    """Return the key of a call within its merchant, method and path; raises `ProviderError` 4292 without one.

    The scope matters because the Node SDK can leak a key into later calls of the same client.
    """
    key = request.headers.get("X-Idempotency-Key", "").strip()
    if not key:
        raise missing_idempotency_key()
    if len(key) > _MAX_KEY:
        raise bad_request("Header X-Idempotency-Key is too long", code=4292)
    return f"{account.collector_id} {request.method} {request.path} {key}"


def answered_before(database: Database, key: str) -> Answered | None:
    """Return what the first call with this key did, `None` when there was none that succeeded."""
    return database.get("answers", key, Answered)


def digest_of(body: dict[str, Any]) -> str:
    """Return what two bodies have in common when they ask for the same, in whatever order."""
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


def remember(database: Database, key: str, payment: Payment, *, digest: str | None = None) -> None:
    """Keep what a call did, together with the change itself."""
    database.put("answers", key, Answered(payment, digest))
