"""Proves that keys were destroyed: what, when, by which request, and digests of the sealed bytes that remain."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from contracts.events import PayerForgotten, sealed_texts
from extrato.domain.payment.identifiers import stream_id
from extrato.errors import NotFound

if TYPE_CHECKING:
    from extrato.store.forgettings import Forgetting
    from extrato.use_cases.hub import Hub


LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SealedField(Struct, frozen=True, kw_only=True):
    """A sealed field of an event; `sha256` is the digest of the sealed text, in hex."""

    position: int
    event_id: UUID
    field: str
    sha256: str


class ListedEvidence(Struct, frozen=True, kw_only=True):
    """A piece of evidence: `digest` is the salted digest of its plain bytes, `sha256` that of the sealed bytes."""

    digest: str
    kind: str
    first_seen_at: datetime
    sha256: str


class DestroyedKey(Struct, frozen=True, kw_only=True):
    """One forgotten payment. `position` is that of `PayerForgotten`; None until the monitor has recorded it."""

    payment_id: int
    merchant: str
    reason: str
    requested_by: str
    requested_at: datetime
    destroyed_at: datetime
    position: int | None
    fields: list[SealedField]
    evidence: list[ListedEvidence]
    deleted_webhook_bodies: list[UUID]


class ForgettingProof(Struct, frozen=True, kw_only=True):
    """A proof for one log, without personal data."""

    log_id: UUID
    epoch: int
    made_at: datetime
    payments: list[DestroyedKey]


async def prove_forgettings(hub: Hub, *, payment_id: int | None, since: datetime | None) -> ForgettingProof:
    """Return the proof for one payment, or for those forgotten since a time.

    Raises `NotFound` for a payment whose payer is not forgotten.
    """
    if payment_id is not None:
        found = list((await hub.forgettings.read([payment_id])).values())
    else:
        found = await hub.forgettings.since(since or LONG_AGO)
    destroyed = [(each, each.destroyed_at) for each in found if each.destroyed_at is not None]
    if payment_id is not None and not destroyed:
        raise NotFound(str(payment_id), why="forgotten")
    identity = await hub.log.identity.read()
    return ForgettingProof(
        log_id=identity.log_id,
        epoch=identity.epoch,
        made_at=hub.now(),
        payments=[await _prove(hub, each, destroyed_at) for each, destroyed_at in destroyed],
    )


async def _prove(hub: Hub, request: Forgetting, destroyed_at: datetime) -> DestroyedKey:
    history = await hub.log.read_stream(stream_id(request.payment_id))
    fields = [
        SealedField(
            position=each.position,
            event_id=each.event_id,
            field=field,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        for each in history
        for field, text in sealed_texts(each.event).items()
    ]
    pieces = await hub.forgettings.evidence(request.payment_id)
    recorded = next((each.position for each in history if isinstance(each.event, PayerForgotten)), None)
    return DestroyedKey(
        payment_id=request.payment_id,
        merchant=history[0].merchant if history else "",
        reason=request.reason,
        requested_by=request.requested_by,
        requested_at=request.requested_at,
        destroyed_at=destroyed_at,
        position=recorded,
        fields=fields,
        evidence=[
            ListedEvidence(
                digest=each.digest.hex(),
                kind=each.kind,
                first_seen_at=each.first_seen_at,
                sha256=hashlib.sha256(each.body).hexdigest(),
            )
            for each in pieces
        ],
        deleted_webhook_bodies=await hub.forgettings.deliveries_without_body(request.payment_id),
    )
