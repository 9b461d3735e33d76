"""Delivers new events to connected clients: fast, complete and in order.

The relay's ticks name the log's newest position. The feed reads the events from the log, so a forged tick has no
effect. It also reads the log's end twice a second, so a lost tick costs half a second.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from contracts.digits import POSITION_DIGITS, number_in
from contracts.subjects import TICK_SUBJECT
from extrato import tracing
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

# Without the bus, sockets of a revoked key close within twice this time.
READ_LOG_EVERY_S: Final = 0.5
DELIVER: Final = "deliver to sockets"
FIRST_PAUSE_S: Final = 0.2


class LiveFeed:
    """Calls `deliver` with every event after the start, in order and once each.

    `deliver` must not block; it also handles slow clients. While `is_unheard` returns True, the feed skips events
    without decoding them. When the log went back, the feed calls `went_back` with the last position that the log has
    in common with the delivered events, and continues at the log's end.
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
        self._read_log_at_s = 0.0
        self._announced = 0
        self._ticked = asyncio.Event()
        self._logger = structlog.get_logger(component="live_feed")
        self._backoff = LoggedBackoff(
            self._logger,
            paused_event="live_feed_interrupted",
            resumed_event="live_feed_goes_on",
            longest_pause_s=READ_LOG_EVERY_S,
        )

    @property
    def position(self) -> int:
        """The position up to which events are delivered."""
        return self._cursor.position

    @property
    def epoch(self) -> int:
        """The epoch of `position`."""
        return self._cursor.epoch

    async def start(self) -> None:
        """Subscribe, and start at the present end of the log."""
        await self._bus.listen(TICK_SUBJECT, self._on_tick)
        await self._cursor.move_to_end()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self._next()
            except LogWentBack as back:
                self._logger.error("log_went_back", position=self.position, last_common=back.last_common)  # noqa: TRY400
                # A client that reconnects at once must find the next epoch and the feed's next position.
                await self._until_at_end()
                self._went_back(back.last_common)
            except (*DATABASE_ERRORS, *NATS_ERRORS) as error:
                await self._backoff.pause(error)
            else:
                self._backoff.reset()

    def announce(self, position: int) -> None:
        """Report the log's newest position, as a tick does. An appender in the same process calls it sooner."""
        self._announced = max(self._announced, position)
        self._ticked.set()

    async def _on_tick(self, tick: Msg) -> None:
        position = number_in(tick.data, digits=POSITION_DIGITS)
        if position is not None:
            self.announce(position)

    async def _next(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_LOG_EVERY_S):
                await self._ticked.wait()
        self._ticked.clear()
        announced, self._announced = self._announced, 0
        # By the clock, because ticks may carry old positions: from a relay that refills the stream, or forged ones.
        now_s = asyncio.get_running_loop().time()
        is_due = now_s >= self._read_log_at_s
        if is_due:
            self._read_log_at_s = now_s + READ_LOG_EVERY_S
            await self._cursor.check()
        if not self._is_unheard():
            await self._read_log(up_to=None if is_due else announced)
        elif is_due:
            end = await self._cursor.read_end()
            # A client that subscribed meanwhile must receive the events since the old position.
            if self._is_unheard():
                self._cursor.move_to(*end)

    async def _read_log(self, *, up_to: int | None) -> None:
        while rows := await self._cursor.read_next(up_to=up_to):
            self._cursor.move_to_row(rows[-1])
            envelopes = list(readable(rows, self._logger))
            with tracing.following_span(DELIVER, "consumer", (envelope.traceparent for envelope in envelopes)):
                for envelope in envelopes:
                    self._deliver(envelope)

    async def _until_at_end(self) -> None:
        backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=READ_LOG_EVERY_S)
        while True:
            try:
                return await self._cursor.move_to_end()
            except DATABASE_ERRORS:
                await backoff.pause()
