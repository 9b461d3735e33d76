"""Takes expired timers and runs their work in parallel, so that a slow account delays no other."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from extrato import tracing
from extrato.backoff import Backoff
from extrato.bus.connection import NATS_ERRORS
from extrato.errors import Transient
from extrato.metrics import mark_time
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from services.monitor.metrics import CYCLE_TIMESTAMP_S
from services.monitor.schedule import CLOCK, MAX_BACK_OFF_S, Again, Decision, End

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from extrato.bus.timers import ExpiredTimer, Timers

MAX_CONCURRENT: Final = 256
CLOCK_RESERVE: Final = 8
PUT_BACK_S: Final = 1.0
WAIT_WHEN_FULL_S: Final = 0.1
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 2.0
WAIT_FOR_STORE_S: Final = 2.0


class Dispatcher:
    """Runs the work of a lane for each of its expired timers.

    `work` takes the account and returns what happens to the timer. The dispatcher calls `on_end` after it removed a
    timer, and `on_lost` when NATS may have lost timers.
    """

    def __init__(
        self,
        *,
        timers: Timers,
        work: Mapping[str, Callable[[str], Awaitable[Decision]]],
        on_end: Callable[[str, str], Awaitable[None]],
        on_lost: Callable[[], None],
    ) -> None:
        self._timers = timers
        self._work = work
        self._on_end = on_end
        self._on_lost = on_lost
        self._running = 0
        self._cycle_timestamp_s = CYCLE_TIMESTAMP_S.labels("dispatcher")
        mark_time(self._cycle_timestamp_s)
        self._backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
        self._logger = structlog.get_logger(component="dispatcher")
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Dispatch until cancelled; the timers of cancelled work expire at once, for another process."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._dispatch(group)
        finally:
            await self._timers.close()

    async def _dispatch(self, group: asyncio.TaskGroup) -> None:
        free = MAX_CONCURRENT - self._running
        if free <= 0:
            await asyncio.sleep(WAIT_WHEN_FULL_S)
        for timer in await self._take(max(free, CLOCK_RESERVE)):
            # The lane `clock` must not wait for accounts of slow providers.
            if timer.lane != CLOCK and self._running >= MAX_CONCURRENT:
                group.create_task(self._put_back(timer))
            else:
                self._running += 1
                group.create_task(self._run(timer))

    async def _take(self, limit: int) -> list[ExpiredTimer]:
        try:
            expired = await self._timers.take(limit)
        except NATS_ERRORS as error:
            self._logger.warning("dispatcher_interrupted", error=repr(error))
            self._on_lost()
            await self._backoff.pause()
            return []
        self._backoff.reset()
        mark_time(self._cycle_timestamp_s)
        self.subscribed.set()
        return expired

    async def _run(self, timer: ExpiredTimer) -> None:
        try:
            decision = await self._decide(timer)
            await self._conclude(timer, decision)
        except asyncio.CancelledError:
            with contextlib.suppress(*NATS_ERRORS):
                await timer.restart(0.0)
            raise
        except (*NATS_ERRORS, Transient) as error:
            # NATS delivers the timer again, or the reconciler sets it again.
            self._logger.warning("tick_not_concluded", lane=timer.lane, account=timer.account, error=repr(error))
        finally:
            self._running -= 1

    async def _decide(self, timer: ExpiredTimer) -> Decision:
        work = self._work.get(timer.lane)
        if work is None:
            self._logger.error("tick_of_unknown_lane", lane=timer.lane, account=timer.account)
            return End()
        try:
            with tracing.root_span(f"monitor {timer.lane}") as span:
                span.set({"extrato.timer": timer.account})
                async with timer.held():
                    return await work(timer.account)
        except* (Transient, *DATABASE_UNAVAILABLE) as errors:
            error = repr(errors.exceptions[0])
            self._logger.warning("tick_failed", lane=timer.lane, account=timer.account, error=error)
            failed: Decision = Again(WAIT_FOR_STORE_S)
        except* Exception as errors:
            # An unexpected error in one account must not stop the others.
            self._logger.exception("tick_broke", lane=timer.lane, account=timer.account, exc_info=errors)
            failed = Again(MAX_BACK_OFF_S)
        return failed

    async def _conclude(self, timer: ExpiredTimer, decision: Decision) -> None:
        if isinstance(decision, Again):
            await timer.restart(decision.delay_s)
            return
        await timer.remove()
        await self._on_end(timer.lane, timer.account)

    async def _put_back(self, timer: ExpiredTimer) -> None:
        with contextlib.suppress(*NATS_ERRORS):
            await timer.restart(PUT_BACK_S)
