"""A synchronisation ends within its time limit, even if the provider does not answer."""

from __future__ import annotations

import asyncio
import time

from services.gateway.api.monitors import MAX_CONCURRENT, for_each_within_limit
from tests.compatibility.claim import claim


class Clock:
    """The clock of the event loop; the test advances it instead of waiting."""

    def __init__(self, monkeypatch):
        self.ahead_s = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + self.ahead_s)

    async def advance(self, seconds):
        self.ahead_s += seconds
        for _ in range(10):
            await asyncio.sleep(0)


@claim("sync-pending.counts")
async def test_synchronisation_ends_after_fifty_seconds(monkeypatch):
    clock, no_answer, answered, cancelled = Clock(monkeypatch), asyncio.Event(), [], []

    async def synchronise(payment_id):
        if payment_id % 2:
            answered.append(payment_id)
            return
        try:
            await no_answer.wait()
        except asyncio.CancelledError:
            cancelled.append(payment_id)
            raise

    task = asyncio.create_task(for_each_within_limit(range(MAX_CONCURRENT), synchronise))
    await clock.advance(0)
    await clock.advance(49)
    assert not task.done()
    assert answered == list(range(1, MAX_CONCURRENT, 2))
    await clock.advance(1)
    assert task.done()
    await task
    assert cancelled == list(range(0, MAX_CONCURRENT, 2))
