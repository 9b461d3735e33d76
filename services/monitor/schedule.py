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


class Situation(Struct, frozen=True, kw_only=True):
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


def is_needed(lane: str, situation: Situation) -> bool:
    """Say whether an account belongs into a lane."""
    if lane == QUIET:
        return True
    return situation.watched > 0 if lane == FAST else situation.charged > situation.watched


class Progress(Struct, frozen=True):
    """Which of the two questions of a tick were answered to the end, or not asked."""

    fresh: bool
    deep: bool


def after_sweep(lane: str, progress: Progress, *, took_s: float) -> Again:
    """Keep the beat of the lane; new changes that did not fit into a tick go on at once, old ones soon."""
    if not progress.fresh:
        return Again(0.0)
    interval_s = INTERVAL_S[lane] if progress.deep else INTERVAL_S[FAST]
    return Again(max(0.0, interval_s - took_s))


def back_off_s(failures: int, *, at_least_s: float = 0.0) -> float:
    """Give the pause after so many failures in a row; never shorter than the provider asked for."""
    doublings = min(failures, 10) - 1
    return max(at_least_s, min(MAX_BACK_OFF_S, FIRST_BACK_OFF_S * (1 << doublings)))


# --- spans --------------------------------------------------------------------------------------

OVERLAP: Final = timedelta(seconds=120)
QUIET_OVERLAP: Final = timedelta(minutes=30)
DEEP_INTERVAL: Final = timedelta(seconds=60)
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
    deep_at: datetime


class Question(Struct, frozen=True, kw_only=True):
    """One page that is asked for: what changed from `since` to `until`, from `offset` on."""

    since: datetime
    until: datetime
    offset: int = 0


def fresh_question(cursor: Cursor | None, *, oldest: datetime, now: datetime) -> Question:
    """Ask for what changed since the last sweep; at the first, nothing of interest is older than the `oldest` payment.

    It reaches back over the last sweep, for the search tells a change later than the change happens. Nothing between
    is left out, however quiet the account was: what was paid before may have been disputed.
    """
    since = oldest if cursor is None else cursor.high_water
    return Question(since=_searchable(since - OVERLAP, now), until=now + PROVIDER_AHEAD)


def deep_question(
    lane: str, cursor: Cursor | None, *, situation: Situation, fresh_since: datetime, now: datetime
) -> Question | None:
    """Ask for the whole age of the lane's payments before `fresh_since`; None when that is not due.

    The search index may lag by minutes, so the fast lane does so once a minute and the slow one always.
    """
    oldest = situation.oldest_watched if lane == FAST else situation.oldest_charged
    if lane == QUIET:
        # Long enough for the search to tell of everything that it tells late.
        oldest = fresh_since - QUIET_OVERLAP
    if oldest is None:
        return None
    is_due = lane in {SLOW, QUIET} or cursor is None or now - cursor.deep_at >= DEEP_INTERVAL
    if not is_due or oldest >= fresh_since:
        return None
    since = _searchable(oldest - OVERLAP, now)
    return Question(since=since, until=fresh_since) if since < fresh_since else None


def resumed(stopped: Question | None, question: Question) -> Question:
    """Go on where an earlier tick stopped, if that is further than `question` begins."""
    if stopped is None or stopped.since <= question.since:
        return question
    return replace(stopped, until=question.until)


def next_question(asked: Question, *, newest: datetime, answers: int) -> Question:
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
