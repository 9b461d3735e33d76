"""Collects what the hub holds of a payer, for the answer to a request of access (LGPD Art. 18 and 19)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from contracts.events import AlertResolved, Item, RefundRequested, sealed_texts
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.person import kind_of
from extrato.store.personal_data import EMAIL
from extrato.store.sealing import CannotOpen
from extrato.use_cases.forget_payer import find_payments
from extrato.use_cases.payments import load_payment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from contracts.events import Event
    from extrato.store.forgettings import EvidenceRow
    from extrato.store.sealing import PaymentKey
    from extrato.use_cases.hub import Hub


# Fields of Mercado Pago's answers, at any depth: the bank's words about the payer of a Pix are far inside.
PERSONS: Final = frozenset({"payer", "card", "receiver_address"})
CONFIRMATION: Final = "bank/confirmation"


class HeldEvidence(Struct, frozen=True, kw_only=True):
    """A message of the provider or the bank; `payer` is what it says about the payer and the card, by path.

    It is None for a message without such words, and for one that is unreadable.
    """

    digest: str
    kind: str
    first_seen_at: datetime
    kept_until: datetime
    payer: dict[str, object] | None


class HeldOfPayment(Struct, frozen=True, kw_only=True):
    """What the hub holds of a payer because of one payment; amounts are whole centavos.

    `emails` are the addresses in the events. `metadata`, `reference`, `return_url` and the `reasons` of refunds and
    alerts are the merchant's, and may name the payer. `details` are kept until the charge exists, a day at most.
    `held_until` and `held_because` are those of a hold.
    """

    payment_id: int
    merchant: str
    opened_at: datetime
    status: str
    amount_centavos: int
    currency: str
    title: str
    description: str
    items: tuple[Item, ...]
    reference: str | None
    return_url: str | None
    reasons: list[str]
    emails: list[str]
    metadata: dict[str, str]
    details: dict[str, object] | None
    evidence: list[HeldEvidence]
    webhook_deliveries: int
    held_because: str | None
    held_until: datetime | None


class HeldOfPerson(Struct, frozen=True, kw_only=True):
    """What the hub holds of a person. `found_by` is the kind of the identifier: e-mail, CPF, CNPJ or telephone."""

    made_at: datetime
    found_by: str
    payments: list[HeldOfPayment]


async def export_person(hub: Hub, payer: str, *, evidence_kept: timedelta, merchant: str | None = None) -> HeldOfPerson:
    """Return what the hub holds of a payer, of one merchant or (None) of all; raises `Refused` for another text."""
    payment_ids = await find_payments(hub, payer, merchant=merchant, most=None)
    return HeldOfPerson(
        made_at=hub.now(),
        found_by=kind_of(payer) or "",
        payments=[await _held_of(hub, each, evidence_kept) for each in payment_ids],
    )


async def _held_of(hub: Hub, payment_id: int, evidence_kept: timedelta) -> HeldOfPayment:
    loaded = await load_payment(hub, payment_id)
    intent, data = loaded.payment.intent, hub.personal_data
    events = [envelope.event for envelope in await hub.log.read_stream(stream_id(payment_id))]
    emails = await data.open_all([(payment_id, sealed_texts(each).get(EMAIL)) for each in events])
    details = await hub.payers.recall(payment_id)
    hold = (await hub.forgettings.holds([payment_id])).get(payment_id)
    key = (await data.keys.get_all([payment_id])).get(payment_id)
    evidence = [
        HeldEvidence(
            digest=each.digest.hex(),
            kind=each.kind,
            first_seen_at=each.first_seen_at,
            kept_until=each.first_seen_at + evidence_kept,
            payer=_persons_in(key, each) if key else None,
        )
        for each in await hub.forgettings.evidence(payment_id)
    ]
    return HeldOfPayment(
        payment_id=payment_id,
        merchant=loaded.merchant,
        opened_at=loaded.opened_at,
        status=loaded.payment.status,
        amount_centavos=intent.amount_centavos,
        currency=intent.currency,
        title=intent.title,
        description=intent.description,
        items=intent.items,
        reference=intent.reference,
        return_url=intent.return_url,
        reasons=_reasons(events),
        emails=sorted({email for email in emails if email is not None}),
        metadata=await data.open_metadata(payment_id, intent.metadata),
        details=None if details is None else msgspec.to_builtins(details),
        evidence=evidence,
        webhook_deliveries=await hub.forgettings.count_deliveries(payment_id),
        held_because=hold.reason if hold else None,
        held_until=hold.until if hold else None,
    )


def _reasons(events: Iterable[Event]) -> list[str]:
    """Return the merchant's words about refunds and alerts, each once."""
    said = [each.reason for each in events if isinstance(each, (RefundRequested, AlertResolved))]
    return list(dict.fromkeys(reason for reason in said if reason is not None))


def _persons_in(key: PaymentKey, piece: EvidenceRow) -> dict[str, object] | None:
    """Return the parts of a provider's answer that describe the payer, by their paths, or a bank's whole message."""
    try:
        answer = msgspec.json.decode(key.open_evidence(piece.digest, piece.body), type=dict[str, object])
    except (CannotOpen, msgspec.MsgspecError):
        return None
    return (answer if piece.kind == CONFIRMATION else dict(_persons(answer))) or None


def _persons(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    named = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in named:
        if name in PERSONS and _has_content(part):
            yield f"{path}{name}", part
        else:
            yield from _persons(part, f"{path}{name}.")


def _has_content(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_content, value.values()))
    return value not in (None, "", [])
