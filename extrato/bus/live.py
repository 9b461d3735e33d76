"""The newest events as they come, for those who are connected now: fast, and whole all the same.

A plain subscription tells the moment the relay publishes an event. The event itself is read from the log,
so that a message that is lost or forged changes nothing; a look at the log's end once a second notices a
last one that got lost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import PAYMENTS_SUBJECTS
from extrato.bus.connection import BUS_AWAY, Bus
from extrato.bus.messages import position_of
from extrato.errors import Transient
from extrato.store.codec import UnreadableEvent
from extrato.store.codec import to_envelope as from_row
from extrato.store.unavailable import LINE_BROKE

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg

    from contracts.envelope import Envelope
    from extrato.store.log import LogReader

QUEUE_LIMIT: Final = 4096
LOOK_AT_LOG_S: Final = 1.0


class LiveFeed:
    """Calls `deliver` with every event after the start, in order and once each.

    `deliver` must not wait; slow listeners are its own business. While `is_unheard` says so, events are counted and
    neither decoded nor delivered.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        log: LogReader,
        deliver: Callable[[Envelope], None],
        is_unheard: Callable[[], bool] = lambda: False,
    ) -> None:
        self._bus = bus
        self._log = log
        self._deliver = deliver
        self._is_unheard = is_unheard
        self._look_at_s = 0.0
        self._arrived: asyncio.Queue[Msg] = asyncio.Queue(QUEUE_LIMIT)
        self._logger = structlog.get_logger(component="live_feed")
        self.position = 0
        self.repaired = 0

    async def start(self) -> None:
        """Take the present end of the log as the start, and subscribe."""
        for subject in PAYMENTS_SUBJECTS:
            await self._bus.client.subscribe(subject, cb=self._on_message)
        self.position = await self._log.head()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self._next()
            except (*LINE_BROKE, *BUS_AWAY, Transient) as error:
                self._logger.warning("live_feed_interrupted", error=repr(error))
                await asyncio.sleep(0.2)

    async def _on_message(self, message: Msg) -> None:
        if not self._arrived.full():
            self._arrived.put_nowait(message)

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AT_LOG_S):
                reached = self._place_of(await self._arrived.get(), after=self.position)
        except TimeoutError:
            reached = None
        if self._is_unheard():
            await self._follow_from_afar()
            return
        if reached is None:
            reached = await self._log.head()
        while not self._arrived.empty():
            reached = self._place_of(self._arrived.get_nowait(), after=reached)
        await self._read_log_up_to(reached)

    async def _follow_from_afar(self) -> None:
        """Keep up with the log while nobody listens, by a look at its end once a second."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + LOOK_AT_LOG_S
        head = await self._log.head()
        # Who began to listen meanwhile must be told what came since the old place.
        if self._is_unheard():
            self.position = head

    def _place_of(self, message: Msg, *, after: int) -> int:
        """Tell how far the log has come by a message, if that is further than `after`."""
        try:
            position, previous = position_of(message)
        except UnreadableEvent as error:
            self._logger.error("message_unreadable", subject=message.subject, reason=error.message)  # noqa: TRY400
            return after
        self.repaired += previous > after
        return max(position, after)

    async def _read_log_up_to(self, position: int) -> None:
        while position > self.position:
            rows = await self._log.read_rows(self.position, up_to=position)
            for row in rows:
                self.position = row.id
                try:
                    self._deliver(from_row(row))
                except UnreadableEvent as error:
                    self._logger.error("row_unreadable", position=row.id, reason=error.message)  # noqa: TRY400
            if not rows:
                return
