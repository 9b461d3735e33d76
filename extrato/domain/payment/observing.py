"""What follows from what a provider says of an attempt: recorded, ignored with a trace, or never believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from contracts.events import (
    CancellationRequested,
    ChargeCreated,
    DuplicatePaymentObserved,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PaymentEvent,
    PaymentOpened,
    StatusChanged,
)
from extrato.domain.payment.state import (
    ENDED,
    MAY_FOLLOW,
    SETTLED,
    Attempt,
    Opened,
    unless_traced,
    weightiest,
    with_attempt,
)

if TYPE_CHECKING:
    from extrato.domain.payment.commands import RecordObservation


def record_observation(command: RecordObservation, payment: Opened) -> list[PaymentEvent]:
    """Compare an observation with the charge and with what is known, and tell what it means for the payment."""
    command = _as_attempt(command, payment)
    mismatch = _mismatch(command, payment.intent)
    if mismatch is not None:
        return unless_traced(mismatch, payment)
    known = payment.attempts.get(command.attempt_id)
    if known is not None:
        if command.observed_at <= known.observed_at and _says_the_same(command, known):
            return []
        reason = _reason_to_ignore(command, known)
        if reason is not None:
            return unless_traced(_ignored(command, reason), payment)
    recorded = ObservationRecorded(
        attempt_id=command.attempt_id,
        status=command.status,
        status_detail=command.status_detail,
        amount_centavos=command.amount_centavos,
        refunded_centavos=command.refunded_centavos,
        observed_at=command.observed_at,
        paid_at=command.paid_at,
        payer_email=command.payer_email,
        evidence=command.evidence,
    )
    return [recorded, *_conclusions(recorded, payment)]


def _as_attempt(command: RecordObservation, payment: Opened) -> RecordObservation:
    """Take what was observed of the charge itself for the attempt that it is: both are views of the same money."""
    charge = payment.charge
    if isinstance(charge, ChargeCreated) and charge.attempt_id and command.attempt_id == charge.charge_id:
        return replace(command, attempt_id=charge.attempt_id)
    return command


def _conclusions(recorded: ObservationRecorded, payment: Opened) -> list[PaymentEvent]:
    """Tell what a recorded observation means for the payment as a whole."""
    events: list[PaymentEvent] = []
    paid_by = payment.attempt_id if payment.is_settled else None
    if recorded.status == "approved" and paid_by and paid_by != recorded.attempt_id:
        duplicate = DuplicatePaymentObserved(
            attempt_id=recorded.attempt_id,
            already_paid_by=paid_by,
            amount_centavos=recorded.amount_centavos,
        )
        if payment.status != "refunded":
            events += unless_traced(duplicate, payment)
    attempts = with_attempt(payment, recorded).attempts
    speaker = weightiest(attempts)
    said = attempts[speaker]
    status, detail = said.status, said.status_detail
    may_be_tried_again = payment.own_attempt_id is None and payment.cancellation == "none" and not payment.expired
    if status == "cancelled" and may_be_tried_again:
        # A payer gave one attempt up; the link waits for another one.
        status, detail = "pending", None
    holds = payment.is_closed and status not in SETTLED
    if status != payment.status and not holds:
        events.append(
            StatusChanged(
                previous=payment.status,
                status=status,
                status_detail=detail,
                attempt_id=speaker,
                paid_at=said.paid_at,
            )
        )
    may_be_paid_yet = recorded.status not in ENDED and not attempts[recorded.attempt_id].was_paid
    if payment.cancellation == "made" and may_be_paid_yet:
        # It was begun before the provider was closed, and shows up only now.
        events.append(CancellationRequested())
    return events


def _mismatch(command: RecordObservation, intent: PaymentOpened) -> ObservationMismatched | None:
    """Compare amount, currency and reference with the charge, before anything is believed."""
    compared = (
        ("external_reference", intent.external_reference, command.external_reference),
        ("currency", intent.currency, command.currency),
        ("amount_centavos", str(intent.amount_centavos), str(command.amount_centavos)),
    )
    for field, expected, observed in compared:
        if expected != observed:
            return ObservationMismatched(
                attempt_id=command.attempt_id,
                field=field,
                expected=expected,
                observed=str(observed),
                status=command.status,
                observed_at=command.observed_at,
                evidence=command.evidence,
            )
    return None


def _says_the_same(command: RecordObservation, known: Attempt) -> bool:
    return (
        command.status == known.status
        and command.status_detail == known.status_detail
        and command.refunded_centavos == known.refunded_centavos
    )


def _reason_to_ignore(command: RecordObservation, known: Attempt) -> str | None:
    if command.observed_at < known.observed_at:
        return "stale"
    if command.status == known.status or command.status not in MAY_FOLLOW:
        return None
    if known.status in MAY_FOLLOW and command.status not in MAY_FOLLOW[known.status]:
        return "illegal_transition"
    return None


def _ignored(command: RecordObservation, reason: str) -> ObservationIgnored:
    return ObservationIgnored(
        attempt_id=command.attempt_id,
        status=command.status,
        status_detail=command.status_detail,
        observed_at=command.observed_at,
        reason=reason,
        evidence=command.evidence,
    )
