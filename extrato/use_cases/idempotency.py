"""Idempotency keys: a stream for each key of a merchant, which has the event of the request that used it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from msgspec import Struct

from contracts.events import IdempotencyKeyUsed
from extrato.domain.errors import Refused
from extrato.store.appender import StreamAppend
from extrato.use_cases.command_handler import begin_stream, new_events

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from extrato.use_cases.hub import Hub

KEY_NAMESPACE: Final = UUID("6d1a9a0c-3f55-5e0d-8c1b-0f7a6a3b9a77")


class IdempotencyKey(Struct, frozen=True, kw_only=True):
    """The caller's key for one request; `request_digest` identifies the request."""

    key: str
    request_digest: str


async def use_of_key(
    hub: Hub, merchant: str, idempotency_key: IdempotencyKey, *, payment_id: int, cause: Cause
) -> StreamAppend:
    """Return the append that records the first use of a key; it raises `Conflict` if the key was used before."""
    digest = await hub.personal_data.request_digest(idempotency_key.request_digest)
    used = IdempotencyKeyUsed(request_digest=digest, opened_payment_id=payment_id)
    return StreamAppend(
        stream_id=_stream(merchant, idempotency_key),
        expected_version=0,
        events=new_events(hub, [used], merchant=merchant, payment_id=None, cause=cause),
    )


async def payment_of_key(hub: Hub, merchant: str, idempotency_key: IdempotencyKey) -> int | None:
    """Return the payment of the request that used a key, if there is one.

    Raises `Refused("idempotency_key_reused")` if that was another request.
    """
    history = await hub.log.read_stream(_stream(merchant, idempotency_key))
    used = next((each.event for each in history if isinstance(each.event, IdempotencyKeyUsed)), None)
    if used is None:
        return None
    # Older logs have the digest without a key.
    digests = {idempotency_key.request_digest, await hub.personal_data.request_digest(idempotency_key.request_digest)}
    if used.request_digest not in digests:
        raise Refused("idempotency_key_reused", "Idempotency-Key")
    return used.opened_payment_id


async def use_key(
    hub: Hub, merchant: str, idempotency_key: IdempotencyKey | None, *, payment_id: int, cause: Cause
) -> bool:
    """Record that a request about a payment used a key; returns whether the same request used it before.

    For requests whose repetition is harmless: call this first, and do what is asked in any case, because a crash may
    come between. Raises `Refused("idempotency_key_reused")` for another request.
    """
    if idempotency_key is None:
        return False
    append = await use_of_key(hub, merchant, idempotency_key, payment_id=payment_id, cause=cause)
    if await begin_stream(hub, append):
        return False
    return await payment_of_key(hub, merchant, idempotency_key) is not None


def _stream(merchant: str, idempotency_key: IdempotencyKey) -> UUID:
    return uuid5(KEY_NAMESPACE, f"{merchant}\n{idempotency_key.key}")
