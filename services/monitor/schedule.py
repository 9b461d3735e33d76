"""When the monitor asks which account about what: lanes, spans of time, pages, pauses. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

# --- lanes --------------------------------------------------------------------------------------

FAST: Final = "fast"
"""Accounts with a payment that is being watched."""

SLOW: Final = "slow"
"""Accounts with a charge that may be paid and is not watched, so that nothing is lost after a watch."""

QUIET: Final = "quiet"
"""Every account that was ever swept and is connected: what was paid may be disputed, given back, or paid late."""

CLOCK: Final = "clock"
"""The hub's own routine: what is due by its clock."""

INTERVAL_S: Final = {FAST: 5.0, SLOW: 300.0, QUIET: 900.0, CLOCK: 2.0}
FIRST_BACK_OFF_S: Final = 5.0
MAX_BACK_OFF_S: Final = 60.0


class AccountLoad(Struct, frozen=True, kw_only=True):
    """How many payments of an account have a charge, how many of them are watched, and how old they are."""

    watched: int
    charged: int
    oldest_watched: datetime | None
    oldest_charged: datetime | None


class Again(Struct, frozen=True):
    """The timer expires again after `delay_s`."""

    delay_s: float


class End(Struct, frozen=True):
    """The timer is not needed any more."""


Decision = Again | End


def is_needed(lane: str, load: AccountLoad) -> bool:
    """Say whether an account belongs into a lane."""
    if lane == QUIET:
        return True
    return load.watched > 0 if lane == FAST else load.charged > load.watched


class SweepResult(Struct, frozen=True):
    """Whether each of the two searches of a sweep reached its last page; a backfill that was not due counts as done."""

    incremental_done: bool
    backfill_done: bool


def after_sweep(lane: str, result: SweepResult, *, took_s: float) -> Again:
    """Keep the beat of the lane; new changes that did not fit into a tick go on at once, old ones soon."""
    if not result.incremental_done:
        return Again(0.0)
    interval_s = INTERVAL_S[lane] if result.backfill_done else INTERVAL_S[FAST]
    return Again(max(0.0, interval_s - took_s))


def back_off_s(failures: int, *, at_least_s: float = 0.0) -> float:
    """Give the pause after so many failures in a row; never shorter than the provider asked for."""
    doublings = min(failures, 10) - 1
    return max(at_least_s, min(MAX_BACK_OFF_S, FIRST_BACK_OFF_S * (1 << doublings)))


# --- spans --------------------------------------------------------------------------------------

OVERLAP: Final = timedelta(seconds=120)
QUIET_OVERLAP: Final = timedelta(minutes=30)
BACKFILL_INTERVAL: Final = timedelta(seconds=60)
PROVIDER_AHEAD: Final = timedelta(seconds=60)

# "Only the last 12 months are searchable", and never 365 days at once (error 9062); rows beyond an offset
# of 10,000 are refused with error 1000 (Mercado Pago, guide "Retrieving payments").
SEARCHABLE: Final = timedelta(days=364)
MAX_OFFSET: Final = 10_000
PAGES_PER_TICK: Final = 20
SMALLEST_STEP: Final = timedelta(milliseconds=1)


class Cursor(Struct, frozen=True, kw_only=True):
    """How far an account was swept: all that the search told before `high_water` has been asked for."""

    high_water: datetime
    backfilled_at: datetime


class SearchPage(Struct, frozen=True, kw_only=True):
    """One page that is asked for: what changed from `since` to `until`, from `offset` on."""

    since: datetime
    until: datetime
    offset: int = 0


def incremental_page(cursor: Cursor | None, *, oldest: datetime, now: datetime) -> SearchPage:
    """Ask for what changed since the last sweep; at the first, nothing of interest is older than the `oldest` payment.

    It reaches back over the last sweep, for the search tells a change later than the change happens. Nothing between
    is left out, however quiet the account was: what was paid before may have been disputed.
    """
    since = oldest if cursor is None else cursor.high_water
    return SearchPage(since=_searchable(since - OVERLAP, now), until=now + PROVIDER_AHEAD)


def backfill_page(
    lane: str, cursor: Cursor | None, *, load: AccountLoad, incremental_since: datetime, now: datetime
) -> SearchPage | None:
    """Ask for the whole age of the lane's payments before `incremental_since`; None when that is not due.

    The search index may lag by minutes, so the fast lane does so once a minute and the slow one always.
    """
    oldest = load.oldest_watched if lane == FAST else load.oldest_charged
    if lane == QUIET:
        # Long enough for the search to tell of everything that it tells late.
        oldest = incremental_since - QUIET_OVERLAP
    if oldest is None:
        return None
    is_due = lane in {SLOW, QUIET} or cursor is None or now - cursor.backfilled_at >= BACKFILL_INTERVAL
    if not is_due or oldest >= incremental_since:
        return None
    since = _searchable(oldest - OVERLAP, now)
    return SearchPage(since=since, until=incremental_since) if since < incremental_since else None


def resumed(stopped: SearchPage | None, page: SearchPage) -> SearchPage:
    """Go on where an earlier tick stopped, if that is further than `page` begins."""
    if stopped is None or stopped.since <= page.since:
        return page
    return replace(stopped, until=page.until)


def next_page(asked: SearchPage, *, newest: datetime, answers: int) -> SearchPage:
    """Ask for the page after one that told `answers` changes, the newest of them at `newest`.

    A payment that changes meanwhile moves to the end, so an offset would pass over another one. The next page
    begins at the newest change instead; an offset is needed only where a whole page has one time.
    """
    if newest > asked.since:
        return replace(asked, since=newest, offset=0)
    if asked.offset + answers > MAX_OFFSET:
        return replace(asked, since=asked.since + SMALLEST_STEP, offset=0)
    return replace(asked, offset=asked.offset + answers)


def _searchable(since: datetime, now: datetime) -> datetime:
    return max(since, now - SEARCHABLE)


# --- attempts -----------------------------------------------------------------------------------

ATTEMPTS_PER_TICK: Final = 10


def take_turns(attempts: Sequence[str], *, after: str) -> list[str]:
    """Choose the attempts to ask for by id in this tick: those that follow `after`, round and round."""
    ordered = sorted(attempts)
    later = [attempt for attempt in ordered if attempt > after]
    return (later + ordered[: len(ordered) - len(later)])[:ATTEMPTS_PER_TICK]


# --- watches ------------------------------------------------------------------------------------


def check_number(watch_until: datetime, *, duration: timedelta, now: datetime) -> int:
    """Count the checks of a watch, the present one included; any process finds the same number."""
    elapsed_s = (now - (watch_until - duration)).total_seconds()
    return 1 + max(0, int(elapsed_s // INTERVAL_S[FAST]))
