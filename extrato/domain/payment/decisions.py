"""The events that follow from each command; deciding the same twice gives nothing the second time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from contracts.events import (
    CancellationRefused,
    CancellationRequested,
    ChargeRefused,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    ObservationRecorded,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    StatusChanged,
    WatchStarted,
)
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import (
    Command,
    CompleteCancellation,
    ConfirmByBank,
    Expire,
    OpenPayment,
    RecordCharge,
    RecordObservation,
    RecordRefund,
    RefuseCancellation,
    RequestCancellation,
    RequestRefund,
    StartWatch,
)
from extrato.domain.payment.correcting import complete_cancellation, record_refund, request_cancellation, request_refund
from extrato.domain.payment.observing import record_observation
from extrato.domain.payment.state import ENDED, Opened, Payment, Unopened, closed_as, unless_traced

# How long after the end of its time a payment is not given up while its provider cannot be asked.
SILENCE: Final = timedelta(days=1)


def decide(command: Command, payment: Payment) -> list[PaymentEvent]:
    """Give the events that follow from `command`; none when it changes nothing. Raises `Refused`."""
    if isinstance(command, OpenPayment):
        return _open(command, payment)
    if not isinstance(payment, Opened):
        raise Refused("payment_not_found", "The payment does not exist.")
    return _decide_opened(command, payment)


def _decide_opened(command: Command, payment: Opened) -> list[PaymentEvent]:  # noqa: C901, PLR0911 - one line a command
    match command:
        case RecordObservation():
            return record_observation(command, payment)
        case RecordCharge():
            return _record_charge(command, payment)
        case ConfirmByBank():
            return _confirm_by_bank(command, payment)
        case Expire():
            return _expire(command, payment)
        case RequestCancellation():
            return request_cancellation(payment)
        case CompleteCancellation():
            return complete_cancellation(command, payment)
        case RefuseCancellation():
            refused = CancellationRefused(code=command.code, reason=command.reason)
            return [refused] if payment.cancellation == "requested" else []
        case RequestRefund():
            return request_refund(command, payment)
        case RecordRefund():
            return record_refund(command, payment)
        case StartWatch():
            return _start_watch(command, payment)
    msg = f"{type(command).__name__} is no command to an opened payment"
    raise TypeError(msg)


def _open(command: OpenPayment, payment: Payment) -> list[PaymentEvent]:
    if isinstance(payment, Unopened):
        return [command.intent]
    if payment.intent == command.intent:
        return []
    raise Refused("payment_already_opened", "A payment with this number exists, and it is another one.")


def _record_charge(command: RecordCharge, payment: Opened) -> list[PaymentEvent]:
    if payment.charge is not None:
        return []
    if isinstance(command.charge, ChargeRefused):
        may_have_money = any(attempt.status not in ENDED for attempt in payment.attempts.values())
        if may_have_money or payment.is_closed:
            return [command.charge]
        return [command.charge, closed_as(payment, "cancelled", "charge_refused")]
    events: list[PaymentEvent] = [command.charge]
    if payment.is_closed:
        # It was closed while the provider was asked; what the provider holds is to be closed as well.
        events.append(CancellationRequested())
    elif command.watch_until is not None:
        events.append(WatchStarted(watch_until=command.watch_until))
    return events


def _confirm_by_bank(command: ConfirmByBank, payment: Opened) -> list[PaymentEvent]:
    """A repeated confirmation is silent; another value leaves a trace and is never a payment.

    A static code can be paid any number of times: another transfer than the one that paid is told as a second payment.
    """
    intent, transfer = payment.intent, command.end_to_end_id
    if command.amount_centavos != intent.amount_centavos:
        refused = ConfirmationRefused(
            expected_centavos=intent.amount_centavos, received_centavos=command.amount_centavos
        )
        return unless_traced(refused, payment)
    if payment.is_settled:
        paid_by = payment.attempt_id or intent.bank_payment_id
        if transfer is None or paid_by in {transfer, intent.bank_payment_id}:
            return []
        second = DuplicatePaymentObserved(
            attempt_id=transfer, already_paid_by=paid_by, amount_centavos=command.amount_centavos
        )
        return unless_traced(second, payment)
    late = LatePaymentReceived(
        amount_centavos=command.amount_centavos, received_at=command.received_at, end_to_end_id=transfer
    )
    if _is_overdue(command, intent):
        return [*_expire_now(payment), *unless_traced(late, payment)]
    paid_at = command.paid_at or command.received_at
    return [
        ObservationRecorded(
            attempt_id=transfer or intent.bank_payment_id,
            status="approved",
            status_detail="accredited",
            amount_centavos=command.amount_centavos,
            refunded_centavos=0,
            observed_at=command.received_at,
            paid_at=paid_at,
            payer_email=None,
            evidence=command.evidence,
        ),
        StatusChanged(
            previous=payment.status,
            status="approved",
            status_detail="accredited",
            attempt_id=transfer or intent.bank_payment_id,
            paid_at=paid_at,
        ),
        # A code on paper cannot be closed: who paid it in time has paid, whatever the merchant wished meanwhile.
        *(unless_traced(late, payment) if payment.cancellation != "none" else ()),
    ]


def _is_overdue(command: ConfirmByBank, intent: PaymentOpened) -> bool:
    """Say whether it was paid after the end of its time, as far as the bank tells when it was paid."""
    if intent.expires_at is None:
        return False
    if command.paid_at is not None:
        return command.paid_at >= intent.expires_at
    return command.received_at >= intent.expires_at + command.grace


def _expire(command: Expire, payment: Opened) -> list[PaymentEvent]:
    """What may yet go through is waited for; but an own attempt of which a day long nobody told has ended."""
    expires_at = payment.intent.expires_at
    if expires_at is None or command.now < expires_at or payment.is_settled:
        return []
    is_unheard_of = not payment.attempts and command.now >= expires_at + SILENCE
    if payment.has_attempt_in_flight and not is_unheard_of:
        return []
    return _expire_now(payment)


def _expire_now(payment: Opened) -> list[PaymentEvent]:
    expires_at = payment.intent.expires_at
    if payment.is_closed or expires_at is None:
        return []
    events: list[PaymentEvent] = [PaymentExpired(expires_at=expires_at)]
    if payment.status != "cancelled":
        events.append(closed_as(payment, "cancelled", "expired"))
    return events


def _start_watch(command: StartWatch, payment: Opened) -> list[PaymentEvent]:
    """A watch that is on goes on; it is not prolonged by asking again."""
    if not payment.may_still_be_paid:
        return []
    if payment.watch_until is not None and command.now < payment.watch_until:
        return []
    return [WatchStarted(watch_until=command.now + command.duration)]
