"""Carries the log to the bus, in order, without a gap and without a second copy.

Every process that may relay runs one; a PostgreSQL advisory lock makes one of them the leader. The
bus itself says how far the leader has come: the last message of the stream. Each message is
published with the sequence number it must follow, so that a leader who lost the lock, or a stream
that was deleted or emptied, makes the publication fail; the relay then looks again, and if the
stream is empty it refills it from the beginning of the log.

Behind each page goes a tick, which tells those who follow the log how far it has come.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import nats.js.errors
import structlog

from contracts.subjects import HEADER_POSITION, PAYMENTS_STREAM, TICK_SUBJECT, dead_subject
from extrato.bus.connection import BUS_AWAY, Bus, heed_cancellation
from extrato.bus.messages import position_of, to_message
from extrato.bus.publisher import PlacedPublisher, StreamMoved
from extrato.errors import Transient
from extrato.store.codec import UnreadableEvent
from extrato.store.unavailable import LINE_BROKE

if TYPE_CHECKING:
    from eventsourcing.persistence import Notification

    from extrato.store.log import LogReader, LogSignal

LEADER_LOCK: Final = 7_301_984_002
TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
PAGE: Final = 2000
MAX_UNANSWERED: Final = 4000

# After a page of more than a few, the next one is let grow: what a page costs does not depend on its length alone.
BUSY_ABOVE: Final = 16
LINGER_S: Final = 0.005

WAIT_FOR_LOCK_S: Final = 0.5
LOOK_AGAIN_S: Final = 1.0


class Relay:
    """Publishes what is appended, as long as it is the leader."""

    def __init__(self, *, database_url: str, log: LogReader, signal: LogSignal, bus: Bus) -> None:
        self._database_url = database_url
        self._log = log
        self._signal = signal
        self._bus = bus
        self._logger = structlog.get_logger(component="relay")
        self._position = 0
        self._sent = 0
        self._first_sequence = 1
        self._check_at_s = 0.0
        self.is_leader = False
        self.published = 0

    @property
    def position(self) -> int:
        """Give the position of the newest event that the bus is known to hold."""
        return self._position

    async def run(self) -> None:
        """Relay until cancelled: wait to become the leader, publish, and start over when something breaks."""
        while True:
            heed_cancellation()
            try:
                connection = await asyncpg.connect(self._database_url, timeout=5)
                try:
                    await self._lead(connection)
                finally:
                    self.is_leader = False
                    connection.terminate()
            except (*LINE_BROKE, *BUS_AWAY, Transient) as error:
                self._logger.warning("relay_interrupted", error=repr(error))
                await asyncio.sleep(0.2)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        # PostgreSQL tells nobody that a lock is free, unless a statement waits for it.
        while not await connection.fetchval(TRY_LOCK, LEADER_LOCK):  # noqa: ASYNC110
            await asyncio.sleep(WAIT_FOR_LOCK_S)
        self.is_leader = True
        self._logger.info("relay_leads")
        while not connection.is_closed():
            sequence = await self._look()
            publisher = PlacedPublisher(self._bus.client, stream=PAYMENTS_STREAM, sequence=sequence)
            try:
                await publisher.open()
                await self._publish_all(publisher, connection)
            except StreamMoved as moved:
                self._logger.warning("relay_found_stream_moved", position=self._position, reason=str(moved))
            finally:
                await publisher.close()

    async def _publish_all(self, publisher: PlacedPublisher, connection: asyncpg.Connection) -> None:
        """Publish what there is and what comes, as long as the lock is held; raises `StreamMoved`."""
        while not connection.is_closed():
            heed_cancellation()
            # The next page is read while the answers to the last one come.
            rows = await self._log.read_rows(self._sent, limit=PAGE)
            if rows:
                await publisher.until_answered(but=MAX_UNANSWERED - PAGE)
                await self._publish(rows, publisher)
            if len(rows) < PAGE:
                await publisher.until_answered()
                self._position = self._sent
                if len(rows) > BUSY_ABOVE:
                    await asyncio.sleep(LINGER_S)
                await self._signal.wait(LOOK_AGAIN_S)
            if asyncio.get_running_loop().time() >= self._check_at_s:
                await publisher.until_answered()
                await self._check(publisher.sequence)

    async def _look(self) -> int:
        """Ask the stream how far it has come, and make it when it is not there; gives its last sequence number."""
        await self._bus.ensure_streams()
        jetstream = self._bus.jetstream
        state = (await jetstream.stream_info(PAYMENTS_STREAM)).state
        self._first_sequence, self._position = state.last_seq + 1, 0
        if state.messages:
            position = 0
            try:
                _, before = position_of(await jetstream.get_msg(PAYMENTS_STREAM, seq=state.first_seq))
                position, _ = position_of(await jetstream.get_msg(PAYMENTS_STREAM, seq=state.last_seq))
                if before == 0 and 0 < position <= await self._log.head():
                    self._first_sequence, self._position = state.first_seq, position
            except (UnreadableEvent, nats.js.errors.NotFoundError) as error:
                # An end of the stream was deleted, or is not ours.
                self._logger.warning("relay_found_foreign_stream", error=repr(error))
            if not self._position:
                self._logger.warning("relay_empties_stream", first_sequence=state.first_seq, position=position)
                await jetstream.purge_stream(PAYMENTS_STREAM)
        self._sent = self._position
        sequence: int = state.last_seq
        return sequence

    async def _check(self, sequence: int) -> None:
        """Notice a stream that was deleted, emptied or written to, also where no publication failed for it."""
        self._check_at_s = asyncio.get_running_loop().time() + LOOK_AGAIN_S
        try:
            state = (await self._bus.jetstream.stream_info(PAYMENTS_STREAM)).state
        except nats.js.errors.NotFoundError as error:
            raise StreamMoved("There is no stream.") from error
        begins_elsewhere = state.messages == 0 or state.first_seq != self._first_sequence
        if state.last_seq != sequence or (sequence >= self._first_sequence and begins_elsewhere):
            raise StreamMoved("Others have changed the stream.")

    async def _publish(self, rows: list[Notification], publisher: PlacedPublisher) -> None:
        """Publish a page, and do not wait for the answers."""
        previous, messages = self._sent, []
        for row in rows:
            try:
                message = to_message(row, previous=previous)
            except UnreadableEvent as error:
                await self._lay_down(row, error)
                continue
            previous = row.id
            if publisher.is_too_large(message):
                # The next message shows a hole, and who reads it finds this event in the log.
                self._logger.warning("relay_passes_over_large_event", position=row.id)
                continue
            messages.append(message)
        await publisher.publish(messages, tick=TICK_SUBJECT, position=rows[-1].id)
        self._sent = rows[-1].id
        self.published += len(messages)

    async def _lay_down(self, row: Notification, error: UnreadableEvent) -> None:
        self._logger.error("relay_cannot_read", position=row.id, topic=row.topic, reason=error.message)
        await self._bus.jetstream.publish(
            dead_subject("relay", f"log.{row.id}"),
            row.state,
            headers={HEADER_POSITION: str(row.id), "reason": error.code},
        )
