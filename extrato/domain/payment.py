"""One payment: what may happen to it, in the order stream, events, state, commands, decisions.

Pure: time, ids and what providers said come in with the commands. Deciding the same command twice
gives nothing the second time.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    CancellationRefused,
    CancellationRequested,
    ChargeCreated,
    ChargeRefused,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    RefundMade,
    RefundRefused,
    RefundRequested,
    StatusChanged,
    WatchStarted,
)
from extrato.domain.errors import Refused
from extrato.domain.money import format_brl

if TYPE_CHECKING:
    from collections.abc import Iterable

# --- stream -------------------------------------------------------------------------------------

PAYMENT_NAMESPACE: Final = UUID("5b7ad3b4-7c36-5d0e-9d34-6f4a35b6f1a1")


def stream_id(payment_id: int) -> UUID:
    """Name the stream of a payment; the same number always has the same stream."""
    return uuid5(PAYMENT_NAMESPACE, str(payment_id))


# --- identifiers that carry the payment's number ---------------------------------------------------
#
# A bank, a provider and a picture's address name a payment by an identifier of ours. Each holds the
# number, to find the stream without an index, and random bits (74, and 48 of them in the reference), so
# that it cannot be guessed; who reads one must compare it whole with the payment's own.


def bank_payment_id(payment_id: int, random_uuid: UUID) -> str:
    """Make the identifier for banks: a version 8 UUID (RFC 9562) with the number in its first 48 bits."""
    number = payment_id << 80 | 0x8 << 76 | random_uuid.int & ((1 << 76) - 1)
    text = f"{number & ~(0x3 << 62) | 0x2 << 62:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def payment_id_in(text: str) -> int | None:
    """Read the payment's number out of a bank payment id; None when the text is no such id."""
    try:
        identifier = UUID(text)
    except ValueError:
        return None
    return identifier.int >> 80 if identifier.version == 8 and str(identifier) == text else None


def external_reference(payment_id: int, bank_id: str) -> str:
    """Make the reference that a provider is told, at most 64 characters."""
    return f"extrato_{payment_id}_{bank_id[-12:]}"


def payment_id_in_reference(reference: str) -> int | None:
    """Read the payment's number out of an external reference; None when it is not one of ours."""
    prefix, _, rest = reference.partition("_")
    number, _, _ = rest.partition("_")
    is_ours = prefix == "extrato" and number.isascii() and number.isdigit() and len(number) < 15
    return int(number) if is_ours else None


# --- state --------------------------------------------------------------------------------------


class Unopened(Struct, frozen=True):
    """Nothing happened yet."""


class Attempt(Struct, frozen=True, kw_only=True):
    """How one attempt to pay stood when the provider was last believed."""

    status: str
    status_detail: str | None
    amount_centavos: int
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None


class Refund(Struct, frozen=True, kw_only=True):
    """Money that the merchant gives back for one attempt: `requested`, `made` or `refused`."""

    attempt_id: str
    amount_centavos: int
    state: Literal["requested", "made", "refused"] = "requested"


