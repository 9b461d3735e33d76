"""Applies each event to the state of a payment."""

from __future__ import annotations

from typing import Any, Final, assert_never

from msgspec.structs import astuple, replace

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
    EventOfOpened,
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
from contracts.events.hidden_text import hide_in_code, hide_intent
from contracts.payment_status import ALERTS, alerts_after
from contracts.providers import DIRECT_PIX
from extrato.domain.payment.fingerprints import fingerprint_of
from extrato.domain.payment.ledger import evolve_ledger
from extrato.domain.payment.state import (
    SHARED_FIELDS,
    Cancellation,
    Charged,
    ChargeNotCreated,
    Opened,
    Payment,
    Requested,
    Unopened,
    charged,
    requested,
)


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    """Apply one event."""
    if isinstance(event, PaymentOpened):
        return _start(event)
    if isinstance(payment, Unopened):
        msg = f"{type(event).__name__} cannot be the first event of a payment"
        raise TypeError(msg)
    return evolve_opened(payment, event)


def _start(event: PaymentOpened) -> Requested | Charged:
    """Apply the first event, and its charge if it has one, in one step, because every creation does so."""
    return requested(event) if event.charge is None else charged(replace(event, charge=None), event.charge)


def evolve_opened(payment: Opened, event: EventOfOpened) -> Opened:
    """Apply one event after the first."""
    if payment.is_text_hidden and isinstance(event, RefundRequested):
        event = replace(event, reason=None)
    ledger = evolve_ledger(payment.ledger, event)
    return _evolve(payment if ledger is payment.ledger else replace(payment, ledger=ledger), event)


def _evolve(payment: Opened, event: EventOfOpened) -> Opened:  # noqa: C901, PLR0911, PLR0912 - one line a kind of event
    match event:
        case ChargeCreated():
            return Charged(*_common(payment), charge=event)
        case ChargeRefused():
            return ChargeNotCreated(*_common(payment), refusal=event)
        case WatchStarted():
            return replace(payment, watch_until=event.watch_until)
        case PaymentExpired():
            return replace(payment, expired=True)
        case CancellationRequested() | CancellationRefused() | PaymentCancelled():
            return replace(payment, cancellation=_CANCELLATION[type(event)])
        case PayerForgotten():
            return replace(payment, intent=replace(payment.intent, payer_email=None, metadata=None), is_forgotten=True)
        case TextHidden():
            return _without_text(payment)
        case PaymentHeld():
            return replace(payment, hold=event)
        case PaymentReleased():
            return replace(payment, hold=None)
        case TransferNamed():
            return replace(payment, name_of_unnamed=event.end_to_end_id)
        case ObservationRecorded() if payment.mismatched or payment.ignored:
            return _observed(payment, event.attempt_id)
        case ObservationIgnored():
            ignored = {fingerprint_of(event): (event.attempt_id, event.ignored_at), **payment.ignored}
            return replace(payment, fingerprints=payment.fingerprints | {fingerprint_of(event)}, ignored=ignored)
        case ConfirmationRefused():
            refused = payment.refused_confirmations + 1
            fingerprints = payment.fingerprints | {fingerprint_of(event)}
            return _alerted(replace(payment, fingerprints=fingerprints, refused_confirmations=refused), event)
        case ObservationMismatched() | LatePaymentReceived() | DuplicatePaymentObserved():
            return _alerted(replace(payment, fingerprints=payment.fingerprints | {fingerprint_of(event)}), event)
        case AlertRaised() | AlertEnded() | AlertResolved():
            return _alerted(payment, event)
        case (
            ObservationRecorded()
            | StatusChanged()
            | RefundRequested()
            | RefundAccepted()
            | RefundMade()
            | RefundRefused()
            | RefundReversed()
            | PixReturned()
            | PaymentReopened()
            | MoneyAccepted()
        ):
            return payment
        case _:
            assert_never(event)


def _without_text(payment: Opened) -> Opened:
    hidden = replace(payment, intent=hide_intent(payment.intent), is_text_hidden=True)
    if isinstance(hidden, Charged) and hidden.intent.provider == DIRECT_PIX:
        return replace(hidden, charge=hide_in_code(hidden.charge))
    return hidden


def _common(payment: Opened) -> tuple[Any, ...]:
    """Return the fields that every state of an opened payment has, in order; a state's own fields come after them."""
    return astuple(payment)[:SHARED_FIELDS]


def _observed(payment: Opened, attempt_id: str) -> Opened:
    """Drop what was mismatched or ignored about an attempt before this observation."""
    over = {name for name, (of, _) in payment.ignored.items() if of == attempt_id}
    return replace(
        payment,
        mismatched=payment.mismatched - {attempt_id},
        ignored={name: ignored for name, ignored in payment.ignored.items() if name not in over},
        fingerprints=payment.fingerprints - over,
    )


_EventOfAlerts = (
    AlertRaised
    | AlertEnded
    | AlertResolved
    | ObservationMismatched
    | DuplicatePaymentObserved
    | LatePaymentReceived
    | ConfirmationRefused
)

_CANCELLATION: Final[dict[type, Cancellation]] = {
    CancellationRequested: "requested",
    CancellationRefused: "none",
    PaymentCancelled: "completed",
}


def _alerted(payment: Opened, event: _EventOfAlerts) -> Opened:
    """Open or close an alert. After `AlertEnded` the same occurrence can raise the alert again."""
    alerts = alerts_after(payment.alerts, event)
    payment = replace(payment, alerts=alerts, alerts_so_far=payment.alerts_so_far | set(alerts))
    match event:
        case AlertRaised():
            raised = payment.raised | {(event.alert, event.occurrence)}
        case AlertEnded():
            raised = frozenset(each for each in payment.raised if each[0] != event.alert)
        case ObservationMismatched() | DuplicatePaymentObserved() | LatePaymentReceived():
            attempt_id = event.attempt_id or payment.intent.bank_payment_id
            if isinstance(event, ObservationMismatched) and event.field != "amount_centavos":
                payment = replace(payment, mismatched=payment.mismatched | {attempt_id})
            raised = payment.raised | {(ALERTS[type(event)], attempt_id)}
        case AlertResolved() | ConfirmationRefused():
            raised = payment.raised
        case _:
            assert_never(event)
    return replace(payment, raised=raised)
