"""What follows from what a provider says of an attempt: recorded, ignored with a trace, or never believed."""

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
from extrato.domain.payment import ledger as book
from extrato.domain.payment.state import Charged, Opened
from extrato.domain.payment.traces import trace_of, unless_traced

if TYPE_CHECKING:
    from extrato.domain.payment.commands import RecordObservation
    from extrato.domain.payment.ledger import Attempt, Ledger

# For how long a provider may still answer with what was so before; who asks for one attempt later than that is told
# what is so.
ANSWERS_LAG: Final = timedelta(seconds=60)


def record_observation(command: RecordObservation, payment: Opened) -> list[EventOfOpened]:
    """Compare an observation with what is known, and tell what it means for the attempt."""
    command = _as_attempt(command, payment)
    if command.external_reference != payment.intent.external_reference:
        return unless_traced(_mismatched(command, payment), payment)
    known = payment.attempts.get(command.attempt_id)
    if known is not None and command.observed_at <= known.observed_at and _says_the_same(command, known):
        newest = _newest_refund_at(payment, command.attempt_id)
        is_repeated = command.by_id and command.observed_at == known.observed_at
        if newest is None or not is_repeated or command.asked_at < newest + ANSWERS_LAG:
            return []
        # A minute after the refund the provider still says so: it counts it already.
        command = replace(command, observed_at=newest)
    if known is not None and (_is_stale(command, known) or _misses_a_refund(command, known, payment)):
        ignored = _ignored(command)
        if not _is_insisted_on(command, ignored, payment):
            return unless_traced(ignored, payment)
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
    # A word that the provider goes back to may be remarkable each time.
    said_at = command.asked_at if is_set_back else recorded.observed_at
    return [recorded, *_remarks(recorded, payment, said_at)]


def _as_attempt(command: RecordObservation, payment: Opened) -> RecordObservation:
    """Take what was observed of the charge itself for the attempt that it is: both are views of the same money."""
    if isinstance(payment, Charged) and payment.charge.attempt_id and command.attempt_id == payment.charge.charge_id:
        return replace(command, attempt_id=payment.charge.attempt_id)
    return command


def _remarks(recorded: ObservationRecorded, payment: Opened, said_at: datetime) -> list[EventOfOpened]:
    """Tell what is remarkable about a word of the provider: it contradicts another, or comes late."""
    before, after = payment.ledger, book.after(payment.ledger, recorded)
    name = recorded.attempt_id
    then = before.share(name) if name in before.attempts else book.NOTHING
    now = after.share(name)
    events: list[EventOfOpened] = []
    reversal = _reversal(recorded, before, after)
    if reversal is not None:
        events += [reversal, _raised("refund_reversed", name, said_at)]
    has_fallen = now.received < then.received or (
        name in before.attempts and not _is_same_currency(before, after, name)
    )
    if then.received and has_fallen:
        events.append(_raised("provider_contradicts", name, said_at))
    if before.is_settled and not after.is_settled and not after.closed and not after.own_has_ended:
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
    if payment.cancellation == "made" and not after.attempts[name].has_ended:
        # It was begun before the provider was closed, and shows up only now.
        events.append(CancellationRequested())
    return events


def _reversal(recorded: ObservationRecorded, before: Ledger, after: Ledger) -> RefundReversed | None:
    """Say that less was given back than was thought, where the provider's newer word says so."""
    name = recorded.attempt_id
    if name not in before.attempts:
        return None
    then, now = before.share(name), after.share(name)
    has_fallen = _told(before.attempts[name]) > _told(after.attempts[name]) or now.refunded < then.refunded
    if not (now.received and has_fallen):
        return None
    event = RefundReversed(
        attempt_id=name, before_centavos=then.refunded, after_centavos=0, observed_at=recorded.observed_at
    )
    remaining = book.after(after, event).refunded_centavos(name)
    return replace(event, after_centavos=remaining) if remaining < then.refunded else None


def _told(attempt: Attempt) -> int:
    return attempt.amount_centavos if attempt.status == "refunded" else attempt.refunded_centavos


def _is_same_currency(before: Ledger, after: Ledger, name: str) -> bool:
    return before.attempts[name].currency == after.attempts[name].currency


def _raised(alert: str, attempt_id: str, said_at: datetime) -> AlertRaised:
    return AlertRaised(alert=alert, occurrence=f"{attempt_id} {said_at.isoformat()}")


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


def _says_the_same(command: RecordObservation, known: Attempt) -> bool:
    return (
        command.status == known.status
        and command.status_detail == known.status_detail
        and command.amount_centavos == known.amount_centavos
        and command.currency == known.currency
        and command.refunded_centavos == known.refunded_centavos
    )


def _misses_a_refund(command: RecordObservation, known: Attempt, payment: Opened) -> bool:
    """Say whether a search does not show a refund yet that was made: it lags, and only the attempt itself tells.

    A refund that was in process is dated when it was begun at the earliest, which may be before what the search shows.
    """
    newest = _newest_refund_at(payment, command.attempt_id)
    if command.by_id or newest is None or command.observed_at < newest:
        return False
    counted = payment.ledger.share(command.attempt_id).refunded
    return known.refunded_centavos <= command.refunded_centavos < counted and command.status in REFUNDABLE


def _newest_refund_at(payment: Opened, attempt_id: str) -> datetime | None:
    """Give when the newest refund was made that counts beside what the provider last said of the attempt."""
    told_at = payment.attempts[attempt_id].told_at
    ours = (refund for refund in payment.refunds.values() if refund.attempt_id == attempt_id)
    times = [refund.made_at for refund in ours if refund.made_at is not None and refund.made_at > told_at]
    return max(times, default=None)


def _is_stale(command: RecordObservation, known: Attempt) -> bool:
    """Say whether it is older than what is known, or a search that still tells what the provider has gone back on."""
    if command.observed_at < known.observed_at:
        return True
    is_gone_back_on = known.set_back_from is not None and command.observed_at <= known.set_back_from
    return is_gone_back_on and not command.by_id


def _is_insisted_on(command: RecordObservation, ignored: ObservationIgnored, payment: Opened) -> bool:
    """Say whether the provider, asked for this attempt, repeats what it said when it might have lagged behind."""
    trace = trace_of(ignored)
    if not command.by_id or trace not in payment.ignored:
        return False
    _, ignored_at = payment.ignored[trace]
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