class Opened(Struct, frozen=True, kw_only=True):
    """A payment that exists, from intent to the last refund.

    `cancellation` is how far the merchant's wish to close it has come; `refunds` are by the hub's id, in order.
    `traces` are digests of what was refused or ignored, so that the same is not told twice.
    """

    intent: PaymentOpened
    charge: ChargeCreated | ChargeRefused | None = None
    status: str = "pending"
    status_detail: str | None = None
    attempt_id: str | None = None
    attempts: dict[str, Attempt] = {}
    expired: bool = False
    cancellation: Literal["none", "requested", "made"] = "none"
    refunds: dict[str, Refund] = {}
    watch_until: datetime | None = None
    traces: frozenset[str] = frozenset()

    @property
    def is_charged(self) -> bool:
        """Say whether the provider holds a charge."""
        return isinstance(self.charge, ChargeCreated)

    @property
    def is_settled(self) -> bool:
        """Say whether money moved; what follows is a refund or a dispute."""
        return self.status in SETTLED

    @property
    def may_still_be_paid(self) -> bool:
        """Say whether a payer may still pay: `rejected` and `cancelled` are an attempt's, not the link's."""
        return self.is_charged and not self.is_closed and not self.is_settled

    @property
    def is_closed(self) -> bool:
        """Say whether the hub takes no more money for it: its time ran out, or the merchant closed it."""
        return self.expired or self.cancellation == "made"

    @property
    def open_refunds(self) -> dict[str, Refund]:
        """Give the refunds whose outcome the provider has not told yet."""
        return {name: refund for name, refund in self.refunds.items() if refund.state == "requested"}

    @property
    def refundable_centavos(self) -> int:
        """Give what is left to give back of the attempt that speaks.

        What the provider told and what the hub has had made are two views of the same refunds, so the larger
        counts; what was requested and not answered is held back.
        """
        attempt = self.paid_attempt
        if attempt is None or attempt.status != "approved":
            return 0
        own = [refund for refund in self.refunds.values() if refund.attempt_id == self.attempt_id]
        made = sum(refund.amount_centavos for refund in own if refund.state == "made")
        requested = sum(refund.amount_centavos for refund in own if refund.state == "requested")
        return max(0, attempt.amount_centavos - max(attempt.refunded_centavos, made) - requested)

    @property
    def paid_attempt(self) -> Attempt | None:
        """Give the attempt that decides the status, if there is any."""
        return self.attempts.get(self.attempt_id) if self.attempt_id else None


Payment = Unopened | Opened

INITIAL: Final = Unopened()

SETTLED: Final = frozenset({"approved", "in_mediation", "charged_back", "refunded"})
IN_FLIGHT: Final = frozenset({"pending", "in_process", "authorized"})
ENDED: Final = frozenset({"rejected", "cancelled"})

# What one attempt may be seen as next. A poll or a lost webhook skips the steps between, so this is
# reachability and not single steps; `cancelled` to paid is a late Pix. A status that is not in the
# table is one that the provider invented since: it may follow and be followed by anything.
MAY_FOLLOW: Final[dict[str, frozenset[str]]] = {
    "pending": frozenset({"in_process", "authorized", "rejected", "cancelled"}) | SETTLED,
    "in_process": frozenset({"pending", "authorized", "rejected", "cancelled"}) | SETTLED,
    "authorized": frozenset({"in_process", "rejected", "cancelled"}) | SETTLED,
    "approved": frozenset({"in_mediation", "charged_back", "refunded"}),
    "in_mediation": frozenset({"approved", "charged_back", "refunded"}),
    "charged_back": frozenset({"approved", "in_mediation", "refunded"}),
    "rejected": frozenset(),
    "cancelled": SETTLED,
    "refunded": frozenset(),
}

# The attempt that speaks for the whole payment: money held beats money given back beats hope beats refusal.
_WEIGHT: Final = {
    "approved": 9,
    "in_mediation": 8,
    "charged_back": 7,
    "refunded": 6,
    "authorized": 5,
    "in_process": 4,
    "pending": 3,
    "rejected": 1,
    "cancelled": 1,
}
_WEIGHT_OF_UNKNOWN: Final = 2


def _speaker(attempts: dict[str, Attempt]) -> str:
    """Choose the attempt that speaks for the payment: the weightiest, then the latest."""
    return max(
        attempts,
        key=lambda name: (
            _WEIGHT.get(attempts[name].status, _WEIGHT_OF_UNKNOWN),
            attempts[name].observed_at,
            name,
        ),
    )


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    """Apply one event."""
    if isinstance(event, PaymentOpened):
        return Opened(intent=event)
    if not isinstance(payment, Opened):
        msg = f"{type(event).__name__} cannot be the first event of a payment"
        raise TypeError(msg)
    return _evolve_opened(payment, event)


def _evolve_opened(payment: Opened, event: PaymentEvent) -> Opened:  # noqa: PLR0911 - one line a kind of event
    match event:
        case ObservationRecorded():
            return _with_attempt(payment, event)
        case StatusChanged():
            return replace(
                payment,
                status=event.status,
                status_detail=event.status_detail,
                attempt_id=event.attempt_id or payment.attempt_id,
            )
        case ChargeCreated() | ChargeRefused():
            return replace(payment, charge=event)
        case WatchStarted():
            return replace(payment, watch_until=event.watch_until)
        case PaymentExpired():
            return replace(payment, expired=True)
        case CancellationRequested() | CancellationRefused() | PaymentCancelled():
            return replace(payment, cancellation=_CANCELLATION[type(event)])
        case RefundRequested() | RefundMade() | RefundRefused():
            return replace(payment, refunds={**payment.refunds, event.refund_id: _refund_after(payment, event)})
        case (
            ObservationIgnored()
            | ObservationMismatched()
            | ConfirmationRefused()
            | LatePaymentReceived()
            | DuplicatePaymentObserved()
        ):
            return replace(payment, traces=payment.traces | {_trace_of(event)})
        case _:
            msg = f"{type(event).__name__} cannot happen to an opened payment"
            raise TypeError(msg)


