"""What has happened to a payment, folded: attempts to pay it, refunds, and the status that follows."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

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
    with_alert,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class Unopened(Struct, frozen=True):
    """Nothing happened yet."""


class Attempt(Struct, frozen=True, kw_only=True):
    """How one attempt to pay stood when the provider was last believed.

    `was_paid` says that money has come by it, whatever became of it since.
    """

    status: str
    status_detail: str | None
    amount_centavos: int
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    was_paid: bool

    @property
    def is_refundable(self) -> bool:
        """Say whether its money may be given back; an unknown status takes no money away."""
        return self.status == "approved" or (self.was_paid and self.status not in MAY_FOLLOW)


class Refund(Struct, frozen=True, kw_only=True):
    """Money that the merchant gives back for one attempt: `requested`, `made` or `refused`.

    `is_all` says that it was asked for as all that is left, whatever amount that was. `provider_refund_id` is the
    provider's id of one that was made, where it told one.
    """

    attempt_id: str
    amount_centavos: int
    is_all: bool
    requested_at: datetime | None
    state: Literal["requested", "made", "refused"] = "requested"
    provider_refund_id: str | None = None


class Opened(Struct, frozen=True, kw_only=True):
    """A payment that exists, from intent to the last refund.

    `cancellation` is how far the merchant's wish to close it has come; `refunds` are by the hub's id, in order.
    `traces` are digests of what was refused or ignored, so that the same is not told twice. `alerts` name what
    somebody has to look into, in the order in which it came up.
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
    alerts: tuple[str, ...] = ()

    @property
    def is_charged(self) -> bool:
        """Say whether the provider holds a charge."""
        return isinstance(self.charge, ChargeCreated)

    @property
    def is_settled(self) -> bool:
        """Say whether money moved; what follows is a refund, a dispute, or an unknown status."""
        is_unknown = self.status not in MAY_FOLLOW
        return self.status in SETTLED or (is_unknown and any(attempt.was_paid for attempt in self.attempts.values()))

    @property
    def own_attempt_id(self) -> str | None:
        """Give the attempt that the charge itself is; None where a payer may try several times."""
        return self.charge.attempt_id if isinstance(self.charge, ChargeCreated) else None

    @property
    def has_attempt_in_flight(self) -> bool:
        """Say whether an attempt may yet go through; one that nobody has asked about yet may."""
        is_unasked = self.own_attempt_id is not None and self.own_attempt_id not in self.attempts
        return is_unasked or any(attempt.status not in ENDED for attempt in self.attempts.values())

    @property
    def is_over_at_provider(self) -> bool:
        """Say whether the charge was itself the one attempt, and that one has ended."""
        own = self.attempts.get(self.own_attempt_id or "")
        return own is not None and own.status in ENDED

    @property
    def may_still_be_paid(self) -> bool:
        """Say whether a payer may still pay: `rejected` and `cancelled` are an attempt's, not the link's."""
        return self.is_charged and not (self.is_closed or self.is_settled or self.is_over_at_provider)

    @property
    def is_closed(self) -> bool:
        """Say whether the hub takes no more money for it: it is over, was closed, or was never charged."""
        return self.expired or self.cancellation == "made" or isinstance(self.charge, ChargeRefused)

    @property
    def open_refunds(self) -> dict[str, Refund]:
        """Give the refunds whose outcome the provider has not told yet."""
        return {name: refund for name, refund in self.refunds.items() if refund.state == "requested"}

    def refundable_centavos(self, attempt_id: str) -> int:
        """Give what is left to give back of an attempt; what was requested and not answered is held back."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None or not attempt.is_refundable:
            return 0
        held_centavos = self.refunded_centavos(attempt_id) + self.requested_centavos(attempt_id)
        return max(0, attempt.amount_centavos - held_centavos)

    def requested_centavos(self, attempt_id: str) -> int:
        """Give what was asked back of an attempt and not answered."""
        return sum(each.amount_centavos for each in self.open_refunds.values() if each.attempt_id == attempt_id)

    def refunded_centavos(self, attempt_id: str) -> int:
        """Give what went back of an attempt: what the provider told, or what it took and has not told of yet."""
        own = [refund for refund in self.refunds.values() if refund.attempt_id == attempt_id]
        made = sum(refund.amount_centavos for refund in own if refund.state == "made")
        return max(self.attempts[attempt_id].refunded_centavos, made)

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
# Money came, and nobody knows that it went: no hope and no refund speaks before it.
_WEIGHT_OF_PAID_AND_UNKNOWN: Final = 8


def _weight(attempt: Attempt) -> int:
    return _WEIGHT.get(attempt.status, _WEIGHT_OF_PAID_AND_UNKNOWN if attempt.was_paid else _WEIGHT_OF_UNKNOWN)


def weightiest(attempts: dict[str, Attempt]) -> str:
    """Choose the attempt that speaks for the payment: the weightiest, then the latest."""
    return max(attempts, key=lambda name: (_weight(attempts[name]), attempts[name].observed_at, name))


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
            return with_attempt(payment, event)
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
            alerts = with_alert(payment.alerts, event)
            return replace(payment, traces=payment.traces | {trace_of(event)}, alerts=alerts)
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
        return Refund(
            attempt_id=event.attempt_id,
            amount_centavos=event.amount_centavos,
            is_all=event.is_all,
            requested_at=event.requested_at,
        )
    known = payment.refunds[event.refund_id]
    if isinstance(event, RefundMade):
        return replace(known, state="made", provider_refund_id=event.provider_refund_id)
    return replace(known, state="refused")


def with_attempt(payment: Opened, seen: ObservationRecorded) -> Opened:
    """Take what was seen of an attempt into the state."""
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
        was_paid=seen.status in SETTLED or (known is not None and known.was_paid),
    )
    attempts = {**payment.attempts, seen.attempt_id: attempt}
    spoke = attempts.get(payment.attempt_id or "")
    speaker = weightiest(attempts)
    if spoke and spoke.status != payment.status == attempts[speaker].status:
        # One of two paid attempts was refunded: the status stays, and is the other's.
        return replace(
            payment,
            attempts=attempts,
            attempt_id=speaker,
            status_detail=attempts[speaker].status_detail,
        )
    speaks = seen.attempt_id == (payment.attempt_id or seen.attempt_id) and seen.status == payment.status
    if not speaks or isinstance(payment.charge, ChargeRefused):
        return replace(payment, attempts=attempts)
    # The first attempt speaks as soon as it is seen, for the status that it has is the payment's already.
    return replace(payment, attempts=attempts, attempt_id=seen.attempt_id, status_detail=seen.status_detail)


def fold(events: Iterable[PaymentEvent]) -> Payment:
    """Bring a whole history to the state it leads to."""
    payment: Payment = INITIAL
    for event in events:
        payment = evolve(payment, event)
    return payment


def trace_of(event: PaymentEvent) -> str:
    """Digest what an event says, without the evidence, which may differ in a time stamp for the same fact."""
    facts = "|".join(
        str(getattr(event, field)) for field in event.__struct_fields__ if field not in {"evidence", "received_at"}
    )
    return hashlib.blake2b(f"{type(event).__name__}|{facts}".encode(), digest_size=12).hexdigest()


def unless_traced(event: PaymentEvent, payment: Opened) -> list[PaymentEvent]:
    """Give the event, unless the same was told before."""
    return [] if trace_of(event) in payment.traces else [event]


def closed_as(payment: Opened, status: str, detail: str) -> StatusChanged:
    """Give the change of status that no attempt brought."""
    return StatusChanged(previous=payment.status, status=status, status_detail=detail, attempt_id=None, paid_at=None)
