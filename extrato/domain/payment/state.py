"""What has happened to a payment, folded: its money, what was asked and answered, what somebody has to look into."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, Literal, assert_never

from msgspec import Struct
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
    EventOfOpened,
    LatePaymentReceived,
    MoneyAccepted,
    ObservationIgnored,
    ObservationMismatched,
    ObservationRecorded,
    PaymentCancelled,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    PaymentReopened,
    PixReturned,
    RefundAccepted,
    RefundMade,
    RefundRefused,
    RefundRequested,
    RefundReversed,
    StatusChanged,
    TransferNamed,
    WatchStarted,
    facts_of,
)
from contracts.payment_status import ALERTS, alerts_after
from extrato.domain.payment import ledger as book
from extrato.domain.payment.ledger import Attempt, Ledger, Refund


class Unopened(Struct, frozen=True):
    """Nothing happened yet."""


class Opened(Struct, frozen=True, kw_only=True):
    """A payment that exists, from intent to the last refund.

    `intent` is without its charge: that is `charge`, whichever event it came with.
    `cancellation` is how far the merchant's wish to close it has come. `traces` are digests of what was refused or
    ignored, so that the same is not told twice; `ignored` has those of stale observations, with the attempt of each and
    the time when it was ignored, until that attempt is observed again. `outside` are attempts of another reference.
    `name_of_unnamed` is the bank's name of a transfer that it told of without one at first. `refused_confirmations`
    counts those that the log tells of. `alerts` name what somebody
    has to look into, in the order in which it came up, and `alerts_so_far` is every alert that it ever had; `raised`
    are the alerts and occurrences that have been told of.
    """

    intent: PaymentOpened
    ledger: Ledger
    charge: ChargeCreated | ChargeRefused | None = None
    expired: bool = False
    cancellation: Literal["none", "requested", "made"] = "none"
    watch_until: datetime | None = None
    traces: frozenset[str] = frozenset()
    ignored: dict[str, tuple[str, datetime | None]] = {}
    outside: frozenset[str] = frozenset()
    name_of_unnamed: str | None = None
    refused_confirmations: int = 0
    alerts: tuple[str, ...] = ()
    alerts_so_far: frozenset[str] = frozenset()
    raised: frozenset[tuple[str, str]] = frozenset()

    @property
    def status(self) -> str:
        """Give the status of the payment as a whole."""
        return self.ledger.status

    @property
    def status_detail(self) -> str | None:
        """Give the provider's word beside the status, or the hub's where the money does not fit the charge."""
        return self.ledger.status_detail

    @property
    def attempt_id(self) -> str | None:
        """Give the attempt that speaks for the payment, if there is any."""
        return self.ledger.attempt_id

    @property
    def attempts(self) -> dict[str, Attempt]:
        """Give every attempt to pay, by the provider's id, in the order in which they were seen."""
        return self.ledger.attempts

    @property
    def refunds(self) -> dict[str, Refund]:
        """Give every refund that the merchant asked for, by the hub's id, in order."""
        return self.ledger.refunds

    @property
    def is_charged(self) -> bool:
        """Say whether the provider holds a charge."""
        return isinstance(self.charge, ChargeCreated)

    @property
    def is_settled(self) -> bool:
        """Say whether the charge was paid; what follows is a refund, a dispute, or an unknown status."""
        return self.ledger.is_settled

    @property
    def own_attempt_id(self) -> str | None:
        """Give the attempt that the charge itself is; None where a payer may try several times."""
        return self.ledger.own_attempt_id

    @property
    def has_attempt_in_flight(self) -> bool:
        """Say whether an attempt may yet go through; one that nobody has asked about yet may."""
        is_unasked = self.own_attempt_id is not None and self.own_attempt_id not in self.attempts
        return is_unasked or any(not attempt.has_ended for attempt in self.attempts.values())

    @property
    def is_over_at_provider(self) -> bool:
        """Say whether the charge was itself the one attempt, and that one has ended."""
        return self.ledger.own_has_ended

    @property
    def may_still_be_paid(self) -> bool:
        """Say whether a payer may still pay: `rejected` and `cancelled` are an attempt's, not the link's."""
        return self.is_charged and not (self.is_closed or self.is_settled or self.is_over_at_provider)

    def transfer(self, end_to_end_id: str) -> str | None:
        """Give the attempt that a transfer of a direct Pix is; None for one that is not known by this name."""
        if end_to_end_id in self.attempts:
            return end_to_end_id
        return self.intent.bank_payment_id if end_to_end_id == self.name_of_unnamed else None

    @property
    def is_closed(self) -> bool:
        """Say whether the hub takes no more money for it: it is over, was closed, or was never charged."""
        return self.expired or self.cancellation == "made" or isinstance(self.charge, ChargeRefused)

    @property
    def speaker(self) -> Attempt | None:
        """Give the attempt that decides the status, if there is any."""
        return self.attempts.get(self.attempt_id) if self.attempt_id else None