_CANCELLATION: Final[dict[type, Literal["none", "requested", "made"]]] = {
    CancellationRequested: "requested",
    CancellationRefused: "none",
    PaymentCancelled: "made",
}


def _refund_after(payment: Opened, event: RefundRequested | RefundMade | RefundRefused) -> Refund:
    if isinstance(event, RefundRequested):
        return Refund(attempt_id=event.attempt_id, amount_centavos=event.amount_centavos)
    state: Literal["made", "refused"] = "made" if isinstance(event, RefundMade) else "refused"
    return replace(payment.refunds[event.refund_id], state=state)


def _with_attempt(payment: Opened, seen: ObservationRecorded) -> Opened:
    known = payment.attempts.get(seen.attempt_id)
    attempt = Attempt(
        status=seen.status,
        status_detail=seen.status_detail,
        amount_centavos=seen.amount_centavos,
        refunded_centavos=seen.refunded_centavos,
        observed_at=seen.observed_at,
        # Of two views of the same money one may know only when it looked; the first word stands.
        paid_at=(known.paid_at if known else None) or seen.paid_at,
        payer_email=seen.payer_email or (known.payer_email if known else None),
    )
    attempts = {**payment.attempts, seen.attempt_id: attempt}
    spoke = attempts.get(payment.attempt_id or "")
    speaker = _speaker(attempts)
    if spoke and spoke.status != payment.status == attempts[speaker].status:
        # One of two paid attempts was refunded: the status stays, and is the other's.
        return replace(
            payment,
            attempts=attempts,
            attempt_id=speaker,
            status_detail=attempts[speaker].status_detail,
        )
    speaks = seen.attempt_id == payment.attempt_id and seen.status == payment.status
    return replace(
        payment,
        attempts=attempts,
        status_detail=seen.status_detail if speaks else payment.status_detail,
    )


def fold(events: Iterable[PaymentEvent]) -> Payment:
    """Bring a whole history to the state it leads to."""
    payment: Payment = INITIAL
    for event in events:
        payment = evolve(payment, event)
    return payment


def _trace_of(event: PaymentEvent) -> str:
    """Digest what an event says, without the evidence, which may differ in a time stamp for the same fact."""
    facts = "|".join(
        str(getattr(event, field)) for field in event.__struct_fields__ if field not in {"evidence", "received_at"}
    )
    return hashlib.blake2b(f"{type(event).__name__}|{facts}".encode(), digest_size=12).hexdigest()


# --- commands -----------------------------------------------------------------------------------


class OpenPayment(Struct, frozen=True, kw_only=True):
    """Record the intent."""

    intent: PaymentOpened


class RecordCharge(Struct, frozen=True, kw_only=True):
    """Record what the provider answered to the intent, and begin to watch until `watch_until`."""

    charge: ChargeCreated | ChargeRefused
    watch_until: datetime | None


class RecordObservation(Struct, frozen=True, kw_only=True):
    """Record how a provider says that one attempt stands.

    `external_reference` is the one in the provider's answer; None where it told none.
    """

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    external_reference: str | None
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    evidence: str | None


class ConfirmByBank(Struct, frozen=True, kw_only=True):
    """Record that the merchant's bank received `amount_centavos` for a Pix without a provider."""

    amount_centavos: int
    received_at: datetime
    evidence: str | None


class Expire(Struct, frozen=True, kw_only=True):
    """Close the payment if its time has run out at `now`."""

    now: datetime


class RequestCancellation(Struct, frozen=True):
    """Say that the merchant wants the payment closed."""


