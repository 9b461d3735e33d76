"""Decides about a provider's answer on an attempt: recorded, ignored with a fingerprint, or mismatched."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from contracts.events import (
    AlertRaised,
    CancellationRequested,
    EventOfOpened,
    LatePaymentReceived,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PaymentReopened,
    RefundReversed,
)
from contracts.payment_status import REFUNDABLE
from extrato.domain.payment.fingerprints import fingerprint_of, unless_recorded
from extrato.domain.payment.ledger import NOTHING, evolve_ledger
from extrato.domain.payment.state import Charged, Opened

if TYPE_CHECKING:
    from extrato.domain.payment.commands import RecordObservation
    from extrato.domain.payment.ledger import Attempt, Ledger

# How long a provider may answer with outdated data; a later request for one attempt returns current data.
ANSWERS_LAG: Final = timedelta(seconds=60)


def record_observation(command: RecordObservation, payment: Opened) -> list[EventOfOpened]:
    """Compare an observation with the recorded state, and return the events for the attempt."""
    command = _as_attempt(command, payment)
    if command.external_reference != payment.intent.external_reference:
        return unless_recorded(_mismatched(command, payment), payment)
    known = payment.attempts.get(command.attempt_id)
    if known is not None and command.observed_at <= known.observed_at and _is_same_report(command, known):
        newest = _newest_refund_at(payment, command.attempt_id)
        is_repeated = command.by_id and command.observed_at == known.observed_at
        if newest is None or not is_repeated or command.asked_at < newest + ANSWERS_LAG:
            return []
        # A minute after the refund the provider repeats its answer, so the answer includes the refund.
        command = replace(command, observed_at=newest)
    if known is not None and (_is_stale(command, known) or _misses_a_refund(command, known, payment)):
        ignored = _ignored(command)
        if not _is_repeated_by_id(command, ignored, payment):
            return unless_recorded(ignored, payment)
    recorded = ObservationRecorded(
        attempt_id=command.attempt_id,
        status=command.status,
        status_detail=command.status_detail,
        amount_centavos=command.amount_centavos,
        currency=command.currency,
        refunded_centavos=command.refunded_centavos,
        observed_at=command.observed_at,
        paid_at=command.paid_at,
        payer_email=command.payer_email,
        evidence=command.evidence,
    )
    is_set_back = known is not None and recorded.observed_at < known.observed_at
    # A provider may return to an older report more than once, and each time may raise an alert.
    reported_at = command.asked_at if is_set_back else recorded.observed_at
    return [recorded, *_contradictions(recorded, payment, reported_at)]


def _as_attempt(command: RecordObservation, payment: Opened) -> RecordObservation:
    """Record an observation of the charge itself under its attempt: both are views of the same money."""
    if isinstance(payment, Charged) and payment.charge.attempt_id and command.attempt_id == payment.charge.charge_id:
        return replace(command, attempt_id=payment.charge.attempt_id)
    return command


def _contradictions(recorded: ObservationRecorded, payment: Opened, reported_at: datetime) -> list[EventOfOpened]:
    """Return the events for a report that contradicts an earlier one or comes late."""
    before, after = payment.ledger, evolve_ledger(payment.ledger, recorded)
    name = recorded.attempt_id
    then = before.share(name) if name in before.attempts else NOTHING
    now = after.share(name)
    events: list[EventOfOpened] = []
    reversal = _reversal(recorded, before, after)
    if reversal is not None:
        events += [reversal, _raised("refund_reversed", name, reported_at)]
    has_fallen = now.received < then.received or (
        name in before.attempts and not _is_same_currency(before, after, name)
    )
    if then.received and has_fallen:
        events.append(_raised("provider_contradicts", name, reported_at))
    if before.is_settled and not after.is_settled and not after.closed and not after.own_attempt_has_ended:
        events.append(
            PaymentReopened(
                provider=payment.intent.provider,
                external_reference=payment.intent.external_reference,
                own_attempt_id=payment.own_attempt_id,
                unsettled_attempts=tuple(each for each, attempt in after.attempts.items() if not attempt.has_ended),
                expires_at=payment.intent.expires_at,
            )
        )
    was_over = before.closed is not None or before.status == "cancelled"
    if was_over and after.is_settled and not before.is_settled:
        events.append(
            LatePaymentReceived(
                attempt_id=name,
                amount_centavos=recorded.amount_centavos,
                received_at=recorded.observed_at,
                paid_at=recorded.paid_at,
                evidence=recorded.evidence,
            )
        )
    if payment.cancellation == "completed" and not after.attempts[name].has_ended:
        # The attempt began before the charge was closed, and appears only afterwards.
        events.append(CancellationRequested())
    return events


def _reversal(recorded: ObservationRecorded, before: Ledger, after: Ledger) -> RefundReversed | None:
    """Return an event if the provider's newer report has a lower refunded sum."""
    name = recorded.attempt_id
    if name not in before.attempts:
        return None
    then, now = before.share(name), after.share(name)
    before_centavos, after_centavos = _reported_refund(before.attempts[name]), _reported_refund(after.attempts[name])
    has_fallen = before_centavos > after_centavos or now.refunded < then.refunded
    if not (now.received and has_fallen):
        return None
    event = RefundReversed(
        attempt_id=name, before_centavos=then.refunded, after_centavos=0, observed_at=recorded.observed_at
    )
    remaining = evolve_ledger(after, event).refunded_centavos(name)
    return replace(event, after_centavos=remaining) if remaining < then.refunded else None


