"""Reads the evidence of a payment: the provider's and the bank's messages, and the webhooks that caused its events.

Each reading is logged, because an auditor asks which reader saw personal data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from contracts.api import EvidenceShown
from extrato.domain.errors import Refused
from extrato.errors import ExtratoError
from extrato.store.seal_metrics import UNREADABLE_EVIDENCE
from extrato.store.sealing import CannotOpen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.envelope import Cause, Envelope
    from extrato.store.evidence import StoredEvidence
    from extrato.use_cases.hub import Hub

_logger = structlog.get_logger(component="evidence")


class EvidenceUnreadable(ExtratoError):
    """A row of evidence was changed, or belongs to another payment: it proves nothing."""

    code = "evidence_unreadable"


async def read_evidence(
    hub: Hub, payment_id: int, history: Sequence[Envelope], digest: str, *, cause: Cause
) -> EvidenceShown:
    """Return one piece of a payment's evidence by its digest in hex; `history` are the payment's events.

    Raises `Refused` (`evidence_not_found`, `erased`), `EvidenceUnreadable`, `StoreUnavailable` and `InvalidVaultKey`.
    """
    known = {named.hex() for named in await _digests(hub, history)}
    if digest not in known:
        raise Refused("evidence_not_found", digest[:64])
    if await hub.personal_data.keys.is_destroyed(payment_id):
        raise Refused("erased", digest)
    facts = {"payment_id": payment_id, "digest": digest, "actor": cause.actor, "actor_id": cause.actor_id}
    try:
        opened = await hub.evidence.open(payment_id, bytes.fromhex(digest))
    except CannotOpen as error:
        if await hub.personal_data.keys.is_destroyed(payment_id):
            raise Refused("erased", digest) from error
        UNREADABLE_EVIDENCE.inc()
        _logger.error("evidence_unreadable", **facts, correlation_id=cause.correlation_id)  # noqa: TRY400 - no traceback
        raise EvidenceUnreadable(digest) from error
    if opened is None:
        raise Refused("erased", digest, why="retention")
    # A warning, so that no level of the log but `error` leaves it out.
    _logger.warning(
        "evidence_read", **facts, kind=opened.kind, merchant=history[0].merchant, correlation_id=cause.correlation_id
    )
    return EvidenceShown(
        success=True,
        payment_id=payment_id,
        digest=digest,
        salt=opened.salt.hex(),
        kind=opened.kind,
        stored_at=opened.stored_at,
        body=opened.body,
    )


async def list_evidence(hub: Hub, history: Sequence[Envelope]) -> list[StoredEvidence]:
    """Return what is stored of a payment's evidence, the oldest first; raises `StoreUnavailable`."""
    return await hub.evidence.stored(await _digests(hub, history))


async def _digests(hub: Hub, history: Sequence[Envelope]) -> set[bytes]:
    """Return the digests that a payment's events name, and those of the webhooks that caused the events."""
    named = {bytes.fromhex(text) for each in history if (text := getattr(each.event, "evidence", None))}
    deliveries = {
        UUID(each.cause.actor_id) for each in history if each.cause.actor == "webhook" and each.cause.actor_id
    }
    return named | await hub.evidence.digests_of(deliveries, merchant=history[0].merchant)
