"""The schedule: who is asked, when, and about which span of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.schedule import (
    ATTEMPTS_PER_TICK,
    DEEP_INTERVAL,
    FAST,
    INTERVAL_S,
    MAX_OFFSET,
    OVERLAP,
    PROVIDER_AHEAD,
    QUIET,
    QUIET_OVERLAP,
    SEARCHABLE,
    SLOW,
    SMALLEST_STEP,
    Again,
    Cursor,
    Progress,
    Question,
    Situation,
    after_sweep,
    back_off_s,
    check_number,
    deep_question,
    fresh_question,
    is_needed,
    next_question,
    resumed,
    take_turns,
)
from tests.compatibility.claim import claim

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def situation(*, watched: int = 0, charged: int = 0, since: datetime = NOW - 5 * MINUTE) -> Situation:
    return Situation(
        watched=watched,
        charged=charged,
        oldest_watched=since if watched else None,
        oldest_charged=since if charged else None,
    )


def cursor(*, high_water: datetime = NOW - timedelta(seconds=5), deep_at: datetime = NOW) -> Cursor:
    return Cursor(high_water=high_water, deep_at=deep_at)


# --- lanes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watched", "charged", "lanes"), [(0, 0, set()), (2, 2, {FAST}), (0, 3, {SLOW}), (1, 3, {FAST, SLOW})]
)
def test_a_watch_is_for_the_fast_lane_and_any_other_open_charge_for_the_slow_one(watched, charged, lanes):
    assert {lane for lane in (FAST, SLOW) if is_needed(lane, situation(watched=watched, charged=charged))} == lanes


@claim("monitor.asks")
def test_the_beat_of_a_lane_counts_the_time_that_the_sweep_took():
    done = Progress(fresh=True, deep=True)
    assert after_sweep(FAST, done, took_s=0.5) == Again(4.5)
    assert after_sweep(SLOW, done, took_s=0.5) == Again(299.5)
    assert after_sweep(FAST, done, took_s=7) == Again(0)


def test_new_changes_that_did_not_fit_go_on_at_once_and_old_ones_at_the_fast_beat():
    assert after_sweep(FAST, Progress(fresh=False, deep=False), took_s=1) == Again(0)
    assert after_sweep(SLOW, Progress(fresh=True, deep=False), took_s=1) == Again(INTERVAL_S[FAST] - 1)


def test_pauses_double_up_to_a_minute():
    assert [back_off_s(failures) for failures in (1, 2, 3, 4, 5, 50)] == [5, 10, 20, 40, 60, 60]


def test_a_pause_is_never_shorter_than_the_provider_asked_for():
    assert back_off_s(1, at_least_s=30) == 30
    assert back_off_s(9, at_least_s=300) == 300
    assert back_off_s(5, at_least_s=30) == 60


# --- spans --------------------------------------------------------------------------------------


def test_the_first_sweep_asks_for_the_whole_age_of_the_open_payments():
    asked = fresh_question(None, oldest=NOW - 30 * MINUTE, now=NOW)
    assert asked == Question(since=NOW - 30 * MINUTE - OVERLAP, until=NOW + PROVIDER_AHEAD)


def test_a_further_sweep_reaches_back_over_the_last_one():
    asked = fresh_question(cursor(high_water=NOW - MINUTE), oldest=NOW - 30 * MINUTE, now=NOW)
    assert asked.since == NOW - MINUTE - OVERLAP


def test_however_quiet_an_account_was_nothing_between_is_left_out():
    asked = fresh_question(cursor(high_water=NOW - timedelta(days=30)), oldest=NOW - MINUTE, now=NOW)
    assert asked.since == NOW - timedelta(days=30) - OVERLAP


def test_at_first_nothing_is_asked_from_before_the_oldest_open_payment():
    assert fresh_question(None, oldest=NOW - MINUTE, now=NOW).since == NOW - MINUTE - OVERLAP


def test_the_quiet_lane_is_for_every_account_and_always_reaches_back_as_far_as_the_search_may_lag():
    nothing_open = situation(watched=0, charged=0)
    assert is_needed(QUIET, nothing_open)
    asked = deep_question(QUIET, cursor(deep_at=NOW), situation=nothing_open, fresh_since=NOW - MINUTE, now=NOW)
    assert asked == Question(since=NOW - MINUTE - QUIET_OVERLAP - OVERLAP, until=NOW - MINUTE)


def test_nothing_is_asked_from_before_what_the_provider_can_search():
    asked = fresh_question(None, oldest=NOW - timedelta(days=800), now=NOW)
    assert asked.since == NOW - SEARCHABLE
    assert asked.until - asked.since < timedelta(days=365)


@pytest.mark.parametrize(("ago", "is_asked"), [(DEEP_INTERVAL, True), (DEEP_INTERVAL - SMALLEST_STEP, False)])
def test_the_fast_lane_asks_for_the_whole_age_of_its_watches_once_a_minute(ago, is_asked):
    asked = deep_question(
        FAST,
        cursor(deep_at=NOW - ago),
        situation=situation(watched=1, charged=1),
        fresh_since=NOW - 2 * MINUTE,
        now=NOW,
    )
    wanted = Question(since=NOW - 5 * MINUTE - OVERLAP, until=NOW - 2 * MINUTE)
    assert asked == (wanted if is_asked else None)


@claim("monitor.ten-minutes")
def test_the_slow_lane_always_asks_for_the_whole_age():
    asked = deep_question(
        SLOW, cursor(deep_at=NOW), situation=situation(charged=1), fresh_since=NOW - 2 * MINUTE, now=NOW
    )
    assert asked is not None


def test_what_the_fresh_question_covers_is_not_asked_for_twice():
    young = situation(watched=1, charged=1, since=NOW - timedelta(seconds=30))
    fresh = fresh_question(cursor(), oldest=NOW - timedelta(seconds=30), now=NOW)
    assert deep_question(FAST, None, situation=young, fresh_since=fresh.since, now=NOW) is None


@given(age_s=st.integers(0, 3 * 365 * 86400), high_water_s=st.integers(0, 3 * 365 * 86400), deep_s=st.integers(0, 600))
def test_no_span_is_empty_or_longer_than_the_provider_allows(age_s, high_water_s, deep_s):
    oldest = NOW - timedelta(seconds=age_s)
    at = cursor(high_water=NOW - timedelta(seconds=high_water_s), deep_at=NOW - timedelta(seconds=deep_s))
    fresh = fresh_question(at, oldest=oldest, now=NOW)
    open_ones = situation(watched=1, charged=2, since=oldest)
    for lane in (FAST, SLOW):
        deep = deep_question(lane, at, situation=open_ones, fresh_since=fresh.since, now=NOW)
        for question in filter(None, (fresh, deep)):
            assert question.since < question.until
            assert question.until - question.since < timedelta(days=365)
            assert question.since >= NOW - SEARCHABLE
            assert question.offset == 0


# --- pages --------------------------------------------------------------------------------------

ASKED = Question(since=NOW - MINUTE, until=NOW)


def test_the_next_page_begins_at_the_newest_change_of_the_last_one():
    newest = NOW - timedelta(seconds=20)
    assert next_question(ASKED, newest=newest, answers=50) == Question(since=newest, until=NOW)


def test_a_page_of_one_instant_is_passed_by_offset():
    following = next_question(ASKED, newest=ASKED.since, answers=50)
    assert following == Question(since=ASKED.since, until=NOW, offset=50)
    beyond = next_question(following, newest=NOW - timedelta(seconds=1), answers=50)
    assert beyond.offset == 0


@given(pages=st.integers(1, 500), answers=st.integers(1, 100))
def test_no_offset_is_beyond_what_the_provider_allows(pages, answers):
    question = ASKED
    for _ in range(pages):
        question = next_question(question, newest=ASKED.since, answers=answers)
        assert question.offset <= MAX_OFFSET


@given(
    moments=st.lists(st.integers(0, 400), min_size=1, max_size=300),
    page=st.integers(1, 50),
)
def test_page_by_page_every_change_is_told(moments, page):
    changes = sorted((NOW + timedelta(milliseconds=moment), number) for number, moment in enumerate(moments))
    question, told = Question(since=NOW, until=NOW + MINUTE), set()
    for _ in range(10 * len(changes) + 10):
        inside = [change for change in changes if question.since <= change[0] <= question.until]
        answers = inside[question.offset : question.offset + page]
        told |= set(answers)
        if question.offset + len(answers) >= len(inside):
            break
        question = next_question(question, newest=max(answers)[0], answers=len(answers))
    # A page of one keeps to an instant until all of it was told, and then begins after it by offset only.
    assert told == set(changes)


def test_a_sweep_goes_on_where_an_earlier_one_stopped():
    stopped = Question(since=NOW - timedelta(seconds=30), until=NOW - timedelta(seconds=10), offset=50)
    going_on = resumed(stopped, ASKED)
    assert going_on == Question(since=stopped.since, until=ASKED.until, offset=50)


def test_a_place_that_was_passed_since_is_forgotten():
    stopped = Question(since=ASKED.since - MINUTE, until=NOW, offset=50)
    assert resumed(stopped, ASKED) == ASKED
    assert resumed(None, ASKED) == ASKED


# --- attempts -----------------------------------------------------------------------------------


def test_every_attempt_has_its_turn():
    attempts = [f"{number:03}" for number in range(25)]
    asked: list[str] = []
    for _ in range(3):
        asked += take_turns(attempts, after=asked[-1] if asked else "")
    assert len(asked) == 3 * ATTEMPTS_PER_TICK
    assert set(asked) == set(attempts)


def test_no_attempt_has_two_turns_in_one_tick():
    assert take_turns(["2", "1", "3"], after="2") == ["3", "1", "2"]
    assert take_turns([], after="2") == []


# --- watches ------------------------------------------------------------------------------------


@claim("log-lines.check")
@pytest.mark.parametrize(("elapsed_s", "number"), [(-1, 1), (0, 1), (4.9, 1), (5, 2), (599, 120), (600, 121)])
def test_checks_are_counted_by_the_clock(elapsed_s, number):
    started = NOW - timedelta(seconds=elapsed_s)
    assert check_number(started + 10 * MINUTE, duration=10 * MINUTE, now=NOW) == number
