"""The state of a payment as its payer sees it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from contracts.payment_status import ENDED
from extrato.domain.payment.state import Charged, ChargeNotCreated, Opened

if TYPE_CHECKING:
    from datetime import datetime

PayerState = Literal[
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

MAY_MOVE: Final[frozenset[PayerState]] = frozenset(
    {"preparing", "open", "waiting", "reviewing", "checking", "settling", "closing", "refused", "partial", "late"}
)
"""The states that may still change while the page is open."""

MAY_PAY: Final[frozenset[PayerState]] = frozenset({"open", "waiting", "refused"})
"""The states in which a page may offer to pay."""

# A payer who paid in the last minute opens the page soon. After an hour the page does not wait for the provider.
LATE: Final = timedelta(hours=1)

_STATE_OF_SETTLED: Final[dict[str, PayerState]] = {
    "approved": "paid",
    "refunded": "refunded",
    "in_mediation": "disputed",
    "charged_back": "charged_back",
}


def payer_state_of(payment: Opened, now: datetime, *, is_answered: bool = True) -> PayerState:
    """Return the payer's state of a payment at `now`; `is_answered` is False when the provider did not answer.

    `waiting`: an attempt waits for its payer, such as an unpaid code. `reviewing`: the provider reviews an attempt.
    `settling`: the time is over and no attempt can begin, but an earlier one may still be paid. `closing`: the merchant
    wants to cancel and the provider has not confirmed. `refused`: the payer can try again. `partial` and `late`: money
    has arrived that does not pay the charge, and the page does not offer to pay again.
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
        # The hub expires it in a moment and accepts no more attempts.
        is_late = expires_at is None or now >= expires_at + LATE
        return "expired" if is_answered or is_late else "settling"
    return "settling" if is_overdue else _in_time(payment)


def _by_money(payment: Opened) -> PayerState | None:
    """Return the state of a payment that has received money, whether it pays the charge or not."""
    if payment.is_settled:
        # It was paid, and its status may be one that the hub does not know.
        return _STATE_OF_SETTLED.get(payment.status, "reviewing")
    if payment.ledger.held_by:
        return "late" if payment.ledger.total.held >= payment.intent.amount_centavos else "partial"
    # In any currency: a payer who disputes a payment gets no offer to make another one.
    is_disputed = any(payment.ledger.share(name).disputed for name in payment.attempts)
    return "disputed" if is_disputed else None


def payer_state_on_return(state: PayerState, *, is_answered: bool) -> PayerState:
    """Return the state for a payer who returns from the checkout and may just have paid.

    `checking` does not offer to pay until the provider has answered.
    """
    return "checking" if state in MAY_PAY and not is_answered else state


def _in_time(payment: Opened) -> PayerState:
    if any(not attempt.has_ended for attempt in payment.attempts.values()):
        return "waiting" if payment.status == "pending" else "reviewing"
    if not isinstance(payment, Charged):
        return "preparing"
    if payment.is_over_at_provider and payment.status not in ENDED:
        # Its one attempt was paid with another amount, which was returned.
        return "refunded"
    if payment.charge.attempt_id is not None and payment.status in ENDED:
        # This charge allows one attempt.
        return "expired" if payment.status_detail == "expired" else "cancelled"
    return "refused" if payment.status == "rejected" else "open"
