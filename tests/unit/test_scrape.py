"""A scrape shows present values or none, and waits for no server."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from extrato import scrape
from extrato.scrape import Measurement, Scrape

if TYPE_CHECKING:
    import pytest


async def answer() -> int:
    return 7


async def fail() -> int:
    raise OSError("PostgreSQL is away")


async def test_answer_is_shown():
    shown: list[int | None] = []
    await Measurement(answer, shown.append).measure()
    assert shown == [7]


async def test_failure_clears_the_gauge_and_spares_the_others():
    failed: list[int | None] = []
    shown: list[int | None] = []
    measurements = [Measurement(fail, failed.append), Measurement(answer, shown.append)]
    await Scrape(measurements, set_at_once=lambda: None).set_gauges()
    assert (failed, shown) == ([None], [7])


async def test_slow_answer_is_not_waited_for_and_asked_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scrape, "MEASURED_WITHIN_S", 0)
    shown: list[int | None] = []
    asked = 0
    answered = asyncio.Event()

    async def read() -> int:
        nonlocal asked
        asked += 1
        await answered.wait()
        return asked

    measurement = Measurement(read, shown.append)
    await measurement.measure()
    await measurement.measure()
    assert (shown, asked) == ([None, None], 1)
    answered.set()
    monkeypatch.setattr(scrape, "MEASURED_WITHIN_S", 5)
    await measurement.measure()
    assert shown == [None, None, 1]


async def test_late_answer_is_not_shown_at_the_next_scrape(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scrape, "MEASURED_WITHIN_S", 0)
    shown: list[int | None] = []
    answers = iter((1, 2))
    may_answer, has_answered = asyncio.Event(), asyncio.Event()

    async def read() -> int:
        await may_answer.wait()
        has_answered.set()
        return next(answers)

    measurement = Measurement(read, shown.append)
    await measurement.measure()
    may_answer.set()
    await has_answered.wait()
    monkeypatch.setattr(scrape, "MEASURED_WITHIN_S", 5)
    await measurement.measure()
    assert shown == [None, 2]


async def test_late_failure_leaves_no_unread_error(monkeypatch: pytest.MonkeyPatch):
    """asyncio logs an error that no code reads, with a traceback, when it collects the task."""
    monkeypatch.setattr(scrape, "MEASURED_WITHIN_S", 0)
    unread: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unread.append(context["message"]))
    may_fail = asyncio.Event()

    async def read() -> int:
        await may_fail.wait()
        raise OSError("PostgreSQL is away")

    measurement = Measurement(read, lambda _: None)
    await measurement.measure()
    may_fail.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await measurement.measure()
    gc.collect()
    assert unread == []