Payment = Unopened | Opened

INITIAL: Final = Unopened()


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    """Apply one event."""
    for fact in facts_of(event):
        payment = _evolve(payment, fact)
    return payment


def _evolve(payment: Payment, fact: PaymentEvent) -> Payment:
    if isinstance(fact, PaymentOpened):
        return begun(fact, None)
    if not isinstance(payment, Opened):
        msg = f"{type(fact).__name__} cannot be the first event of a payment"
        raise TypeError(msg)
    return _after(payment, fact)


def _after(payment: Opened, fact: EventOfOpened) -> Opened:
    ledger = book.after(payment.ledger, fact)
    return _evolve_opened(payment if ledger is payment.ledger else replace(payment, ledger=ledger), fact)


def _evolve_opened(payment: Opened, event: EventOfOpened) -> Opened:  # noqa: C901, PLR0911 - one line a kind of event
    match event:
        case ChargeCreated() | ChargeRefused():
            return replace(payment, charge=event)
        case WatchStarted():
            return replace(payment, watch_until=event.watch_until)
        case PaymentExpired():
            return replace(payment, expired=True)
        case CancellationRequested() | CancellationRefused() | PaymentCancelled():
            return replace(payment, cancellation=_CANCELLATION[type(event)])
        case TransferNamed():
            return replace(payment, name_of_unnamed=event.end_to_end_id)
        case ObservationRecorded() if payment.outside or payment.ignored:
            return _observed(payment, event.attempt_id)
        case ObservationIgnored():
            ignored = {trace_of(event): (event.attempt_id, event.ignored_at), **payment.ignored}
            return replace(payment, traces=payment.traces | {trace_of(event)}, ignored=ignored)
        case ConfirmationRefused():
            refused = payment.refused_confirmations + 1
            traces = payment.traces | {trace_of(event)}
            return _alerted(replace(payment, traces=traces, refused_confirmations=refused), event)
        case ObservationMismatched() | LatePaymentReceived() | DuplicatePaymentObserved():
            return _alerted(replace(payment, traces=payment.traces | {trace_of(event)}), event)
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


def _observed(payment: Opened, attempt_id: str) -> Opened:
    """Forget what was left outside or ignored of an attempt before it was observed."""
    over = {trace for trace, (of, _) in payment.ignored.items() if of == attempt_id}
    return replace(
        payment,
        outside=payment.outside - {attempt_id},
        ignored={trace: ignored for trace, ignored in payment.ignored.items() if trace not in over},
        traces=payment.traces - over,
    )


_CANCELLATION: Final[dict[type, Literal["none", "requested", "made"]]] = {
    CancellationRequested: "requested",
    CancellationRefused: "none",
    PaymentCancelled: "made",
}


def _alerted(payment: Opened, event: PaymentEvent) -> Opened:
    """Open or close an alert. One that ended by itself may be raised again by what raised it before."""
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
                payment = replace(payment, outside=payment.outside | {attempt_id})
            raised = payment.raised | {(ALERTS[type(event)], attempt_id)}
        case _:
            raised = payment.raised
    return replace(payment, raised=raised)


def begun(intent: PaymentOpened, charge: ChargeCreated | ChargeRefused | None) -> Opened:
    """Give a payment as it is when it was just asked for; `intent` is without a charge."""
    payment = Opened(intent=intent, ledger=book.opened(intent))
    return payment if charge is None else _after(payment, charge)


# Of one fact these may differ from one telling to the next.
_INCIDENTAL: Final = frozenset({"evidence", "received_at", "ignored_at", "paid_at"})


def trace_of(event: PaymentEvent) -> str:
    """Digest what an event says, without what may differ in another telling of the same fact."""
    facts = "|".join(str(getattr(event, field)) for field in event.__struct_fields__ if field not in _INCIDENTAL)
    return hashlib.blake2b(f"{type(event).__name__}|{facts}".encode(), digest_size=12).hexdigest()


def unless_traced(event: PaymentEvent, payment: Opened) -> list[PaymentEvent]:
    """Give the event, unless the same was told before."""
    return [] if trace_of(event) in payment.traces else [event]
