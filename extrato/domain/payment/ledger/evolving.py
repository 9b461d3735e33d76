"""Applies the events of a payment to its ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from contracts.events import (
    AlertEnded,
    AlertRaised,
    AlertResolved,
    CancellationRefused,
    CancellationRequested,
    ChargeCreated,
    ChargeRefused,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    MoneyAccepted,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PayerForgotten,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    PaymentHeld,
    PaymentOpened,
    PaymentReleased,
    PaymentReopened,
    PixReturned,
    RefundAccepted,
    RefundMade,
    RefundRefused,
    RefundRequested,
    RefundReversed,
    StatusChanged,
    TextHidden,
    TransferNamed,
    WatchStarted,
)
from contracts.payment_status import KNOWN, SETTLED
from extrato.domain.payment.ledger.attempts import Attempt, Refund, Return
from extrato.domain.payment.ledger.status import with_status

if TYPE_CHECKING:
    from extrato.domain.payment.ledger.state import Ledger


def evolve_ledger(ledger: Ledger, event: PaymentEvent) -> Ledger:
    """Apply one event; returns the same object when the event affects neither money nor status."""
    booked = _apply(ledger, event)
    return booked if booked is ledger or type(event) in _KEEP_STATUS else with_status(ledger, booked)


# The ledger records these events, but held money and status stay the same.
_KEEP_STATUS: Final = frozenset({StatusChanged, RefundRequested, RefundAccepted, RefundRefused, PayerForgotten})


def _apply(ledger: Ledger, event: PaymentEvent) -> Ledger:  # noqa: C901, PLR0911, PLR0912 - one line a kind of event
    match event:
        case ObservationRecorded():
            return _with_attempt(ledger, event.attempt_id, _observed(ledger.attempts.get(event.attempt_id), event))
        case StatusChanged():
            return _announced(ledger, event)
        case ChargeCreated():
            return replace(ledger, own_attempt_id=event.attempt_id) if event.attempt_id else ledger
        case ChargeRefused():
            return replace(ledger, closed=ledger.closed or "charge_refused")
        case PaymentExpired():
            return replace(ledger, closed=ledger.closed or "expired")
        case PaymentCancelled():
            return replace(ledger, closed=ledger.closed or "by_collector")
        case LatePaymentReceived():
            return _late(ledger, event)
        case ObservationMismatched() | DuplicatePaymentObserved():
            return _from_older_log(ledger, event)
        case RefundAccepted() | RefundMade() | RefundRefused() if event.refund_id not in ledger.refunds:
            return ledger
        case RefundRequested() | RefundAccepted() | RefundMade() | RefundRefused():
            return replace(ledger, refunds={**ledger.refunds, event.refund_id: _refund_after(ledger, event)})
        case RefundReversed():
            return _reversed(ledger, event)
        case PixReturned():
            made = Return(
                attempt_id=event.attempt_id, amount_centavos=event.amount_centavos, returned_at=event.returned_at
            )
            return replace(ledger, returns={**ledger.returns, event.return_id: made})
        case MoneyAccepted():
            taken = {
                name: replace(each, is_late=False, awaits_acceptance=False) for name, each in ledger.attempts.items()
            }
            return replace(ledger, attempts=taken, accepted_centavos=event.amount_centavos, is_settled=True)
        case PayerForgotten():
            scrubbed = {name: replace(each, payer_email=None) for name, each in ledger.attempts.items()}
            return replace(ledger, attempts=scrubbed)
        case TextHidden():
            return replace(ledger, refunds={name: replace(each, reason=None) for name, each in ledger.refunds.items()})
        case (
            WatchStarted()
            | PaymentOpened()
            | ObservationIgnored()
            | TransferNamed()
            | ConfirmationRefused()
            | CancellationRequested()
            | CancellationRefused()
            | PaymentReopened()
            | AlertRaised()
            | AlertEnded()
            | AlertResolved()
            | PaymentHeld()
            | PaymentReleased()
        ):
            return ledger
        case _:
            assert_never(event)


def _with_attempt(ledger: Ledger, name: str, attempt: Attempt) -> Ledger:
    return replace(ledger, attempts={**ledger.attempts, name: attempt})


def _observed(known: Attempt | None, seen: ObservationRecorded) -> Attempt:
    return Attempt(
        status=seen.status,
        status_detail=seen.status_detail,
        amount_centavos=seen.amount_centavos,
        currency=seen.currency,
        refunded_centavos=seen.refunded_centavos,
        observed_at=seen.observed_at,
        # Two views of the same money may give different times of payment; the first stays.
        paid_at=(known.paid_at if known else None) or seen.paid_at,
        payer_email=seen.payer_email or (known.payer_email if known else None),
        was_paid=seen.status in SETTLED or (seen.status not in KNOWN and _was_ever_paid(known, seen)),
        # A transfer that was late at the first confirmation and is approved by a later one was paid in time.
        is_late=known is not None and known.is_late and not known.awaits_acceptance,
        set_back_from=_set_back_from(known, seen),
    )


def _set_back_from(known: Attempt | None, seen: ObservationRecorded) -> datetime | None:
    """Return the time of the latest report that an older, repeated report has replaced."""
    if known is None:
        return None
    return known.reported_until if seen.observed_at < known.reported_until else None


def _was_ever_paid(known: Attempt | None, seen: ObservationRecorded) -> bool:
    """Money has come by an attempt with an unknown status; a time of approval proves it too."""
    return seen.paid_at is not None or (known is not None and known.was_paid)


def _late(ledger: Ledger, event: LatePaymentReceived) -> Ledger:
    """Mark a late attempt; for a direct Pix after its expiry this event is the only record of the money."""
    name = event.attempt_id or ledger.bank_payment_id
    known = ledger.attempts.get(name)
    if known is not None:
        return _with_attempt(ledger, name, replace(known, is_late=True))
    reported_by_bank = _reported_by_bank(
        event.amount_centavos, ledger.currency, at=event.received_at, paid_at=event.paid_at or event.received_at
    )
    return _with_attempt(ledger, name, replace(reported_by_bank, is_late=True, awaits_acceptance=True))


def _reported_by_bank(amount_centavos: int, currency: str, *, at: datetime, paid_at: datetime | None) -> Attempt:
    return Attempt(
        status="approved",
        status_detail="accredited",
        amount_centavos=amount_centavos,
        currency=currency,
        refunded_centavos=0,
        observed_at=at,
        paid_at=paid_at,
        payer_email=None,
        was_paid=True,
    )


_LONG_AGO: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _from_older_log(ledger: Ledger, event: ObservationMismatched | DuplicatePaymentObserved) -> Ledger:
    """Add an attempt that an older log records only by this event: another amount, or a second direct Pix."""
    known = ledger.attempts.get(event.attempt_id)
    if isinstance(event, DuplicatePaymentObserved):
        if known is not None:
            return ledger
        attempt = _reported_by_bank(event.amount_centavos, ledger.currency, at=_LONG_AGO, paid_at=None)
        return _with_attempt(ledger, event.attempt_id, attempt)
    is_older = known is not None and not (known.was_left_outside and event.observed_at >= known.observed_at)
    if event.field != "amount_centavos" or is_older:
        return ledger
    attempt = Attempt(
        status=event.status,
        status_detail=None,
        amount_centavos=int(event.observed),
        currency=ledger.currency,
        refunded_centavos=0,
        observed_at=event.observed_at,
        paid_at=None,
        payer_email=None,
        was_paid=event.status in SETTLED,
        was_left_outside=True,
    )
    return _with_attempt(ledger, event.attempt_id, attempt)


def _refund_after(ledger: Ledger, event: RefundRequested | RefundAccepted | RefundMade | RefundRefused) -> Refund:
    if isinstance(event, RefundRequested):
        return Refund(
            wish_id=event.wish_id,
            attempt_id=event.attempt_id,
            amount_centavos=event.amount_centavos,
            is_all=event.is_all,
            requested_at=event.requested_at,
            reason=event.reason,
            known_refunds=event.known_refunds,
            refunded_before=ledger.refunded_centavos(event.attempt_id) if event.attempt_id in ledger.attempts else 0,
            made_before=ledger.made_centavos(event.attempt_id),
        )
    known = ledger.refunds[event.refund_id]
    match event:
        case RefundAccepted():
            return replace(known, state="in_process", provider_refund_id=event.provider_refund_id)
        case RefundMade():
            return replace(
                known,
                state="made",
                provider_refund_id=event.provider_refund_id or known.provider_refund_id,
                made_at=event.made_at,
            )
        case RefundRefused():
            return replace(known, state="refused")
        case _:
            assert_never(event)


def _reversed(ledger: Ledger, event: RefundReversed) -> Ledger:
    """Date the refunds without a time before the provider's newer report, so that the report counts."""
    refunds = {
        name: replace(each, made_at=event.observed_at)
        if each.attempt_id == event.attempt_id and each.state == "made" and each.made_at is None
        else each
        for name, each in ledger.refunds.items()
    }
    return replace(ledger, refunds=refunds)


def _announced(ledger: Ledger, event: StatusChanged) -> Ledger:
    changed = replace(ledger, announced=(event.status, event.status_detail))
    if ledger.attempts:
        return changed
    # In the oldest logs this is the only record of a payment, and a payment closed unpaid has no attempt.
    return replace(
        changed,
        status=event.status,
        status_detail=event.status_detail,
        is_settled=ledger.is_settled or event.status in SETTLED,
        paid_at_without_attempt=event.paid_at or ledger.paid_at_without_attempt,
    )
