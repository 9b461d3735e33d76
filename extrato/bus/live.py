"""The newest events as they come, for those who are connected now: fast, and whole all the same.

The relay's ticks say how far the log has come. The events are read from the log, so that a tick that is lost or
forged changes nothing; a look at the log's end once a second notices a last one that got lost.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import TICK_SUBJECT
from extrato.bus.connection import BUS_AWAY, Bus
from extrato.errors import Transient
from extrato.store.log import readable
from extrato.store.unavailable import LINE_BROKE

if TYPE_CHECKING:
    from collections.abc import Callable

    from nats.aio.msg import Msg

    from contracts.envelope import Envelope
    from extrato.store.log import LogReader

LOOK_AT_LOG_S: Final = 1.0
MAX_POSITION_LENGTH: Final = 18


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
        self._told_of = 0
        self._ticked = asyncio.Event()
        self._logger = structlog.get_logger(component="live_feed")
        self.position = 0

    async def start(self) -> None:
        """Take the present end of the log as the start, and subscribe."""
        await self._bus.client.subscribe(TICK_SUBJECT, cb=self._on_tick)
        self.position = await self._log.head()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                await self._next()
            except (*LINE_BROKE, *BUS_AWAY, Transient) as error:
                self._logger.warning("live_feed_interrupted", error=repr(error))
                await asyncio.sleep(0.2)

    def tell(self, position: int) -> None:
        """Say that the log has come to `position`, as a tick does: for who appends in the same process, and sooner."""
        self._told_of = max(self._told_of, position)
        self._ticked.set()

    async def _on_tick(self, tick: Msg) -> None:
        if tick.data.isdigit() and len(tick.data) <= MAX_POSITION_LENGTH:
            self.tell(int(tick.data))

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AT_LOG_S):
                await self._ticked.wait()
            self._ticked.clear()
            told_of, self._told_of = self._told_of, 0
        except TimeoutError:
            told_of = 0
        if self._is_unheard():
            await self._follow_from_afar()
        else:
            await self._read_log_up_to(told_of or await self._log.head())

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

    async def _read_log_up_to(self, position: int) -> None:
        while position > self.position:
            rows = await self._log.read_rows(self.position, up_to=position)
            if not rows:
                return
            self.position = rows[-1].id
            for envelope in readable(rows, self._logger):
                self._deliver(envelope)
