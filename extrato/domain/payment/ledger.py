"""The ledger: each attempt's money, and the status that follows from it. A fold over a payment's events.

Pure, and without decisions: the decider and the read models fold the same events into the same ledger. The table of
statuses by held money is in docs/reference/money.md. The read models `payment_details` and `statement` store the
ledger: raise their versions when the same events lead to another ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from contracts.payment_status import ENDED, KNOWN, SETTLED, StateOfRefund

PARTIALLY_PAID: Final = "partially_paid"
OTHER_CURRENCY: Final = "other_currency"
OWN_DETAILS: Final = frozenset({PARTIALLY_PAID, OTHER_CURRENCY})
"""Details that the hub sets, not a provider: they say how much of the charge is held."""

# The deciding attempt has the highest weight: held money, then refunded money, then an open attempt, then a refusal.
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
# Money came, and its status is unknown: it outweighs open attempts and refunds.
_WEIGHT_OF_PAID_AND_UNKNOWN: Final = 8


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt to pay, as the provider or the bank last reported it.

    `refunded_centavos` is the refunded sum in that report. `was_paid`: money had come by that report, or by an earlier
    one that no known status followed. `is_late`: the money came after the end and is not accepted yet.
    `awaits_acceptance`: until then it is held and does not count towards the charge. `was_left_outside`: an older log
    records the attempt as a mismatch. `set_back_from` is the time of a report that the provider has withdrawn.
    """

    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    was_paid: bool
    is_late: bool = False
    awaits_acceptance: bool = False
    was_left_outside: bool = False
    set_back_from: datetime | None = None

    @property
    def is_refundable(self) -> bool:
        """A provider can refund the attempt. After an unknown status the money still counts as held."""
        is_held_again = self.status == "charged_back" and self.status_detail == "reimbursed"
        return self.was_paid and (self.status == "approved" or self.status not in KNOWN or is_held_again)

    @property
    def reported_until(self) -> datetime:
        """Return the time up to which the report covers refunds; a repeated report covers more than its date."""
        return max(self.observed_at, self.set_back_from or self.observed_at)

    @property
    def has_ended(self) -> bool:
        """The attempt brings no further money: it was paid, or it failed."""
        return self.was_paid or self.status in ENDED