class CompleteCancellation(Struct, frozen=True):
    """Close the payment, now that the provider has left no way to pay it and was asked how it stands."""


class RefuseCancellation(Struct, frozen=True, kw_only=True):
    """Record that the provider will not close the payment."""

    code: str
    reason: str


class RequestRefund(Struct, frozen=True, kw_only=True):
    """Say that the merchant gives money back; None is all that is left."""

    refund_id: str
    amount_centavos: int | None


class RecordRefund(Struct, frozen=True, kw_only=True):
    """Record what the provider answered to a requested refund."""

    answer: RefundMade | RefundRefused


class StartWatch(Struct, frozen=True, kw_only=True):
    """Ask the monitor to look at the payment often, from `now` until `now + duration`."""

    now: datetime
    duration: timedelta


Command = (
    OpenPayment
    | RecordCharge
    | RecordObservation
    | ConfirmByBank
    | Expire
    | RequestCancellation
    | CompleteCancellation
    | RefuseCancellation
    | RequestRefund
    | RecordRefund
    | StartWatch
)

# --- decisions ----------------------------------------------------------------------------------


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
            return _record_observation(command, payment)
        case RecordCharge():
            return _record_charge(command, payment)
        case ConfirmByBank():
            return _confirm_by_bank(command, payment)
        case Expire():
            return _expire(command, payment)
        case RequestCancellation():
            return _request_cancellation(payment)
        case CompleteCancellation():
            return _complete_cancellation(payment)
        case RefuseCancellation():
            refused = CancellationRefused(code=command.code, reason=command.reason)
            return [refused] if payment.cancellation == "requested" else []
        case RequestRefund():
            return _request_refund(command, payment)
        case RecordRefund():
            return _record_refund(command, payment)
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
        if payment.attempts or payment.is_closed:
            return [command.charge]
        return [command.charge, _status_changed(payment, "cancelled", "charge_refused")]
    events: list[PaymentEvent] = [command.charge]
    if payment.cancellation == "made":
        # It was closed while the provider was asked; what the provider holds is to be closed as well.
        events.append(CancellationRequested())
    elif command.watch_until is not None:
        events.append(WatchStarted(watch_until=command.watch_until))
    return events


def _record_observation(command: RecordObservation, payment: Opened) -> list[PaymentEvent]:
    command = _as_attempt(command, payment)
    mismatch = _mismatch(command, payment.intent)
    if mismatch is not None:
        return _unless_traced(mismatch, payment)
    known = payment.attempts.get(command.attempt_id)
    if known is not None:
        if command.observed_at <= known.observed_at and _says_the_same(command, known):
            return []
        reason = _reason_to_ignore(command, known)
        if reason is not None:
            return _unless_traced(_ignored(command, reason), payment)
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
            events += _unless_traced(duplicate, payment)
    attempts = _with_attempt(payment, recorded).attempts
    speaker = _speaker(attempts)
    said = attempts[speaker]
    holds = payment.is_closed and said.status not in SETTLED
    if said.status != payment.status and not holds:
        events.append(
            StatusChanged(
                previous=payment.status,
                status=said.status,
                status_detail=said.status_detail,
                attempt_id=speaker,
                paid_at=said.paid_at,
            )
        )
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


def _unless_traced(event: PaymentEvent, payment: Opened) -> list[PaymentEvent]:
    return [] if _trace_of(event) in payment.traces else [event]


def _confirm_by_bank(command: ConfirmByBank, payment: Opened) -> list[PaymentEvent]:
    """A repeated confirmation is silent; another value leaves a trace and is never a payment."""
    intent = payment.intent
    if command.amount_centavos != intent.amount_centavos:
        refused = ConfirmationRefused(
            expected_centavos=intent.amount_centavos, received_centavos=command.amount_centavos
        )
        return _unless_traced(refused, payment)
    if payment.is_settled:
        return []
    overdue = intent.expires_at is not None and command.received_at >= intent.expires_at
    if payment.is_closed or overdue:
        late = LatePaymentReceived(amount_centavos=command.amount_centavos, received_at=command.received_at)
        return [*_expire_now(payment), *_unless_traced(late, payment)]
    return [
        ObservationRecorded(
            attempt_id=intent.bank_payment_id,
            status="approved",
            status_detail="accredited",
            amount_centavos=command.amount_centavos,
            refunded_centavos=0,
            observed_at=command.received_at,
            paid_at=command.received_at,
            payer_email=None,
            evidence=command.evidence,
        ),
        StatusChanged(
            previous=payment.status,
            status="approved",
            status_detail="accredited",
            attempt_id=intent.bank_payment_id,
            paid_at=command.received_at,
        ),
    ]


