"""A synchronisation ends in time, also without an answer."""

from __future__ import annotations

import asyncio
import time

from services.gateway.api.monitors import MAX_CONCURRENT, for_each_in_time
from tests.compatibility.claim import claim


class Clock:
    """The clock of the running loop; tests advance it instead of waiting."""

    def __init__(self, monkeypatch):
        self.ahead_s = 0.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: time.monotonic() + self.ahead_s)

    async def forward(self, seconds):
        self.ahead_s += seconds
        for _ in range(10):
            await asyncio.sleep(0)


@claim("sync-pending.counts")
async def test_synchronisation_ends_after_fifty_seconds(monkeypatch):
    clock, never, answered, given_up = Clock(monkeypatch), asyncio.Event(), [], []

    async def ask(payment_id):
        if payment_id % 2:
            answered.append(payment_id)
            return
        try:
            await never.wait()
        except asyncio.CancelledError:
            given_up.append(payment_id)
            raise

    synchronising = asyncio.create_task(for_each_in_time(range(MAX_CONCURRENT), ask))
    await clock.forward(0)
    await clock.forward(49)
    assert not synchronising.done()
    assert answered == list(range(1, MAX_CONCURRENT, 2))
    await clock.forward(1)
    assert synchronising.done()
    await synchronising
    assert given_up == list(range(0, MAX_CONCURRENT, 2))
