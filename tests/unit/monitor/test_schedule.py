"""The schedule: when the monitor searches an account, and for which time span."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.providers.search_pages import (
    MAX_OFFSET,
    PROVIDER_AHEAD,
    SEARCHABLE,
    SMALLEST_STEP,
    SearchPage,
    next_page,
)
from services.monitor.schedule import (
    ATTEMPTS_PER_SWEEP,
    BACKFILL_INTERVAL,
    INTERVAL_S,
    OVERLAP,
    QUIET_OVERLAP,
    AccountLoad,
    Again,
    Cursor,
    SweepResult,
    after_sweep,
    back_off_s,
    backfill_page,
    check_number,
    incremental_page,
    is_needed,
    resumed,
    take_turns,
)
from tests.compatibility.claim import claim

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def account_load(*, watched: int = 0, charged: int = 0, since: datetime = NOW - 5 * MINUTE) -> AccountLoad:
    return AccountLoad(
        watched=watched,
        charged=charged,
        oldest_watched=since if watched else None,
        oldest_charged=since if charged else None,
    )


def cursor(*, high_water: datetime = NOW - timedelta(seconds=5), backfilled_at: datetime = NOW) -> Cursor:
    return Cursor(high_water=high_water, backfilled_at=backfilled_at)


# --- lanes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watched", "charged", "lanes"), [(0, 0, set()), (2, 2, {FAST}), (0, 3, {SLOW}), (1, 3, {FAST, SLOW})]
)
def test_watch_is_in_fast_lane_other_charge_in_slow_lane(watched, charged, lanes):
    assert {lane for lane in (FAST, SLOW) if is_needed(lane, account_load(watched=watched, charged=charged))} == lanes


@claim("monitor.asks")
def test_lane_interval_includes_duration_of_sweep():
    done = SweepResult(incremental_done=True, backfill_done=True)
    assert after_sweep(FAST, done, took_s=0.5) == Again(4.5)
    assert after_sweep(SLOW, done, took_s=0.5) == Again(299.5)
    assert after_sweep(FAST, done, took_s=7) == Again(0)


def test_unfinished_sweep_continues_at_once_backfill_in_five_seconds():
    assert after_sweep(FAST, SweepResult(incremental_done=False, backfill_done=False), took_s=1) == Again(0)
    assert after_sweep(SLOW, SweepResult(incremental_done=True, backfill_done=False), took_s=1) == Again(
        INTERVAL_S[FAST] - 1
    )


def test_pauses_double_up_to_one_minute():
    assert [back_off_s(failures) for failures in (1, 2, 3, 4, 5, 50)] == [5, 10, 20, 40, 60, 60]


def test_pause_is_at_least_retry_after():
    assert back_off_s(1, at_least_s=30) == 30
    assert back_off_s(9, at_least_s=300) == 300
    assert back_off_s(5, at_least_s=30) == 60


# --- spans --------------------------------------------------------------------------------------


def test_first_sweep_starts_at_oldest_open_payment():
    asked = incremental_page(None, oldest=NOW - 30 * MINUTE, now=NOW)
    assert asked == SearchPage(since=NOW - 30 * MINUTE - OVERLAP, until=NOW + PROVIDER_AHEAD)


def test_next_sweep_overlaps_the_last_one():
    asked = incremental_page(cursor(high_water=NOW - MINUTE), oldest=NOW - 30 * MINUTE, now=NOW)
    assert asked.since == NOW - MINUTE - OVERLAP


def test_sweep_after_long_pause_has_no_gap():
    asked = incremental_page(cursor(high_water=NOW - timedelta(days=30)), oldest=NOW - MINUTE, now=NOW)
    assert asked.since == NOW - timedelta(days=30) - OVERLAP


def test_first_sweep_skips_time_before_oldest_open_payment():
    assert incremental_page(None, oldest=NOW - MINUTE, now=NOW).since == NOW - MINUTE - OVERLAP


def test_quiet_lane_covers_every_account_and_search_lag():
    nothing_open = account_load(watched=0, charged=0)
    assert is_needed(QUIET, nothing_open)
    asked = backfill_page(QUIET, cursor(backfilled_at=NOW), load=nothing_open, incremental_since=NOW - MINUTE, now=NOW)
    assert asked == SearchPage(since=NOW - MINUTE - QUIET_OVERLAP - OVERLAP, until=NOW - MINUTE)


def test_sweep_stays_within_searchable_time():
    asked = incremental_page(None, oldest=NOW - timedelta(days=800), now=NOW)
    assert asked.since == NOW - SEARCHABLE
    assert asked.until - asked.since < timedelta(days=365)


@pytest.mark.parametrize(("ago", "is_asked"), [(BACKFILL_INTERVAL, True), (BACKFILL_INTERVAL - SMALLEST_STEP, False)])
def test_fast_lane_backfills_once_a_minute(ago, is_asked):
    asked = backfill_page(
        FAST,
        cursor(backfilled_at=NOW - ago),
        load=account_load(watched=1, charged=1),
        incremental_since=NOW - 2 * MINUTE,
        now=NOW,
    )
    wanted = SearchPage(since=NOW - 5 * MINUTE - OVERLAP, until=NOW - 2 * MINUTE)
    assert asked == (wanted if is_asked else None)


@claim("monitor.ten-minutes")
def test_slow_lane_always_backfills():
    asked = backfill_page(
        SLOW, cursor(backfilled_at=NOW), load=account_load(charged=1), incremental_since=NOW - 2 * MINUTE, now=NOW
    )
    assert asked is not None


def test_backfill_skips_what_the_incremental_search_covers():
    young = account_load(watched=1, charged=1, since=NOW - timedelta(seconds=30))
    incremental = incremental_page(cursor(), oldest=NOW - timedelta(seconds=30), now=NOW)
    assert backfill_page(FAST, None, load=young, incremental_since=incremental.since, now=NOW) is None


@given(
    age_s=st.integers(0, 3 * 365 * 86400),
    high_water_s=st.integers(0, 3 * 365 * 86400),
    backfilled_s=st.integers(0, 600),
)
def test_no_span_is_empty_or_longer_than_allowed(age_s, high_water_s, backfilled_s):
    oldest = NOW - timedelta(seconds=age_s)
    at = cursor(high_water=NOW - timedelta(seconds=high_water_s), backfilled_at=NOW - timedelta(seconds=backfilled_s))
    incremental = incremental_page(at, oldest=oldest, now=NOW)
    load = account_load(watched=1, charged=2, since=oldest)
    for lane in (FAST, SLOW):
        backfill = backfill_page(lane, at, load=load, incremental_since=incremental.since, now=NOW)
        for page in filter(None, (incremental, backfill)):
            assert page.since < page.until
            assert page.until - page.since < timedelta(days=365)
            assert page.since >= NOW - SEARCHABLE
            assert page.offset == 0


# --- pages --------------------------------------------------------------------------------------

ASKED = SearchPage(since=NOW - MINUTE, until=NOW)


def test_next_page_starts_at_newest_change():
    newest = NOW - timedelta(seconds=20)
    assert next_page(ASKED, newest=newest, answers=50) == SearchPage(since=newest, until=NOW)


def test_page_with_one_time_needs_offset():
    following = next_page(ASKED, newest=ASKED.since, answers=50)
    assert following == SearchPage(since=ASKED.since, until=NOW, offset=50)
    beyond = next_page(following, newest=NOW - timedelta(seconds=1), answers=50)
    assert beyond.offset == 0


@given(pages=st.integers(1, 500), answers=st.integers(1, 100))
def test_no_offset_exceeds_the_maximum(pages, answers):
    page = ASKED
    for _ in range(pages):
        page = next_page(page, newest=ASKED.since, answers=answers)
        assert page.offset <= MAX_OFFSET


@given(
    moments=st.lists(st.integers(0, 400), min_size=1, max_size=300),
    page_size=st.integers(1, 50),
)
def test_pages_contain_every_change(moments, page_size):
    changes = sorted((NOW + timedelta(milliseconds=moment), number) for number, moment in enumerate(moments))
    page, listed = SearchPage(since=NOW, until=NOW + MINUTE), set()
    for _ in range(10 * len(changes) + 10):
        inside = [change for change in changes if page.since <= change[0] <= page.until]
        answers = inside[page.offset : page.offset + page_size]
        listed |= set(answers)
        if page.offset + len(answers) >= len(inside):
            break
        page = next_page(page, newest=max(answers)[0], answers=len(answers))
    # Pages of one change advance by offset within one time, and then start at the next time.
    assert listed == set(changes)


def test_sweep_resumes_where_an_earlier_one_stopped():
    stopped = SearchPage(since=NOW - timedelta(seconds=30), until=NOW - timedelta(seconds=10), offset=50)
    page = resumed(stopped, ASKED)
    assert page == SearchPage(since=stopped.since, until=ASKED.until, offset=50)


def test_resume_page_before_the_span_is_ignored():
    stopped = SearchPage(since=ASKED.since - MINUTE, until=NOW, offset=50)
    assert resumed(stopped, ASKED) == ASKED
    assert resumed(None, ASKED) == ASKED


# --- attempts -----------------------------------------------------------------------------------


def test_every_attempt_gets_its_turn():
    attempts = [f"{number:03}" for number in range(25)]
    asked: list[str] = []
    for _ in range(3):
        asked += take_turns(attempts, after=asked[-1] if asked else "")
    assert len(asked) == 3 * ATTEMPTS_PER_SWEEP
    assert set(asked) == set(attempts)


def test_attempt_has_one_turn_per_sweep():
    assert take_turns(["2", "1", "3"], after="2") == ["3", "1", "2"]
    assert take_turns([], after="2") == []


# --- watches ------------------------------------------------------------------------------------


@claim("log-lines.check")
@pytest.mark.parametrize(("elapsed_s", "number"), [(-1, 1), (0, 1), (4.9, 1), (5, 2), (599, 120), (600, 121)])
def test_check_number_follows_from_time(elapsed_s, number):
    started = NOW - timedelta(seconds=elapsed_s)
    assert check_number(started + 10 * MINUTE, duration=10 * MINUTE, now=NOW) == number
