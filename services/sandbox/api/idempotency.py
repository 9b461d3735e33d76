"""The answers by `X-Idempotency-Key`, so that a repeated request has no second effect.

Source: published probes. A repeated refund answers 200 with an empty body; a repeated payment is assumed to
answer the payment as it was created, as the Orders API does.
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
    """A successful request: the payment right after it, and the body's digest where repetitions are compared."""

    payment: Payment
    digest: str | None = None


def scoped_key(request: web.Request, account: Account) -> str:
    """Return the key, scoped by merchant, method and path; raises `ProviderError` 4292 without a key.

    The scope matters, because the Node SDK can leak a key into later requests of the same client.
    """
    key = request.headers.get("X-Idempotency-Key", "").strip()
    if not key:
        raise missing_idempotency_key()
    if len(key) > _MAX_KEY:
        raise bad_request("Header X-Idempotency-Key is too long", code=4292)
    return f"{account.collector_id} {request.method} {request.path} {key}"


def answered_before(database: Database, key: str) -> Answered | None:
    """Return the first successful request with this key, or `None`."""
    return database.get("answers", key, Answered)


def digest_of(body: dict[str, Any]) -> str:
    """Return a digest of the body that does not depend on the order of fields."""
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


def remember(database: Database, key: str, payment: Payment, *, digest: str | None = None) -> None:
    """Store the result of a request, in the same transaction as its change."""
    database.put("answers", key, Answered(payment, digest))
