"""How a payment stands in the eyes of a payer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from contracts.events import ChargeCreated, ChargeRefused
from extrato.domain.payment.state import ENDED

if TYPE_CHECKING:
    from datetime import datetime

    from extrato.domain.payment.state import Opened

Standing = Literal[
    "preparing", "open", "waiting", "settling", "refused", "paid", "refunded", "disputed", "expired", "cancelled"
]

MAY_MOVE: Final[frozenset[Standing]] = frozenset({"preparing", "open", "waiting", "settling", "refused"})
"""Where something may still happen while the payer looks on."""

_OF_SETTLED: Final[dict[str, Standing]] = {
    "approved": "paid",
    "refunded": "refunded",
    "in_mediation": "disputed",
    "charged_back": "disputed",
}


def standing_of(payment: Opened, now: datetime) -> Standing:
    """Say how a payment stands at `now`.

    `waiting` has an attempt that may yet go through; `settling` too, but nobody can begin another one, for the time
    is over. `refused` can be tried again.
    """
    if payment.status in _OF_SETTLED:
        return _OF_SETTLED[payment.status]
    if payment.cancellation == "made" or isinstance(payment.charge, ChargeRefused):
        return "cancelled"
    if payment.expired:
        return "expired"
    expires_at = payment.intent.expires_at
    is_overdue = expires_at is not None and now >= expires_at
    if any(attempt.status not in ENDED for attempt in payment.attempts.values()):
        return "settling" if is_overdue else "waiting"
    if is_overdue:
        # The hub's own clock closes it in a moment, and takes no money from now on.
        return "expired"
    return _without_attempt_in_flight(payment)


def _without_attempt_in_flight(payment: Opened) -> Standing:
    if not isinstance(payment.charge, ChargeCreated):
        return "preparing"
    if payment.charge.attempt_id is not None and payment.status in ENDED:
        # The charge was itself the one attempt to pay it.
        return "expired" if payment.status_detail == "expired" else "cancelled"
    return "refused" if payment.status == "rejected" else "open"
