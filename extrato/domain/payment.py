"""One payment: what may happen to it, in the order stream, events, state, commands, decisions.

Pure: time, ids and what providers said come in with the commands. Deciding the same command twice
gives nothing the second time.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    ChargeCreated,
    ChargeRefused,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    StatusChanged,
    WatchStarted,
)
from extrato.domain.errors import Refused

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


class Opened(Struct, frozen=True, kw_only=True):
    """A payment that exists, from intent to the last refund.

    `traces` are digests of what was refused or ignored, so that the same is not told twice.
    """

    intent: PaymentOpened
    charge: ChargeCreated | ChargeRefused | None = None
    status: str = "pending"
    status_detail: str | None = None
    attempt_id: str | None = None
    attempts: dict[str, Attempt] = {}
    expired: bool = False
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
        return self.is_charged and not self.expired and not self.is_settled

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


def _evolve_opened(payment: Opened, event: PaymentEvent) -> Opened:
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


def _with_attempt(payment: Opened, seen: ObservationRecorded) -> Opened:
    attempt = Attempt(
        status=seen.status,
        status_detail=seen.status_detail,
        amount_centavos=seen.amount_centavos,
        refunded_centavos=seen.refunded_centavos,
        observed_at=seen.observed_at,
        paid_at=seen.paid_at,
        payer_email=seen.payer_email,
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


class StartWatch(Struct, frozen=True, kw_only=True):
    """Ask the monitor to look at the payment often, from `now` until `now + duration`."""

    now: datetime
    duration: timedelta


Command = OpenPayment | RecordCharge | RecordObservation | ConfirmByBank | Expire | StartWatch

# --- decisions ----------------------------------------------------------------------------------


def decide(command: Command, payment: Payment) -> list[PaymentEvent]:
    """Give the events that follow from `command`; none when it changes nothing. Raises `Refused`."""
    if isinstance(command, OpenPayment):
        return _open(command, payment)
    if not isinstance(payment, Opened):
        raise Refused("payment_not_found", "The payment does not exist.")
    match command:
        case RecordObservation():
            return _record_observation(command, payment)
        case RecordCharge():
            return _record_charge(command, payment)
        case ConfirmByBank():
            return _confirm_by_bank(command, payment)
        case Expire():
            return _expire(command, payment)
        case StartWatch():
            return _start_watch(command, payment)


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
        if payment.attempts or payment.expired:
            return [command.charge]
        return [command.charge, _status_changed(payment, "cancelled", "charge_refused")]
    events: list[PaymentEvent] = [command.charge]
    if command.watch_until is not None:
        events.append(WatchStarted(watch_until=command.watch_until))
    return events


def _record_observation(command: RecordObservation, payment: Opened) -> list[PaymentEvent]:
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
    closed = payment.expired and said.status not in SETTLED
    if said.status != payment.status and not closed:
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
    if payment.expired or overdue:
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
    if payment.expired or expires_at is None or isinstance(payment.charge, ChargeRefused):
        return []
    events: list[PaymentEvent] = [PaymentExpired(expires_at=expires_at)]
    if payment.status != "cancelled":
        events.append(_status_changed(payment, "cancelled", "expired"))
    return events


def _start_watch(command: StartWatch, payment: Opened) -> list[PaymentEvent]:
    """A watch that is on goes on; it is not prolonged by asking again."""
    if not payment.may_still_be_paid:
        return []
    if payment.watch_until is not None and command.now < payment.watch_until:
        return []
    return [WatchStarted(watch_until=command.now + command.duration)]


def _status_changed(payment: Opened, status: str, detail: str) -> StatusChanged:
    return StatusChanged(previous=payment.status, status=status, status_detail=detail, attempt_id=None, paid_at=None)
