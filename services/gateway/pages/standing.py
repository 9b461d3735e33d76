"""How a payment stands in the eyes of a payer. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from contracts.payment_status import ENDED
from extrato.domain.payment.state import Charged, ChargeNotCreated, Opened

if TYPE_CHECKING:
    from datetime import datetime

Standing = Literal[
    "preparing",
    "open",
    "waiting",
    "reviewing",
    "checking",
    "settling",
    "closing",
    "refused",
    "partial",
    "late",
    "paid",
    "refunded",
    "disputed",
    "charged_back",
    "expired",
    "cancelled",
]

MAY_MOVE: Final[frozenset[Standing]] = frozenset(
    {"preparing", "open", "waiting", "reviewing", "checking", "settling", "closing", "refused", "partial", "late"}
)
"""Where something may still happen while the payer looks on."""

MAY_PAY: Final[frozenset[Standing]] = frozenset({"open", "waiting", "refused"})
"""Where a payer may be led to paying."""

# Who paid in the last minute looks at the page soon; later than that a provider's silence means nothing.
LATE: Final = timedelta(hours=1)

_OF_SETTLED: Final[dict[str, Standing]] = {
    "approved": "paid",
    "refunded": "refunded",
    "in_mediation": "disputed",
    "charged_back": "charged_back",
}


def standing_of(payment: Opened, now: datetime, *, is_answered: bool = True) -> Standing:
    """Say how a payment stands at `now`; `is_answered` is false when the provider was asked and has not told.

    `waiting` has an attempt that waits for its payer, such as a code that was not paid yet, and `reviewing` one that
    the provider looks at. `settling` may yet turn out paid, but nobody can begin an attempt, for the time is over.
    `closing` is to be cancelled, as soon as the provider does it. `refused` can be tried again. Of `partial` and `late`
    money has come that does not pay the charge; whatever else is so, nobody is led to pay again.
    """
    by_money = _by_money(payment)
    if by_money is not None:
        return by_money
    if payment.cancellation == "completed" or isinstance(payment, ChargeNotCreated):
        return "cancelled"
    if payment.cancellation == "requested" and not payment.expired:
        return "closing"
    expires_at = payment.intent.expires_at
    is_overdue = expires_at is not None and now >= expires_at
    if payment.expired or (is_overdue and not payment.has_attempt_in_flight):
        # The hub's own clock closes it in a moment, and takes no money from now on.
        is_late = expires_at is None or now >= expires_at + LATE
        return "expired" if is_answered or is_late else "settling"
    return "settling" if is_overdue else _in_time(payment)


def _by_money(payment: Opened) -> Standing | None:
    """Say how it stands if money has come, whether it pays the charge or not."""
    if payment.is_settled:
        # It was paid, and its status may be unknown here.
        return _OF_SETTLED.get(payment.status, "reviewing")
    if payment.ledger.held_by:
        return "late" if payment.ledger.total.held >= payment.intent.amount_centavos else "partial"
    # In whatever currency: who disputes a payment is not led to make another one.
    is_disputed = any(payment.ledger.share(name).disputed for name in payment.attempts)
    return "disputed" if is_disputed else None


def standing_on_return(standing: Standing, *, is_answered: bool) -> Standing:
    """Say how a payment stands for who comes back from the checkout, and may just have paid.

    `checking` leads nobody to pay until the provider has told.
    """
    return "checking" if standing in MAY_PAY and not is_answered else standing


def _in_time(payment: Opened) -> Standing:
    if any(not attempt.has_ended for attempt in payment.attempts.values()):
        return "waiting" if payment.status == "pending" else "reviewing"
    if not isinstance(payment, Charged):
        return "preparing"
    if payment.is_over_at_provider and payment.status not in ENDED:
        # Its one attempt was paid with another amount, which has gone back.
        return "refunded"
    if payment.charge.attempt_id is not None and payment.status in ENDED:
        # The charge was itself the one attempt to pay it.
        return "expired" if payment.status_detail == "expired" else "cancelled"
    return "refused" if payment.status == "rejected" else "open"
