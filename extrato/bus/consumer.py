"""A durable consumer of the whole log: every event once and in order, from a bus that may lose any of them.

Messages arrive over a durable JetStream pull consumer, without their bodies. They say how far the log has come; the
events themselves are read from the log, so that neither a lost message nor a forged one changes anything. When the
consumer or its stream was deleted, both are made again, and what the refilled stream repeats is passed over.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from contracts.subjects import PAYMENTS_STREAM
from extrato.bus.connection import BUS_AWAY, Bus, heed_cancellation
from extrato.bus.dead_letters import lay_down
from extrato.bus.messages import position_in
from extrato.bus.pull import DurablePull
from extrato.errors import Transient
from extrato.store.codec import UnreadableEvent, to_envelope
from extrato.store.log import READ_PAGE, LogReader
from extrato.store.unavailable import LINE_BROKE, is_line_broken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from eventsourcing.persistence import Notification

    from contracts.envelope import Envelope
    from extrato.bus.lean_client import RawMessage

LOOK_AT_LOG_S: Final = 1.0

# After a batch of more than a few the next one is let grow: a transaction for a hundred costs little more than for ten.
BUSY_ABOVE: Final = 16
LINGER_S: Final = 0.02
REFUSAL_ATTEMPTS: Final = 3


class DurableConsumer:
    """Feeds a handler from `checkpoint` on, for ever.

    `handle` takes events in order together with the position that they bring it to; it keeps that position in
    the transaction of its effects, and passes over events at or below the position it kept before.
    `durable` is `<service>-<purpose>`. A handler that keeps failing on one event has that event laid
    down under `dead.<durable>.…`, and goes on without it; when the store or the bus is away the
    consumer waits and tries again. `subscribed` is set once it has caught up with the log and hears the bus.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        log: LogReader,
        durable: str,
        checkpoint: int,
        handle: Callable[[Sequence[Envelope], int], Awaitable[None]],
    ) -> None:
        self._bus = bus
        self._log = log
        self._durable = durable
        self._handle = handle
        self._logger = structlog.get_logger(component="consumer", consumer=durable)
        self._look_at_s = 0.0
        self.checkpoint = checkpoint
        self.subscribed = asyncio.Event()
        self.refused = 0

    async def run(self) -> None:
        """Consume until cancelled."""
        await self._until_it_works(self.catch_up)
        while True:
            heed_cancellation()
            pull = DurablePull(self._bus, stream=PAYMENTS_STREAM, durable=self._durable)
            try:
                await self._bus.ensure_streams()
                await pull.open()
                await self.catch_up()
                self.subscribed.set()
                while True:
                    await self._consume(pull)
            except (*BUS_AWAY, *LINE_BROKE, Transient) as error:
                self._logger.warning("consumer_interrupted", error=repr(error))
                with contextlib.suppress(*BUS_AWAY):
                    await pull.close()
                await asyncio.sleep(0.2)

    async def catch_up(self, up_to: int | None = None) -> None:
        """Read the log from the checkpoint to `up_to`, or to its end."""
        while True:
            rows = await self._log.read_rows(self.checkpoint, up_to=up_to, limit=READ_PAGE)
            if rows:
                await self._hand_over(rows)
            if len(rows) < READ_PAGE:
                return

    async def _consume(self, pull: DurablePull) -> None:
        messages = await pull.take(within_s=LOOK_AT_LOG_S)
        heed_cancellation()
        if messages:
            await self._apply(messages, pull)
            await pull.acknowledge(messages[-1])
            if len(messages) > BUSY_ABOVE:
                await asyncio.sleep(LINGER_S)
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._look_at_s:
            # The bus may be quiet, silently cut off, or busy with what is known: the log knows which.
            self._look_at_s = now_s + LOOK_AT_LOG_S
            await self.catch_up()

    async def _apply(self, messages: Sequence[RawMessage], pull: DurablePull) -> None:
        """Read from the log what a batch of messages speaks of, with what they pass over in silence.

        Whoever may publish could forge a message, so it is not believed; one that names no place, or a place that
        the log does not have, is laid down.
        """
        reached = self.checkpoint
        spoken_of: list[tuple[int, RawMessage]] = []
        for message in messages:
            try:
                position, _ = position_in(message.headers)
            except UnreadableEvent as error:
                await self._lay_down(
                    message.subject.decode(errors="backslashreplace"), await pull.body_of(message), error
                )
                continue
            spoken_of.append((position, message))
            reached = max(reached, position)
        if reached > self.checkpoint:
            await self.catch_up(reached)
        for position, message in spoken_of:
            if position > self.checkpoint:
                subject = message.subject.decode(errors="backslashreplace")
                nowhere = UnreadableEvent("The log has no such place.", subject)
                await self._lay_down(subject, await pull.body_of(message), nowhere)

    async def _hand_over(self, rows: Sequence[Notification]) -> None:
        envelopes = []
        for row in rows:
            try:
                envelopes.append(to_envelope(row))
            except UnreadableEvent as error:
                await self._lay_down(f"log.{row.id}", row.state, error)
        await self._hand_over_readable(envelopes, rows[-1].id)

    async def _hand_over_readable(self, envelopes: Sequence[Envelope], newest: int) -> None:
        if newest <= self.checkpoint:
            return
        try:
            await self._handle(envelopes, newest)
        except Exception as error:
            if _will_pass(error):
                raise
            # One bad event must not stop all the others.
            await self._hand_over_one_by_one(envelopes, newest, error)
        self.checkpoint = newest

    async def _hand_over_one_by_one(self, envelopes: Sequence[Envelope], newest: int, first_error: Exception) -> None:
        """Find the event that the handler cannot take, lay it down, and go on."""
        self._logger.error("batch_refused", error=repr(first_error), exc_info=first_error)
        for envelope in envelopes:
            for attempt in range(1, REFUSAL_ATTEMPTS + 1):
                try:
                    await self._handle([envelope], envelope.position)
                    break
                except Exception as error:
                    if _will_pass(error):
                        raise
                    if attempt == REFUSAL_ATTEMPTS:
                        refusal = UnreadableEvent(f"The handler refused it: {error!r}")
                        await self._lay_down(f"log.{envelope.position}", b"", refusal)
        await self._handle([], newest)

    async def _lay_down(self, subject: str, body: bytes, error: UnreadableEvent) -> None:
        self.refused += 1
        self._logger.error("message_refused", subject=subject, reason=error.message)
        await lay_down(self._bus, consumer=self._durable, subject=subject, body=body, headers={"reason": error.message})

    async def _until_it_works(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            heed_cancellation()
            try:
                return await work()
            except (*BUS_AWAY, *LINE_BROKE, Transient) as error:
                self._logger.warning("consumer_interrupted", error=repr(error))
                await asyncio.sleep(0.2)


def _will_pass(error: Exception) -> bool:
    """Tell an absent store, bus or provider from an event that cannot be handled."""
    return is_line_broken(error) or isinstance(error, (*BUS_AWAY, Transient))
