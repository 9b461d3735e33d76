"""Reads the Idempotency-Key of requests to `/v1` about a payment, and records its use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.use_cases.idempotency import use_key
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import cause_of

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.idempotency import IdempotencyKey
    from extrato.use_cases.payments import LoadedPayment


def key_of(request: web.Request, loaded: LoadedPayment, *, what: str, body: bytes = b"") -> IdempotencyKey | None:
    """Read the key of a request about a payment, if it has one; `what` names the operation."""
    asked = f"{what} {loaded.payment_id}\n".encode() + body
    return fields.idempotency_key(request.headers, route="v1", body=asked)


async def is_repeated(request: web.Request, loaded: LoadedPayment, *, what: str, body: bytes = b"") -> bool:
    """Record the use of the request's key, if it has one; returns whether the same request used it before.

    For requests whose repetition is harmless. `what` names the operation. Raises `Refused` where another payment,
    operation or body used the key.
    """
    key = key_of(request, loaded, what=what, body=body)
    cause = cause_of(request)
    return await use_key(gateway_of(request).hub, loaded.merchant, key, payment_id=loaded.payment_id, cause=cause)
