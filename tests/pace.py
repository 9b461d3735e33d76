"""Time limits of tests that make a claim on time.

The claim is about a machine that does nothing else. Where several workers share a core, it is given as many times as
long; `make test WORKERS=1` holds every claim to the second. A machine that stops for a moment stops the clock of these
limits too.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.2


def _workers_of_a_core() -> float:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1.0, workers / (os.cpu_count() or 1))


SLOWER = _workers_of_a_core()


def allowed(seconds: float) -> float:
    """Return the allowed seconds for something that takes at most `seconds` on an idle machine."""
    return seconds * SLOWER


class _Clock:
    """Counts the seconds in which this process could run.

    A thread reads the time every `EVERY_S`. A reading that is late by more than the difference to `GRACE_S` adds only
    the processor time that the process has taken meanwhile: the rest is time in which the machine let it do nothing.
    """

    EVERY_S = 0.05
    GRACE_S = 0.1

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_s = 0.0
        self._seen = time.monotonic(), time.process_time()
        threading.Thread(target=self._run, name="pace", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self.EVERY_S)
            self.seconds()

    def seconds(self) -> float:
        with self._lock:
            now, computed = time.monotonic(), time.process_time()
            passed_s = now - self._seen[0]
            self._counted_s += min(passed_s, self.GRACE_S + computed - self._seen[1])
            self._seen = now, computed
            return self._counted_s


running_s = _Clock().seconds


@contextlib.asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError where the body takes more than the allowed seconds, as `running_s` counts them."""
    loop = asyncio.get_running_loop()
    end_s = running_s() + allowed(seconds)
    async with asyncio.timeout(None) as limit:

        def look() -> None:
            nonlocal next_look
            if (left_s := end_s - running_s()) > 0:
                next_look = loop.call_later(left_s, look)
            else:
                limit.reschedule(loop.time())

        next_look = loop.call_later(allowed(seconds), look)
        try:
            yield
        finally:
            next_look.cancel()


async def until(
    condition: Callable[[], Any],
    what: str = "the condition",
    *,
    within_s: float = 10.0,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> Any:
    """Wait until `condition`, which may be awaitable, returns something true, and return that.

    The pauses grow up to `longest_pause_s`, because each call of `condition` also costs time.
    """
    deadline_s, pause_s = running_s() + allowed(within_s), FIRST_PAUSE_S
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert running_s() < deadline_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(pause_s)
        pause_s = min(longest_pause_s, pause_s * 1.3)


def seconds_until_midnight(now: datetime) -> float:
    """Return how long the day of `now` lasts, in its time zone."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    return (tomorrow.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


async def have_one_day(zone: str, *, for_s: float = 60.0) -> None:
    """Wait for midnight where it is less than `for_s` away, so that the days of a test stay what they are."""
    if (left_s := seconds_until_midnight(datetime.now(ZoneInfo(zone)))) < for_s:
        await asyncio.sleep(left_s)