def _reported_refund(attempt: Attempt) -> int:
    return attempt.amount_centavos if attempt.status == "refunded" else attempt.refunded_centavos


def _is_same_currency(before: Ledger, after: Ledger, name: str) -> bool:
    return before.attempts[name].currency == after.attempts[name].currency


def _raised(alert: str, attempt_id: str, reported_at: datetime) -> AlertRaised:
    return AlertRaised(alert=alert, occurrence=f"{attempt_id} {reported_at.isoformat()}")


def _mismatched(command: RecordObservation, payment: Opened) -> ObservationMismatched:
    return ObservationMismatched(
        attempt_id=command.attempt_id,
        field="external_reference",
        expected=payment.intent.external_reference,
        observed=str(command.external_reference),
        status=command.status,
        observed_at=command.observed_at,
        evidence=command.evidence,
    )


def _is_same_report(command: RecordObservation, known: Attempt) -> bool:
    return (
        command.status == known.status
        and command.status_detail == known.status_detail
        and command.amount_centavos == known.amount_centavos
        and command.currency == known.currency
        and command.refunded_centavos == known.refunded_centavos
    )


def _misses_a_refund(command: RecordObservation, known: Attempt, payment: Opened) -> bool:
    """A search lags behind and misses a made refund; only a request by id shows it.

    A refund that was in process is dated at the earliest when it began, which may be before the time of the search.
    """
    newest = _newest_refund_at(payment, command.attempt_id)
    if command.by_id or newest is None or command.observed_at < newest:
        return False
    counted = payment.ledger.share(command.attempt_id).refunded
    return known.refunded_centavos <= command.refunded_centavos < counted and command.status in REFUNDABLE


def _newest_refund_at(payment: Opened, attempt_id: str) -> datetime | None:
    """Return the time of the newest refund that the provider's last report does not include."""
    reported_until = payment.attempts[attempt_id].reported_until
    ours = (refund for refund in payment.refunds.values() if refund.attempt_id == attempt_id)
    times = [refund.made_at for refund in ours if refund.made_at is not None and refund.made_at > reported_until]
    return max(times, default=None)


def _is_stale(command: RecordObservation, known: Attempt) -> bool:
    """The answer is older than the recorded one, or is a search result that the provider has withdrawn."""
    if command.observed_at < known.observed_at:
        return True
    is_withdrawn = known.set_back_from is not None and command.observed_at <= known.set_back_from
    return is_withdrawn and not command.by_id


def _is_repeated_by_id(command: RecordObservation, ignored: ObservationIgnored, payment: Opened) -> bool:
    """The provider, asked by id, repeats an answer that was ignored because it could have been outdated."""
    fingerprint = fingerprint_of(ignored)
    if not command.by_id or fingerprint not in payment.ignored:
        return False
    _, ignored_at = payment.ignored[fingerprint]
    return ignored_at is None or command.asked_at >= ignored_at + ANSWERS_LAG


def _ignored(command: RecordObservation) -> ObservationIgnored:
    return ObservationIgnored(
        attempt_id=command.attempt_id,
        status=command.status,
        status_detail=command.status_detail,
        observed_at=command.observed_at,
        ignored_at=command.asked_at,
        reason="stale",
        evidence=command.evidence,
    )
