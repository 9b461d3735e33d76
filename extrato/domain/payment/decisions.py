"""The events that follow from each command; deciding the same twice gives nothing the second time."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, assert_never

from msgspec.structs import replace

from contracts.events import (
    CancellationRefused,
    CancellationRequested,
    ChargeRefused,
    ConfirmationRefused,
    EventOfOpened,
    LatePaymentReceived,
    ObservationRecorded,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    TransferNamed,
    WatchStarted,
)
from extrato.domain.decider import Decider
from extrato.domain.errors import Refused
from extrato.domain.payment import ledger as book
from extrato.domain.payment.commands import (
    AcceptMoney,
    Command,
    CommandToOpened,
    CompleteCancellation,
    ConfirmByBank,
    CreatePayment,
    Expire,
    RecordCharge,
    RecordObservation,
    RecordRefund,
    RecordReturn,
    RefuseCancellation,
    RequestCancellation,
    RequestRefund,
    ResolveAlert,
    StartWatch,
)
from extrato.domain.payment.consequences import consequences
from extrato.domain.payment.correcting import (
    accept_money,
    complete_cancellation,
    record_refund,
    record_return,
    request_cancellation,
    request_refund,
    resolve_alert,
)
from extrato.domain.payment.evolving import evolve, evolve_opened
from extrato.domain.payment.observing import record_observation
from extrato.domain.payment.state import INITIAL, Charged, ChargeNotCreated, Opened, Payment, Requested, Unopened
from extrato.domain.payment.traces import unless_traced

# How long after the end of its time a payment is not given up while its provider cannot be asked.
SILENCE: Final = timedelta(days=1)
ALREADY_OPENED: Final = "payment_already_opened"
# How many refused confirmations of one payment the log tells of. Each has another value, of which there is no end.
TRACED_CONFIRMATIONS: Final = 10
# How far the bank's clock and the hub's may part.
CLOCKS_APART: Final = timedelta(seconds=60)


def decide(command: Command, payment: Payment) -> list[PaymentEvent]:
    """Give the events that follow from `command`; none when it changes nothing. Raises `Refused`."""
    if isinstance(command, CreatePayment):
        return _create(command, payment)
    if isinstance(payment, Unopened):
        raise Refused("payment_not_found", why="unopened")
    events = _decide_opened(command, payment)
    return [*events, *consequences(_after(payment, events))] if events else []


def _after(payment: Opened, events: list[EventOfOpened]) -> Opened:
    for event in events:
        payment = evolve_opened(payment, event)
    return payment


def _decide_opened(command: CommandToOpened, payment: Opened) -> list[EventOfOpened]:  # noqa: C901, PLR0911, PLR0912 - one line a command
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
        case AcceptMoney():
            return accept_money(payment)
        case RecordReturn():
            return record_return(command, payment)
        case ResolveAlert():
            return resolve_alert(command, payment)
        case StartWatch():
            return _start_watch(command, payment)
        case _:
            assert_never(command)


def _create(command: CreatePayment, payment: Payment) -> list[PaymentEvent]:
    intent, charge = command.intent, command.intent.charge
    match payment:
        case Unopened():
            return [intent]
        case Charged():
            is_same_charge = charge in {None, payment.charge}
        case Requested() | ChargeNotCreated():
            is_same_charge = charge is None
        case _:
            assert_never(payment)
    if is_same_charge and payment.intent == replace(intent, charge=None):
        return []
    raise Refused(ALREADY_OPENED)


def _record_charge(command: RecordCharge, payment: Opened) -> list[EventOfOpened]:
    if not isinstance(payment, Requested):
        return []
    if isinstance(command.charge, ChargeRefused):
        return [command.charge]
    events: list[EventOfOpened] = [command.charge]
    if payment.is_closed:
        # It was closed while the provider was asked; what the provider holds is to be closed as well.
        events.append(CancellationRequested())
    elif command.watch_until is not None:
        events.append(WatchStarted(watch_until=command.watch_until))
    return events


def _confirm_by_bank(command: ConfirmByBank, payment: Opened) -> list[EventOfOpened]:
    """Record a bank transfer once, whatever its value. A transfer after the end is recorded as late.

    One without `end_to_end_id` counts as a repetition if its amount is known, and is refused with a trace if its amount
    is not the charge's: a static code can be paid any number of times.
    """
    intent, transfer = payment.intent, command.end_to_end_id
    name = transfer or intent.bank_payment_id
    is_exact = command.amount_centavos == intent.amount_centavos
    if transfer is None and not is_exact:
        return _refuse(command, payment, expected_centavos=intent.amount_centavos)
    if _names_the_unnamed(command, payment):
        return [TransferNamed(end_to_end_id=name), *_told_again(command, payment, intent.bank_payment_id)]
    if _was_told_before(command, payment):
        return _told_again(command, payment, payment.transfer(name) or name)
    late = LatePaymentReceived(
        attempt_id=name,
        amount_centavos=command.amount_centavos,
        received_at=command.received_at,
        paid_at=command.paid_at,
        evidence=command.evidence,
    )
    if _is_overdue(command, intent) and not payment.is_settled:
        return [*_expire_now(payment), late]
    recorded = _received(command, payment, name)
    # A code on paper cannot be closed: who paid it in time has paid, whatever the merchant wished meanwhile.
    settles = not payment.is_settled and book.after(payment.ledger, recorded).is_settled
    return [recorded, late] if settles and payment.cancellation != "none" else [recorded]


def _refuse(command: ConfirmByBank, payment: Opened, *, expected_centavos: int) -> list[EventOfOpened]:
    """Leave one trace of each value that does not fit, and none after a few: more of them tell nothing more."""
    if payment.refused_confirmations >= TRACED_CONFIRMATIONS:
        return []
    refused = ConfirmationRefused(expected_centavos=expected_centavos, received_centavos=command.amount_centavos)
    return unless_traced(refused, payment)


def _told_again(command: ConfirmByBank, payment: Opened, attempt_id: str) -> list[EventOfOpened]:
    """Take a transfer that was late as paid, if the bank tells now that it was paid in time; otherwise it is silent."""
    told = payment.attempts.get(attempt_id)
    if told is not None and told.amount_centavos != command.amount_centavos:
        # A transfer has one value: the first that the bank told of it stands.
        return _refuse(command, payment, expected_centavos=told.amount_centavos)
    was_late = told is not None and told.awaits_acceptance
    is_in_time = command.paid_at is not None and not _is_overdue(command, payment.intent)
    return [_received(command, payment, attempt_id)] if was_late and is_in_time else []


def _was_told_before(command: ConfirmByBank, payment: Opened) -> bool:
    """Say whether it is a transfer that is known; without a name it may be any of the same value."""
    transfer = command.end_to_end_id
    if transfer is not None:
        return payment.transfer(transfer) is not None
    return any(each.amount_centavos == command.amount_centavos for each in payment.attempts.values())


def _names_the_unnamed(command: ConfirmByBank, payment: Opened) -> bool:
    """Say whether it may be the transfer that the bank told of without a name, which has none yet.

    One that was paid after that one was told of is another.
    """
    told, transfer = payment.attempts.get(payment.intent.bank_payment_id), command.end_to_end_id
    if told is None or transfer is None or payment.name_of_unnamed is not None or transfer in payment.attempts:
        return False
    is_later = command.paid_at is not None and command.paid_at > told.observed_at + CLOCKS_APART
    return told.amount_centavos == command.amount_centavos and not is_later


def _received(command: ConfirmByBank, payment: Opened, attempt_id: str) -> ObservationRecorded:
    return ObservationRecorded(
        attempt_id=attempt_id,
        status="approved",
        status_detail="accredited",
        amount_centavos=command.amount_centavos,
        currency=payment.intent.currency,
        refunded_centavos=0,
        observed_at=command.received_at,
        paid_at=command.paid_at or command.received_at,
        payer_email=None,
        evidence=command.evidence,
    )


def _is_overdue(command: ConfirmByBank, intent: PaymentOpened) -> bool:
    """Say whether it was paid after the end of its time, as far as the bank tells when it was paid."""
    if intent.expires_at is None:
        return False
    if command.paid_at is not None:
        return command.paid_at >= intent.expires_at
    return command.received_at >= intent.expires_at + command.grace


def _expire(command: Expire, payment: Opened) -> list[EventOfOpened]:
    """What may yet go through is waited for; but an own attempt of which a day long nobody told has ended."""
    expires_at = payment.intent.expires_at
    if expires_at is None or command.now < expires_at or payment.is_settled:
        return []
    is_unheard_of = not payment.attempts and command.now >= expires_at + SILENCE
    if payment.has_attempt_in_flight and not is_unheard_of:
        return []
    return _expire_now(payment)


def _expire_now(payment: Opened) -> list[EventOfOpened]:
    expires_at = payment.intent.expires_at
    if payment.is_closed or expires_at is None:
        return []
    return [PaymentExpired(expires_at=expires_at)]


def _start_watch(command: StartWatch, payment: Opened) -> list[EventOfOpened]:
    """A watch that is on goes on; it is not prolonged by asking again."""
    if not payment.may_still_be_paid:
        return []
    if payment.watch_until is not None and command.now < payment.watch_until:
        return []
    return [WatchStarted(watch_until=command.now + command.duration)]


PAYMENT: Final[Decider[Payment, Command, PaymentEvent]] = Decider(initial=INITIAL, evolve=evolve, decide=decide)
