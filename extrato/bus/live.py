"""The newest events as they come, for those who are connected now: fast, and whole all the same.

The relay's ticks say how far the log has come. The events are read from the log, so that a tick that is lost or
forged changes nothing; a look at the log's end twice a second notices a last one that got lost.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import TICK_SUBJECT
from extrato.backoff import Backoff
from extrato.bus.connection import NATS_ERRORS, Bus
from extrato.store.log import readable
from extrato.store.log_cursor import LogCursor, LogWentBack
from extrato.store.logged_backoff import LoggedBackoff
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg

    from contracts.envelope import Envelope
    from extrato.store.log import LogReader

# Without the bus, sockets of a revoked key end within twice as long.
LOOK_AT_LOG_S: Final = 0.5
FIRST_PAUSE_S: Final = 0.2
MAX_POSITION_LENGTH: Final = 18


class LiveFeed:
    """Calls `deliver` with every event after the start, in order and once each.

    `deliver` must not wait; slow listeners are its own business. While `is_unheard` says so, events are counted and
    neither decoded nor delivered. When the log went back, `went_back` is called with the last position that it has in
    common with what was delivered, and the feed goes on at the log's end.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        log: LogReader,
        deliver: Callable[[Envelope], None],
        is_unheard: Callable[[], bool] = lambda: False,
        went_back: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._bus = bus
        self._deliver = deliver
        self._is_unheard = is_unheard
        self._went_back = went_back
        self._cursor = LogCursor(log)
        self._look_at_s = 0.0
        self._announced = 0
        self._ticked = asyncio.Event()
        self._logger = structlog.get_logger(component="live_feed")
        self._backoff = LoggedBackoff(
            self._logger,
            paused_event="live_feed_interrupted",
            resumed_event="live_feed_goes_on",
            longest_pause_s=LOOK_AT_LOG_S,
        )

    @property
    def position(self) -> int:
        """Give the position up to which events were delivered."""
        return self._cursor.position

    @property
    def epoch(self) -> int:
        """Give the epoch of the log that positions are of."""
        return self._cursor.epoch

    async def start(self) -> None:
        """Take the present end of the log as the start, and subscribe."""
        await self._bus.listen(TICK_SUBJECT, self._on_tick)
        await self._cursor.move_to_end()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self._next()
            except LogWentBack as back:
                self._logger.error("log_went_back", position=self.position, last_common=back.last_common)  # noqa: TRY400
                # Who comes back at once must find the new epoch, and a feed that stands where it goes on.
                await self._until_at_end()
                self._went_back(back.last_common)
            except (*DATABASE_ERRORS, *NATS_ERRORS) as error:
                await self._backoff.pause(error)
            else:
                self._backoff.reset()

    def announce(self, position: int) -> None:
        """Say that the log has come to `position`, as a tick does: for who appends in the same process, and sooner."""
        self._announced = max(self._announced, position)
        self._ticked.set()

    async def _on_tick(self, tick: Msg) -> None:
        if tick.data.isdigit() and len(tick.data) <= MAX_POSITION_LENGTH:
            self.announce(int(tick.data))

    async def _next(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AT_LOG_S):
                await self._ticked.wait()
        self._ticked.clear()
        announced, self._announced = self._announced, 0
        # By the clock, for ticks may come that tell nothing new: of a relay that refills the stream, or of an enemy.
        now_s = asyncio.get_running_loop().time()
        is_due = now_s >= self._look_at_s
        if is_due:
            self._look_at_s = now_s + LOOK_AT_LOG_S
            await self._cursor.check()
        if not self._is_unheard():
            await self._read_log(up_to=None if is_due else announced)
        elif is_due:
            end = await self._cursor.read_end()
            # Who began to listen meanwhile must be told what came since the old place.
            if self._is_unheard():
                self._cursor.move_to(*end)

    async def _read_log(self, *, up_to: int | None) -> None:
        while rows := await self._cursor.read_next(up_to=up_to):
            self._cursor.move_to_row(rows[-1])
            for envelope in readable(rows, self._logger):
                self._deliver(envelope)

    async def _until_at_end(self) -> None:
        backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LOOK_AT_LOG_S)
        while True:
            try:
                return await self._cursor.move_to_end()
            except DATABASE_ERRORS:
                await backoff.pause()
