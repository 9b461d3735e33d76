"""Growing pauses by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.monitor.backoff import FORGOTTEN_AFTER, REMEMBERED, BackOff


class Clock:
    now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_pause_grows_with_each_failure():
    clock = Clock()
    backoff = BackOff[str](clock)
    assert backoff.left_s("a") == 0
    assert backoff.failed("a") == 5
    assert backoff.failed("a") == 10
    assert (backoff.left_s("a"), backoff.left_s("b")) == (10, 0)
    clock.now += timedelta(seconds=11)
    assert (backoff.left_s("a"), backoff.waiting()) == (0, [])
    assert backoff.failed("a") == 20


def test_success_resets_the_pause():
    backoff = BackOff[str](Clock())
    backoff.failed("a")
    backoff.failed("a")
    backoff.succeeded("a")
    assert backoff.left_s("a") == 0
    assert backoff.failed("a") == 5


def test_old_failure_is_forgotten():
    clock = Clock()
    backoff = BackOff[int](clock)
    backoff.failed(1)
    backoff.failed(1)
    clock.now += FORGOTTEN_AFTER + timedelta(minutes=1)
    assert backoff.waiting() == []
    assert backoff.failed(1) == 5


def test_number_of_remembered_keys_is_bounded():
    backoff = BackOff[int](Clock())
    for key in range(REMEMBERED + 10):
        backoff.failed(key)
    assert len(backoff.waiting()) == REMEMBERED
    assert backoff.left_s(REMEMBERED + 9) > 0
