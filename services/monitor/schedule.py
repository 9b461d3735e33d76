"""When the monitor searches an account, and for which time span: lanes, pages, pauses. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from extrato.domain.sweep_lanes import FAST, QUIET, SLOW, SWEEP_INTERVAL_S
from extrato.providers.search_pages import PROVIDER_AHEAD, SearchPage, searchable

if TYPE_CHECKING:
    from collections.abc import Sequence

# --- lanes --------------------------------------------------------------------------------------

CLOCK: Final = "clock"
"""The hub's own jobs, such as expiry. A timer of this lane names a job instead of an account."""

INTERVAL_S: Final = {**SWEEP_INTERVAL_S, CLOCK: 2.0}
FIRST_BACK_OFF_S: Final = 5.0
MAX_BACK_OFF_S: Final = 60.0


class AccountLoad(Struct, frozen=True, kw_only=True):
    """An account's open payments: how many have a charge, how many of these are watched, and the oldest of each."""

    watched: int
    charged: int
    oldest_watched: datetime | None
    oldest_charged: datetime | None


class Again(Struct, frozen=True):
    """The timer expires again after `delay_s`."""

    delay_s: float


class End(Struct, frozen=True):
    """The timer is removed."""


Decision = Again | End


def is_needed(lane: str, load: AccountLoad) -> bool:
    """An account belongs to the fast lane with a watch, to the slow lane with another charge, and always to `quiet`."""
    if lane == QUIET:
        return True
    return load.watched > 0 if lane == FAST else load.charged > load.watched


class SweepResult(Struct, frozen=True):
    """Whether each of the two searches of a sweep reached its last page; a backfill that was not due counts as done."""

    incremental_done: bool
    backfill_done: bool


def after_sweep(lane: str, result: SweepResult, *, took_s: float) -> Again:
    """Keep the lane's interval; an unfinished incremental search continues at once, an unfinished backfill in 5 s."""
    if not result.incremental_done:
        return Again(0.0)
    interval_s = INTERVAL_S[lane] if result.backfill_done else INTERVAL_S[FAST]
    return Again(max(0.0, interval_s - took_s))


def back_off_s(failures: int, *, at_least_s: float = 0.0) -> float:
    """Return the pause after so many failures in a row: at most 60 s, and at least what the provider asked for."""
    doublings = min(failures, 10) - 1
    return max(at_least_s, min(MAX_BACK_OFF_S, FIRST_BACK_OFF_S * (1 << doublings)))


# --- spans --------------------------------------------------------------------------------------

OVERLAP: Final = timedelta(seconds=120)
QUIET_OVERLAP: Final = timedelta(minutes=30)
BACKFILL_INTERVAL: Final = timedelta(seconds=60)
PAGES_PER_SWEEP: Final = 20


class Cursor(Struct, frozen=True, kw_only=True):
    """How far an account was swept: the monitor has seen every change that the search listed before `high_water`."""

    high_water: datetime
    backfilled_at: datetime


def incremental_page(cursor: Cursor | None, *, oldest: datetime, now: datetime) -> SearchPage:
    """Search from the last sweep on; the first sweep starts at the `oldest` open payment.

    The span overlaps the last sweep, because the search lists a change some time after it happened. There is no gap
    after a long pause either, because paid payments may have been disputed meanwhile.
    """
    since = oldest if cursor is None else cursor.high_water
    return SearchPage(since=searchable(since - OVERLAP, now), until=now + PROVIDER_AHEAD)


def backfill_page(
    lane: str, cursor: Cursor | None, *, load: AccountLoad, incremental_since: datetime, now: datetime
) -> SearchPage | None:
    """Search the span before `incremental_since`, from the lane's oldest payment on; None when it is not due.

    The search index may lag by minutes. The fast lane searches this span once a minute, the other lanes every time.
    """
    oldest = load.oldest_watched if lane == FAST else load.oldest_charged
    if lane == QUIET:
        # Longer than the search index lags.
        oldest = incremental_since - QUIET_OVERLAP
    if oldest is None:
        return None
    is_due = lane in {SLOW, QUIET} or cursor is None or now - cursor.backfilled_at >= BACKFILL_INTERVAL
    if not is_due or oldest >= incremental_since:
        return None
    since = searchable(oldest - OVERLAP, now)
    return SearchPage(since=since, until=incremental_since) if since < incremental_since else None


def resumed(stopped: SearchPage | None, page: SearchPage) -> SearchPage:
    """Continue at the page where an earlier sweep stopped, if it starts later than `page`."""
    if stopped is None or stopped.since <= page.since:
        return page
    return replace(stopped, until=page.until)


# --- attempts -----------------------------------------------------------------------------------

ATTEMPTS_PER_SWEEP: Final = 10


def take_turns(attempts: Sequence[str], *, after: str) -> list[str]:
    """Return the attempts to read by id in this sweep: the next ones after `after`, in a circle."""
    ordered = sorted(attempts)
    later = [attempt for attempt in ordered if attempt > after]
    return (later + ordered[: len(ordered) - len(later)])[:ATTEMPTS_PER_SWEEP]


# --- watches ------------------------------------------------------------------------------------


def check_number(watch_until: datetime, *, duration: timedelta, now: datetime) -> int:
    """Count the checks of a watch up to this one; it follows from the time, so every process gets the same number."""
    elapsed_s = (now - (watch_until - duration)).total_seconds()
    return 1 + max(0, int(elapsed_s // INTERVAL_S[FAST]))
