"""The newest events as they come, for those who are connected now: fast, and whole all the same.

A plain subscription brings each event the moment the relay publishes it. Where one is missing it is
read from the log, and a look at the log's end once a second notices a last one that got lost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import PAYMENTS_SUBJECTS
from extrato.bus.connection import BUS_AWAY, Bus
from extrato.bus.messages import position_of, to_envelope
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
            except (*LINE_BROKE, *BUS_AWAY) as error:
                self._logger.warning("live_feed_interrupted", error=repr(error))
                await asyncio.sleep(0.2)

    async def _on_message(self, message: Msg) -> None:
        if not self._arrived.full():
            self._arrived.put_nowait(message)

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AT_LOG_S):
                message = await self._arrived.get()
        except TimeoutError:
            await self._read_log_up_to(await self._log.head())
            return
        try:
            position, previous = position_of(message)
            if position <= self.position:
                return
            if self._is_unheard():
                self.position = position
                return
            if previous > self.position:
                self.repaired += 1
                await self._read_log_up_to(previous)
            if previous > self.position:
                raise UnreadableEvent("The log has no such place.", message.subject)  # noqa: TRY301
            self.position = position
            self._deliver(to_envelope(message))
        except UnreadableEvent as error:
            self._logger.error("message_unreadable", subject=message.subject, reason=error.message)  # noqa: TRY400

    async def _read_log_up_to(self, position: int) -> None:
        if self._is_unheard():
            self.position = max(self.position, position)
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
