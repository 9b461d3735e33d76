"""Returns the events of each command; repeating a command returns no event."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

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
from extrato.domain.payment.commands import (
    AcceptMoney,
    Command,
    CommandToOpened,
    CompleteCancellation,
    ConfirmByBank,
    CreatePayment,
    Expire,
    ForgetPayer,
    HideText,
    HoldPayment,
    RecordCharge,
    RecordObservation,
    RecordRefund,
    RecordReturn,
    RefuseCancellation,
    ReleasePayment,
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
from extrato.domain.payment.fingerprints import unless_recorded
from extrato.domain.payment.ledger import evolve_ledger
from extrato.domain.payment.observing import record_observation
from extrato.domain.payment.privacy import forget_payer, hide_text, hold_payment, release_payment, without_payer
from extrato.domain.payment.state import INITIAL, Charged, ChargeNotCreated, Opened, Payment, Requested, Unopened

if TYPE_CHECKING:
    from datetime import datetime

# How long the hub waits, after the expiry time, for a provider that does not answer about the payment.
MAX_SILENCE: Final = timedelta(days=1)
ALREADY_OPENED: Final = "payment_already_opened"
# How many refused confirmations of one payment the log records. Each has another amount, so their number has no limit.
MAX_REFUSED_CONFIRMATIONS: Final = 10
# How far the bank's clock may differ from the hub's.
BANK_CLOCK_TOLERANCE: Final = timedelta(seconds=60)


def is_possible_time(at: datetime, *, opened_at: datetime, now: datetime) -> bool:
    """Return whether the bank may have moved money of a payment at this time."""
    return opened_at - BANK_CLOCK_TOLERANCE <= at <= now + BANK_CLOCK_TOLERANCE


def decide(command: Command, payment: Payment) -> list[PaymentEvent]:
    """Return the events of `command`; none when it does not change the state. Raises `Refused`."""
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
            return record_observation(without_payer(command, payment), payment)
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
        case ForgetPayer():
            return forget_payer(command, payment)
        case HideText():
            return hide_text(payment)
        case HoldPayment():
            return hold_payment(command, payment)
        case ReleasePayment():
            return release_payment(payment)
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
        # The payment was closed during the request to the provider, so the provider's charge must be closed too.
        events.append(CancellationRequested())
    elif command.watch_until is not None:
        events.append(WatchStarted(watch_until=command.watch_until))
    return events


def _confirm_by_bank(command: ConfirmByBank, payment: Opened) -> list[EventOfOpened]:
    """Record a bank transfer once, of any amount. A transfer after the expiry is recorded as late.

    A confirmation without `end_to_end_id` counts as a repetition if its amount is recorded. If its amount is not the
    charge's, it is refused and recorded: a static code can be paid any number of times.
    """
    intent, transfer = payment.intent, command.end_to_end_id
    name = transfer or intent.bank_payment_id
    is_exact = command.amount_centavos == intent.amount_centavos
    if transfer is None and not is_exact:
        return _refuse(command, payment, expected_centavos=intent.amount_centavos)
    if _names_unnamed_transfer(command, payment):
        return [TransferNamed(end_to_end_id=name), *_confirm_again(command, payment, intent.bank_payment_id)]
    if _is_known(command, payment):
        return _confirm_again(command, payment, payment.transfer(name) or name)
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
    # A printed code cannot be closed: a payer who paid in time has paid, even if the merchant has cancelled meanwhile.
    settles = not payment.is_settled and evolve_ledger(payment.ledger, recorded).is_settled
    return [recorded, late] if settles and payment.cancellation != "none" else [recorded]


def _refuse(command: ConfirmByBank, payment: Opened, *, expected_centavos: int) -> list[EventOfOpened]:
    """Record each wrong amount once, up to a limit: more events would add no information."""
    if payment.refused_confirmations >= MAX_REFUSED_CONFIRMATIONS:
        return []
    refused = ConfirmationRefused(expected_centavos=expected_centavos, received_centavos=command.amount_centavos)
    return unless_recorded(refused, payment)


def _confirm_again(command: ConfirmByBank, payment: Opened, attempt_id: str) -> list[EventOfOpened]:
    """Record a late transfer as paid, if the bank reports that the payer paid in time; otherwise return no event."""
    known = payment.attempts.get(attempt_id)
    if known is not None and known.amount_centavos != command.amount_centavos:
        # A transfer has one amount: the first that the bank reported.
        return _refuse(command, payment, expected_centavos=known.amount_centavos)
    was_late = known is not None and known.awaits_acceptance
    is_in_time = command.paid_at is not None and not _is_overdue(command, payment.intent)
    return [_received(command, payment, attempt_id)] if was_late and is_in_time else []


def _is_known(command: ConfirmByBank, payment: Opened) -> bool:
    """The transfer is recorded. A transfer without a name matches any recorded one of the same amount."""
    transfer = command.end_to_end_id
    if transfer is not None:
        return payment.transfer(transfer) is not None
    return any(each.amount_centavos == command.amount_centavos for each in payment.attempts.values())


def _names_unnamed_transfer(command: ConfirmByBank, payment: Opened) -> bool:
    """The command may name the transfer that the bank confirmed first without a name.

    A transfer that was paid after that confirmation is another one.
    """
    known, transfer = payment.attempts.get(payment.intent.bank_payment_id), command.end_to_end_id
    if known is None or transfer is None or payment.name_of_unnamed is not None or transfer in payment.attempts:
        return False
    is_later = command.paid_at is not None and command.paid_at > known.observed_at + BANK_CLOCK_TOLERANCE
    return known.amount_centavos == command.amount_centavos and not is_later


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
    """The payer paid after the expiry; without `paid_at`, the confirmation came later than `grace` after it."""
    if intent.expires_at is None:
        return False
    if command.paid_at is not None:
        return command.paid_at >= intent.expires_at
    return command.received_at >= intent.expires_at + command.grace


def _expire(command: Expire, payment: Opened) -> list[EventOfOpened]:
    """Wait while an attempt may still be approved; but a charge without any observation for a day has ended."""
    expires_at = payment.intent.expires_at
    if expires_at is None or command.now < expires_at or payment.is_settled:
        return []
    is_unobserved = not payment.attempts and command.now >= expires_at + MAX_SILENCE
    if payment.has_attempt_in_flight and not is_unobserved:
        return []
    return _expire_now(payment)


def _expire_now(payment: Opened) -> list[EventOfOpened]:
    expires_at = payment.intent.expires_at
    if payment.is_closed or expires_at is None:
        return []
    return [PaymentExpired(expires_at=expires_at)]


def _start_watch(command: StartWatch, payment: Opened) -> list[EventOfOpened]:
    """A running watch goes on; a repeated request does not extend it."""
    if not payment.may_still_be_paid:
        return []
    if payment.watch_until is not None and command.now < payment.watch_until:
        return []
    return [WatchStarted(watch_until=command.now + command.duration)]


PAYMENT: Final[Decider[Payment, Command, PaymentEvent]] = Decider(initial=INITIAL, evolve=evolve, decide=decide)