class Refund(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refund of one attempt.

    `requested`: the provider has not answered; `in_process`: the provider accepted the refund and has not made it.
    `wish_id` identifies the merchant's request; a request for everything becomes one refund for each attempt, with
    `is_all`. `provider_refund_id` is the provider's id and `made_at` the provider's time; None if it sent none.
    `known_refunds` are the provider's ids of the attempt's refunds just before this request; None if they were
    unavailable. `refunded_before` is the sum refunded of the attempt at the time of the request, and `made_before` the
    sum of the refunds made by then.
    """

    wish_id: str
    attempt_id: str
    amount_centavos: int
    is_all: bool
    requested_at: datetime | None
    state: StateOfRefund = "requested"
    reason: str | None = None
    known_refunds: tuple[str, ...] | None = None
    provider_refund_id: str | None = None
    made_at: datetime | None = None
    refunded_before: int = 0
    made_before: int = 0

    @property
    def is_open(self) -> bool:
        """The provider has not reported the outcome yet."""
        return self.state in {"requested", "in_process"}


class Return(Struct, frozen=True, kw_only=True):
    """Money of a direct Pix that the bank returned to the payer."""

    attempt_id: str
    amount_centavos: int
    returned_at: datetime


class Share(Struct, frozen=True, kw_only=True):
    """The money of one or several attempts, in centavos; the four fields add up to the received sum."""

    held: int = 0
    refunded: int = 0
    disputed: int = 0
    lost: int = 0

    @property
    def received(self) -> int:
        """Return the received sum."""
        return self.held + self.refunded + self.disputed + self.lost

    def __add__(self, other: Share) -> Share:
        """Add the money of two attempts in one currency."""
        return Share(
            held=self.held + other.held,
            refunded=self.refunded + other.refunded,
            disputed=self.disputed + other.disputed,
            lost=self.lost + other.lost,
        )


NOTHING: Final = Share()
Shares = Mapping[str, Share]


class Ledger(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The money of one charge, and the status that follows.

    `is_settled`: held money reached the charge once, and the provider has not withdrawn that since. `accepted_centavos`
    is a smaller sum that the merchant accepts for the whole. `closed` is why the hub accepts no more money: `expired`,
    `by_collector` or `charge_refused`. `status`, `status_detail` and `attempt_id`, the deciding attempt, follow from
    that. `announced` is the status and detail of the last StatusChanged. `paid_at_without_attempt` is the time of
    payment in the oldest logs, which list no attempt.
    """

    amount_centavos: int
    currency: str
    bank_payment_id: str
    own_attempt_id: str | None = None
    attempts: dict[str, Attempt] = {}
    refunds: dict[str, Refund] = {}
    returns: dict[str, Return] = {}
    accepted_centavos: int | None = None
    is_settled: bool = False
    closed: Literal["expired", "by_collector", "charge_refused"] | None = None
    status: str = "pending"
    status_detail: str | None = None
    attempt_id: str | None = None
    announced: tuple[str, str | None] = ("pending", None)
    paid_at_without_attempt: datetime | None = None

    @property
    def due_centavos(self) -> int:
        """Return the sum that settles the charge."""
        accepted = self.accepted_centavos
        return self.amount_centavos if accepted is None else min(accepted, self.amount_centavos)

    @property
    def paid_at(self) -> datetime | None:
        """Return when the deciding attempt paid the charge, or when several attempts first added up to it."""
        if self.attempt_id is None:
            return self.paid_at_without_attempt
        if not self.is_settled:
            return None
        deciding = self.attempts[self.attempt_id]
        if deciding.amount_centavos >= self.due_centavos and deciding.currency == self.currency:
            return deciding.paid_at
        ours = [each for each in self.attempts.values() if each.was_paid and each.currency == self.currency]
        timed = [(each.paid_at or each.observed_at, each) for each in ours if not each.awaits_acceptance]
        received = 0
        for paid_at, each in sorted(timed, key=lambda pair: pair[0]):
            received += each.amount_centavos
            if received >= self.due_centavos:
                return paid_at
        return None

    def share(self, attempt_id: str) -> Share:
        """Return the money of one attempt, in its own currency."""
        attempt = self.attempts[attempt_id]
        if not attempt.was_paid:
            return NOTHING
        refunded = self.refunded_centavos(attempt_id)
        left = attempt.amount_centavos - refunded
        if attempt.status == "charged_back" and attempt.status_detail == "settled":
            return Share(refunded=refunded, lost=left)
        # Disputed money does not count as held until the dispute is decided.
        is_asked_back = attempt.status == "charged_back" and attempt.status_detail != "reimbursed"
        if is_asked_back or attempt.status == "in_mediation":
            return Share(refunded=refunded, disputed=left)
        return Share(refunded=refunded, held=left)

    def refunded_centavos(self, attempt_id: str) -> int:
        """Return the refunded sum of an attempt: the provider's newest report, and refunds made after it."""
        attempt = self.attempts[attempt_id]
        if attempt.status == "refunded":
            return attempt.amount_centavos
        if not self.refunds and not self.returns:
            return min(attempt.amount_centavos, attempt.refunded_centavos)
        reported, untimed, later = attempt.refunded_centavos, 0, 0
        for refund in self.refunds.values():
            if refund.attempt_id != attempt_id or refund.state != "made":
                continue
            if refund.made_at is None:
                untimed += refund.amount_centavos
            elif refund.made_at > attempt.reported_until:
                later += refund.amount_centavos
        returned = sum(each.amount_centavos for each in self.returns.values() if each.attempt_id == attempt_id)
        return min(attempt.amount_centavos, max(reported, untimed) + later + returned)

    def made_centavos(self, attempt_id: str) -> int:
        """Return the sum of an attempt's made refunds, including those that the provider reversed later."""
        ours = (refund for refund in self.refunds.values() if refund.attempt_id == attempt_id)
        return sum(refund.amount_centavos for refund in ours if refund.state == "made")

    def requested_centavos(self, attempt_id: str) -> int:
        """Return the sum of an attempt's open refunds."""
        return sum(each.amount_centavos for each in self.open_refunds.values() if each.attempt_id == attempt_id)

    def refundable_centavos(self, attempt_id: str) -> int:
        """Return the refundable sum of an attempt; open refunds are subtracted."""
        attempt = self.attempts.get(attempt_id)
        if attempt is None or not attempt.is_refundable:
            return 0
        return max(0, self.share(attempt_id).held - self.requested_centavos(attempt_id))

    @property
    def open_refunds(self) -> dict[str, Refund]:
        """Return the refunds whose outcome the provider has not reported yet."""
        return {name: each for name, each in self.refunds.items() if each.is_open}

    @property
    def total(self) -> Share:
        """Return the sum over all attempts in the charge's currency."""
        return self.total_of({name: self.share(name) for name in self.attempts})

    def total_of(self, shares: Mapping[str, Share]) -> Share:
        """Add the shares of the attempts in the charge's currency."""
        ours = [share for name, share in shares.items() if self.attempts[name].currency == self.currency]
        return ours[0] if len(ours) == 1 else sum(ours, NOTHING)

    @property
    def held_by(self) -> dict[str, int]:
        """Return the held sum by attempt, in any currency, in the order in which the attempts appeared."""
        held = {name: self.share(name).held for name in self.attempts}
        return {name: centavos for name, centavos in held.items() if centavos}

    @property
    def other_currencies_held_by(self) -> dict[str, int]:
        """Return the held sum by attempt, for attempts in another currency than the charge's."""
        return {name: held for name, held in self.held_by.items() if self.attempts[name].currency != self.currency}

    @property
    def held_of_charge(self) -> dict[str, int]:
        """Return the held sum by attempt, for attempts in the charge's currency."""
        return {name: held for name, held in self.held_by.items() if self.attempts[name].currency == self.currency}

    @property
    def duplicates(self) -> list[str]:
        """Return the attempts with held money besides the first one that holds the whole amount alone."""
        held = self.held_of_charge
        first = next((name for name, centavos in held.items() if centavos >= self.amount_centavos), None)
        return [] if first is None else [name for name in held if name != first]

    @property
    def own_attempt_has_ended(self) -> bool:
        """The charge is itself the one attempt, and that attempt has ended."""
        own = self.attempts.get(self.own_attempt_id or "")
        return own is not None and own.has_ended


def open_ledger(intent: PaymentOpened) -> Ledger:
    """Return the ledger of a new payment, without its charge, which `evolve_ledger` applies."""
    return Ledger(
        amount_centavos=intent.amount_centavos, currency=intent.currency, bank_payment_id=intent.bank_payment_id
    )


def evolve_ledger(ledger: Ledger, event: PaymentEvent) -> Ledger:
    """Apply one event; returns the same object when the event affects neither money nor status."""
    booked = _apply(ledger, event)
    return booked if booked is ledger or type(event) in _KEEP_STATUS else _with_status(ledger, booked)


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


def _with_status(before: Ledger, booked: Ledger) -> Ledger:
    """Derive the status, its detail and the deciding attempt from the money."""
    if not booked.attempts:
        if booked.closed is None or booked.is_settled:
            return booked
        return replace(booked, status="cancelled", status_detail=_closing_detail(booked))
    shares = {name: booked.share(name) for name in booked.attempts}
    deciding_id, is_settled = _deciding_attempt(booked, shares), _is_settled(before, booked, shares)
    if is_settled:
        status, detail = _settled_status(booked, shares, deciding_id)
    else:
        status, detail = _unsettled_status(booked, shares, deciding_id)
    # The provider withdrew the accepted money.
    accepted = booked.accepted_centavos if is_settled or not booked.is_settled else None
    return replace(
        booked,
        is_settled=is_settled,
        accepted_centavos=accepted,
        status=status,
        status_detail=detail,
        attempt_id=deciding_id,
    )


def _is_settled(before: Ledger, booked: Ledger, shares: Shares) -> bool:
    """The charge is settled; a new attempt counts with its whole amount, a known one with its held money."""
    reached = received = 0
    for name, attempt in booked.attempts.items():
        if attempt.currency != booked.currency or attempt.awaits_acceptance or not attempt.was_paid:
            continue
        known = before.attempts.get(name)
        is_new = known is None or not known.was_paid or known.awaits_acceptance
        reached += attempt.amount_centavos if is_new else shares[name].held
        received += attempt.amount_centavos
    due = booked.due_centavos
    return (booked.is_settled or reached >= due) and received >= due


def _deciding_attempt(ledger: Ledger, shares: Shares) -> str:
    """Choose the deciding attempt: in the charge's currency, of the highest weight, the one before, or the latest."""
    if len(ledger.attempts) == 1:
        return next(iter(ledger.attempts))

    def weight(name: str) -> tuple[bool, bool, int, bool, datetime, str]:
        attempt, spoke = ledger.attempts[name], name == ledger.attempt_id
        is_ours = attempt.currency == ledger.currency
        return is_ours, not attempt.awaits_acceptance, _weight(attempt, shares[name]), spoke, attempt.observed_at, name

    return max(ledger.attempts, key=weight)


def _weight(attempt: Attempt, share: Share) -> int:
    unknown = _WEIGHT_OF_PAID_AND_UNKNOWN if attempt.was_paid else _WEIGHT_OF_UNKNOWN
    return _WEIGHT.get(_effective_status(attempt, share), unknown)


def _effective_status(attempt: Attempt, share: Share) -> str:
    """Return the status of an attempt, corrected by its refunds and disputes."""
    if attempt.was_paid and share.refunded == share.received > 0:
        return "refunded"
    if attempt.status == "charged_back" and share.held:
        return "approved"
    return attempt.status


def _settled_status(ledger: Ledger, shares: Shares, deciding_id: str) -> tuple[str, str | None]:
    attempt = ledger.attempts[deciding_id]
    status, total = _effective_status(attempt, shares[deciding_id]), ledger.total_of(shares)
    if not total.held:
        return status, attempt.status_detail if status == attempt.status else status
    if status not in KNOWN:
        return status, attempt.status_detail
    detail = attempt.status_detail if attempt.status == "approved" else "accredited"
    is_alone = attempt.amount_centavos >= ledger.due_centavos
    if total.held >= ledger.due_centavos:
        is_partial = detail is not None and detail.startswith("partially_")
        return "approved", detail if is_alone and not is_partial else "accredited"
    if is_alone and detail is not None and detail.startswith("partially_"):
        return "approved", detail
    return "approved", "partially_charged_back" if total.disputed + total.lost else "partially_refunded"


def _unsettled_status(ledger: Ledger, shares: Shares, deciding_id: str) -> tuple[str, str | None]:
    held = ledger.total_of(shares).held
    held_elsewhere = any(
        share.held and ledger.attempts[name].currency != ledger.currency for name, share in shares.items()
    )
    if ledger.closed and not (ledger.closed == "charge_refused" and _may_yet_be_paid(ledger)):
        if 0 < held < ledger.amount_centavos:
            return "cancelled", PARTIALLY_PAID
        if not held and held_elsewhere:
            return "cancelled", OTHER_CURRENCY
        return "cancelled", _closing_detail(ledger)
    if held:
        return "pending", PARTIALLY_PAID
    if held_elsewhere:
        return "pending", OTHER_CURRENCY
    return _unpaid_status(ledger, shares, deciding_id)


def _unpaid_status(ledger: Ledger, shares: Shares, deciding_id: str) -> tuple[str, str | None]:
    """Return the status of a payment without held money: that of the leading attempt."""
    unpaid = {name: each for name, each in ledger.attempts.items() if not each.was_paid}
    if not unpaid:
        own_id = ledger.own_attempt_id or ""
        own = ledger.attempts.get(own_id)
        if own is None:
            return "pending", None
        status = _effective_status(own, shares[own_id])
        return status, own.status_detail if status == own.status else status

    def weight(name: str) -> tuple[int, bool, datetime, str]:
        return _weight(unpaid[name], shares[name]), name == deciding_id, unpaid[name].observed_at, name

    leading = unpaid[max(unpaid, key=weight)]
    if leading.status == "cancelled" and ledger.own_attempt_id is None:
        # The payer gave up one attempt; the link accepts another.
        return "pending", None
    return leading.status, leading.status_detail


def _may_yet_be_paid(ledger: Ledger) -> bool:
    return any(not attempt.has_ended for attempt in ledger.attempts.values())


def _closing_detail(ledger: Ledger) -> str | None:
    """Return why the payment was closed; the first reason stays."""
    if ledger.status == "cancelled" and ledger.status_detail not in OWN_DETAILS:
        return ledger.status_detail
    return ledger.closed