def _expire(command: Expire, payment: Opened) -> list[PaymentEvent]:
    expires_at = payment.intent.expires_at
    in_flight = any(attempt.status not in ENDED for attempt in payment.attempts.values())
    if expires_at is None or command.now < expires_at or in_flight or payment.is_settled:
        return []
    return _expire_now(payment)


def _expire_now(payment: Opened) -> list[PaymentEvent]:
    expires_at = payment.intent.expires_at
    if payment.is_closed or expires_at is None or isinstance(payment.charge, ChargeRefused):
        return []
    events: list[PaymentEvent] = [PaymentExpired(expires_at=expires_at)]
    if payment.status != "cancelled":
        events.append(_status_changed(payment, "cancelled", "expired"))
    return events


def _request_cancellation(payment: Opened) -> list[PaymentEvent]:
    """What is over already stays so, silently; what is paid can only be refunded."""
    if payment.is_settled:
        raise Refused("payment_already_paid", "O pagamento já foi pago; use o estorno")
    is_over = payment.is_closed or isinstance(payment.charge, ChargeRefused)
    return [] if is_over or payment.cancellation == "requested" else [CancellationRequested()]


def _complete_cancellation(payment: Opened) -> list[PaymentEvent]:
    """Close it, unless it was paid meanwhile, or the provider still holds an attempt that may go through."""
    if payment.cancellation != "requested":
        return []
    if payment.is_settled:
        return [CancellationRefused(code="payment_already_paid", reason="The payment was paid meanwhile.")]
    if any(attempt.status not in ENDED for attempt in payment.attempts.values()):
        return []
    events: list[PaymentEvent] = [PaymentCancelled()]
    if payment.status != "cancelled":
        events.append(_status_changed(payment, "cancelled", "by_collector"))
    return events


def _request_refund(command: RequestRefund, payment: Opened) -> list[PaymentEvent]:
    known = payment.refunds.get(command.refund_id)
    if known is not None:
        if command.amount_centavos in {None, known.amount_centavos}:
            return []
        raise Refused("idempotency_key_reused", "This Idempotency-Key was used for another refund.", "Idempotency-Key")
    if payment.status == "refunded":
        raise Refused("payment_already_refunded", "O pagamento já foi estornado por inteiro")
    if payment.status != "approved" or payment.attempt_id is None:
        raise Refused("payment_not_paid", "Só um pagamento aprovado pode ser estornado")
    if payment.intent.provider == "pix":
        raise Refused("refund_by_bank_only", "Um Pix direto é devolvido pelo aplicativo do banco da loja")
    left = payment.refundable_centavos
    amount_centavos = left if command.amount_centavos is None else command.amount_centavos
    if not 0 < amount_centavos <= left:
        raise Refused("refund_exceeds_balance", f"Restam {format_brl(left)} a estornar", "amount")
    return [
        RefundRequested(refund_id=command.refund_id, attempt_id=payment.attempt_id, amount_centavos=amount_centavos)
    ]


def _record_refund(command: RecordRefund, payment: Opened) -> list[PaymentEvent]:
    """Record an answer once; of two that disagree, the one that money moved is right."""
    known = payment.refunds.get(command.answer.refund_id)
    if known is None or known.state == "made":
        return []
    return [command.answer] if known.state == "requested" or isinstance(command.answer, RefundMade) else []


def _start_watch(command: StartWatch, payment: Opened) -> list[PaymentEvent]:
    """A watch that is on goes on; it is not prolonged by asking again."""
    if not payment.may_still_be_paid:
        return []
    if payment.watch_until is not None and command.now < payment.watch_until:
        return []
    return [WatchStarted(watch_until=command.now + command.duration)]


def _status_changed(payment: Opened, status: str, detail: str) -> StatusChanged:
    return StatusChanged(previous=payment.status, status=status, status_detail=detail, attempt_id=None, paid_at=None)
