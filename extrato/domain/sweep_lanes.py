"""How often the monitor searches an account: by the most urgent of its payments. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from extrato.domain.payment.state import Opened

FAST: Final = "fast"
"""Accounts with a watched payment."""

SLOW: Final = "slow"
"""Accounts with an unwatched charge that a payer can still pay, so that payments after a watch are found."""

QUIET: Final = "quiet"
"""Every connected account that has a cursor: disputes, refunds and late payments come after the last open charge."""

SWEEP_INTERVAL_S: Final = {FAST: 5.0, SLOW: 300.0, QUIET: 900.0}


def lane_of(payment: Opened, now: datetime) -> str:
    """Return the lane that a payment alone would bring its account to."""
    if not (payment.may_still_be_paid or (payment.has_attempt_in_flight and not payment.is_closed)):
        return QUIET
    is_watched = payment.watch_until is not None and payment.watch_until > now
    return FAST if is_watched else SLOW


def next_sweep(lane: str, *, last: datetime | None, now: datetime) -> datetime:
    """Return when an account in a lane is searched again at the latest, by the end of its last complete search."""
    interval = timedelta(seconds=SWEEP_INTERVAL_S[lane])
    return max(now, (last or now) + interval)
