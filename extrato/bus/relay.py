"""Carries the log to the bus, in order, without a gap and without a second copy.

Every process that may relay runs one; a PostgreSQL advisory lock makes one of them the leader. The
bus itself says how far the leader has come: the last message of the stream. Each message is
published with the sequence number it must follow, so that a leader who lost the lock, or a stream
that was deleted or emptied, makes the publication fail; the relay then looks again, and if the
stream is empty it refills it from the beginning of the log.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import nats.js.errors
import structlog

from contracts.subjects import HEADER_MESSAGE_ID, HEADER_POSITION, PAYMENTS_STREAM, dead_subject
from extrato.bus.connection import BUS_AWAY, Bus, heed_cancellation
from extrato.bus.messages import Message, position_of, to_message
from extrato.errors import Transient
from extrato.store.codec import UnreadableEvent
from extrato.store.unavailable import LINE_BROKE

if TYPE_CHECKING:
    from eventsourcing.persistence import Notification
    from nats.js.api import PubAck

    from extrato.store.log import LogReader, LogSignal

LEADER_LOCK: Final = 7_301_984_002
TRY_LOCK: Final = "SELECT pg_try_advisory_lock($1)"
PAGE: Final = 500
ACK_TIMEOUT_S: Final = 5.0
WAIT_FOR_LOCK_S: Final = 0.5
LOOK_AGAIN_S: Final = 1.0
EXPECTED_LAST_SEQUENCE: Final = "Nats-Expected-Last-Sequence"

# A bound for what publishing adds to the headers of a message.
HEADERS_OF_PUBLICATION_BYTES: Final = 256


class StreamMoved(Exception):
    """The stream is not where the relay left it."""


class Relay:
    """Publishes what is appended, as long as it is the leader."""

    def __init__(self, *, database_url: str, log: LogReader, signal: LogSignal, bus: Bus) -> None:
        self._database_url = database_url
        self._log = log
        self._signal = signal
        self._bus = bus
        self._logger = structlog.get_logger(component="relay")
        self._position = 0
        self._first_sequence = 1
        self._sequence = 0
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
        await self._look()
        while not connection.is_closed():
            heed_cancellation()
            try:
                if not await self._publish_page():
                    await self._signal.wait(LOOK_AGAIN_S)
                if asyncio.get_running_loop().time() >= self._check_at_s:
                    await self._check()
            except StreamMoved:
                self._logger.warning("relay_found_stream_moved", position=self._position)
                await self._look()

    async def _look(self) -> None:
        """Ask the stream how far it has come; make it when it is not there."""
        await self._bus.ensure_streams()
        jetstream = self._bus.jetstream
        state = (await jetstream.stream_info(PAYMENTS_STREAM)).state
        self._first_sequence, self._sequence, self._position = state.last_seq + 1, state.last_seq, 0
        if not state.messages:
            return
        position = 0
        try:
            _, before = position_of(await jetstream.get_msg(PAYMENTS_STREAM, seq=state.first_seq))
            position, _ = position_of(await jetstream.get_msg(PAYMENTS_STREAM, seq=state.last_seq))
            if before == 0 and 0 < position <= await self._log.head():
                self._first_sequence, self._position = state.first_seq, position
                return
        except (UnreadableEvent, nats.js.errors.NotFoundError) as error:
            # An end of the stream was deleted, or is not ours.
            self._logger.warning("relay_found_foreign_stream", error=repr(error))
        self._logger.warning("relay_empties_stream", first_sequence=state.first_seq, position=position)
        await jetstream.purge_stream(PAYMENTS_STREAM)

    async def _check(self) -> None:
        """Notice a stream that was deleted, emptied or written to, also where no publication failed for it."""
        self._check_at_s = asyncio.get_running_loop().time() + LOOK_AGAIN_S
        try:
            state = (await self._bus.jetstream.stream_info(PAYMENTS_STREAM)).state
        except nats.js.errors.NotFoundError as error:
            raise StreamMoved from error
        begins_elsewhere = state.messages == 0 or state.first_seq != self._first_sequence
        if state.last_seq != self._sequence or (self._sequence >= self._first_sequence and begins_elsewhere):
            raise StreamMoved

    async def _publish_page(self) -> bool:
        """Publish what follows, at most a page; says whether there may be more."""
        rows = await self._log.read_rows(self._position, limit=PAGE)
        if rows:
            await self._publish(rows)
        return len(rows) == PAGE

    async def _publish(self, rows: list[Notification]) -> None:
        """Publish a page without waiting between messages, then wait for every acknowledgement."""
        position, sequence = self._position, self._sequence
        acknowledgements: list[asyncio.Future[PubAck]] = []
        try:
            for row in rows:
                try:
                    message = to_message(row, previous=position)
                except UnreadableEvent as error:
                    await self._lay_down(row, error)
                    continue
                position = row.id
                if self._is_too_large(message):
                    # The next message shows a hole, and who reads it finds this event in the log.
                    self._logger.warning("relay_passes_over_large_event", position=row.id)
                    continue
                acknowledgements.append(await self._send(message, after=sequence))
                sequence += 1
            async with asyncio.timeout(ACK_TIMEOUT_S):
                results = await asyncio.gather(*acknowledgements, return_exceptions=True)
        finally:
            # Each one that is left open would hold one of the client's permits for ever.
            for acknowledgement in acknowledgements:
                acknowledgement.cancel()
        for result in results:
            if isinstance(result, nats.js.errors.APIError | nats.js.errors.NoStreamResponseError):
                raise StreamMoved from result
            if isinstance(result, BaseException):
                raise result
            if result.duplicate:
                raise StreamMoved
        self._position, self._sequence = rows[-1].id, sequence
        self.published += len(results)

    async def _send(self, message: Message, *, after: int) -> asyncio.Future[PubAck]:
        """Publish a message that must be stored at the place behind the sequence number `after`."""
        message.headers[EXPECTED_LAST_SEQUENCE] = str(after)
        if self._first_sequence > 1:
            # The stream was emptied, which does not make the server forget the ids of the last minutes.
            message.headers[HEADER_MESSAGE_ID] += f".{self._first_sequence}"
        # No `wait_stall`: while it waits for one, the client takes a cancellation for a stall.
        return await self._bus.jetstream.publish_async(
            message.subject, message.body, stream=PAYMENTS_STREAM, headers=message.headers
        )

    def _is_too_large(self, message: Message) -> bool:
        headers = sum(len(name) + len(value.encode()) + 4 for name, value in message.headers.items())
        return len(message.body) + headers + HEADERS_OF_PUBLICATION_BYTES > self._bus.client.max_payload

    async def _lay_down(self, row: Notification, error: UnreadableEvent) -> None:
        self._logger.error("relay_cannot_read", position=row.id, topic=row.topic, reason=error.message)
        await self._bus.jetstream.publish(
            dead_subject("relay", f"log.{row.id}"),
            row.state,
            headers={HEADER_POSITION: str(row.id), "reason": error.code},
        )
