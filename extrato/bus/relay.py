"""Publishes the log on the bus, in order, each event once and without a gap.

Several processes run a relay; a lease in PostgreSQL makes one of them the leader. The stream's last message
shows how far the relay has come. Each message names the sequence number that it must follow. So a message fails
when the leader has lost the lease, or when the stream was deleted or emptied. The relay then compares the stream with
the log again, and fills an empty stream from the beginning of the log.

After each page, a tick tells consumers the log's newest position.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import nats.js.errors
import structlog

from contracts.subjects import HEADER_POSITION, LOG_SUBJECT, PAYMENTS_STREAM, TICK_SUBJECT
from contracts.telemetry import EpochBegun
from extrato import tracing
from extrato.bus.connection import NATS_ERRORS, Bus, raise_if_cancelled
from extrato.bus.dead_letters import publish_dead_letter
from extrato.bus.lease import RENEW_S, Lease, LeaseLost, RelayProgress
from extrato.bus.messages import fits, to_message
from extrato.bus.publisher import SequencedPublisher, StreamMoved
from extrato.bus.relay_metrics import CYCLE_TIMESTAMP_S, PUBLISHED, REFILLS
from extrato.bus.stream_inspector import ForeignStream, StreamContents, StreamInspector
from extrato.bus.telemetry import publish_confirmed
from extrato.metrics import mark_time
from extrato.store.codec import UnreadableEvent, read_state_text
from extrato.store.logged_backoff import LoggedBackoff
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    from extrato.store.codec import LogRow
    from extrato.store.identity import Identity
    from extrato.store.log import LogReader, LogSignal

SEND: Final = f"send {PAYMENTS_STREAM}"
PAGE: Final = 2000
MAX_UNANSWERED: Final = 4000

# After a page of more than BUSY_ABOVE events, the relay waits for a larger one: each page has a fixed cost.
BUSY_ABOVE: Final = 16
LINGER_S: Final = 0.005

WAIT_FOR_LEASE_S: Final = 0.5
CHECK_INTERVAL_S: Final = 1.0
TRY_AGAIN_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0


class Relay:
    """Publishes appended events while it is the leader."""

    def __init__(self, *, database_url: str, log: LogReader, signal: LogSignal, bus: Bus) -> None:
        self._database_url = database_url
        self._log = log
        self._signal = signal
        self._bus = bus
        self._logger = structlog.get_logger(component="relay")
        self._backoff = LoggedBackoff(
            self._logger, paused_event="relay_interrupted", resumed_event="relay_goes_on", longest_pause_s=TRY_AGAIN_S
        )
        self._inspector = StreamInspector(bus, log)
        self._position = 0
        self._sent = 0
        # The newest published event, to detect a log that lost it.
        self._last = (0, "")
        self._check_at_s = 0.0
        self._renew_at_s = 0.0
        self.is_leader = False
        self.published = 0

    @property
    def position(self) -> int:
        """The newest position that the server has acknowledged."""
        return self._position

    async def run(self) -> None:
        """Relay until cancelled: wait for the lease, publish, and start again after an error."""
        while True:
            raise_if_cancelled()
            try:
                await self._bus.until_connected()
                connection = await asyncpg.connect(self._database_url, timeout=5, command_timeout=5)
                try:
                    await self._lead(connection)
                finally:
                    self.is_leader = False
                    connection.terminate()
            except LeaseLost:
                self._logger.warning("relay_lost_its_lease")
            except ForeignStream as error:
                self._logger.error("relay_refuses_stream", reason=str(error))  # noqa: TRY400 - the reason says it all
                await asyncio.sleep(CHECK_INTERVAL_S)
            except (*DATABASE_ERRORS, *NATS_ERRORS, UnreadableEvent) as error:
                await self._backoff.pause(error)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        lease = Lease(connection)
        # PostgreSQL does not notify when a lease ends.
        while not await lease.take():
            mark_time(CYCLE_TIMESTAMP_S)
            await asyncio.sleep(WAIT_FOR_LEASE_S)
        self.is_leader = True
        self._renew_at_s = asyncio.get_running_loop().time() + RENEW_S
        self._logger.info("relay_leads")
        refills, known = 0, None
        while not lease.has_ended:
            progress = await lease.read_progress()
            contents = await self._inspector.reconcile(known, progress=progress)
            # Before the first publication, an empty stream is filled for the first time.
            if not contents.position and (progress is not None or self._position):
                REFILLS.inc()
            self._position = self._sent = contents.position
            self._last = (contents.position, contents.event_id)
            await lease.save_progress(self._progress(contents, contents.sequence))
            if contents.begins_epoch:
                await self._announce_epoch(contents.identity)
                await self._inspector.sign_epoch(contents.identity)
            self._backoff.reset()
            publisher = SequencedPublisher(
                self._bus.client, stream=PAYMENTS_STREAM, sequence=contents.sequence, position=contents.position
            )
            try:
                await publisher.open()
                await self._publish_all(publisher, contents, lease)
            except StreamMoved as moved:
                self._logger.warning("relay_found_stream_moved", position=self._position, reason=str(moved))
                known = publisher.known
            finally:
                await publisher.close()
            # Longer pauses, in case the same fault empties the stream after each refill.
            refills = 0 if contents.position else refills + 1
            await asyncio.sleep(min(LONGEST_PAUSE_S, 0.01 * 2**refills) if refills > 1 else 0)

    async def _announce_epoch(self, identity: Identity) -> None:
        """Announce to subscribers that the log went back. Only then is the stream signed with the epoch."""
        fact = EpochBegun(
            log=str(identity.log_id),
            epoch=identity.epoch,
            last_common=identity.last_common,
            began_at=identity.began_at,
        )
        event_id = f"{identity.log_id}.{identity.epoch}"
        await publish_confirmed(self._bus, LOG_SUBJECT, fact, at=identity.began_at, event_id=event_id)

    def _progress(self, contents: StreamContents, sequence: int) -> RelayProgress:
        position, event_id = self._last
        return RelayProgress(bus_id=contents.bus_id, sequence=sequence, position=position, event_id=event_id)

    async def _publish_all(self, publisher: SequencedPublisher, contents: StreamContents, lease: Lease) -> None:
        """Publish present and future events while the lease lasts; raises `StreamMoved` and `LeaseLost`."""
        while not lease.has_ended:
            raise_if_cancelled()
            # The relay reads the next page while the answers to the last one arrive.
            rows = await self._next_rows()
            if rows:
                await publisher.until_answered(but=MAX_UNANSWERED - PAGE)
                await self._publish(rows, publisher, contents)
            if len(rows) < PAGE:
                await publisher.until_answered()
                self._position = self._sent
                if len(rows) > BUSY_ABOVE:
                    await asyncio.sleep(LINGER_S)
                await self._signal.wait(CHECK_INTERVAL_S)
            now_s = asyncio.get_running_loop().time()
            if now_s >= self._renew_at_s:
                await lease.renew()
                await publisher.until_answered()
                await lease.save_progress(self._progress(contents, publisher.sequence))
                self._renew_at_s = now_s + RENEW_S
            if now_s >= self._check_at_s:
                await publisher.until_answered()
                await self._check(publisher.sequence, contents)
            mark_time(CYCLE_TIMESTAMP_S)

    async def _next_rows(self) -> list[LogRow]:
        """Return the next rows. The row before them is read too: a restored log has another event at that position."""
        position, event_id = self._last
        if position != self._sent or not position:
            return await self._log.read_rows(self._sent, limit=PAGE)
        rows = await self._log.read_rows(position - 1, limit=PAGE + 1)
        if not rows or rows[0].id != position or read_state_text(rows[0]).event_id != event_id:
            raise StreamMoved("The log lost the event that was published last.")
        return rows[1:]

    async def _check(self, sequence: int, contents: StreamContents) -> None:
        """Check for a changed stream and another epoch, also where no message failed."""
        self._check_at_s = asyncio.get_running_loop().time() + CHECK_INTERVAL_S
        try:
            state = (await self._bus.jetstream.stream_info(PAYMENTS_STREAM)).state
        except nats.js.errors.NotFoundError as error:
            raise StreamMoved("The stream does not exist.") from error
        begins_elsewhere = state.messages == 0 or state.first_seq != contents.first_sequence
        holds_some = sequence >= contents.first_sequence
        if state.last_seq != sequence or (holds_some and begins_elsewhere and not contents.may_shrink):
            raise StreamMoved("Another client changed the stream.")
        if (await self._log.identity.read()).epoch != contents.identity.epoch:
            raise StreamMoved("Another epoch has begun.")

    async def _publish(self, rows: list[LogRow], publisher: SequencedPublisher, contents: StreamContents) -> None:
        """Publish a page without waiting for the answers."""
        previous, messages = self._sent, []
        for row in rows:
            try:
                message = to_message(row, previous=previous, identity=contents.identity, refill=contents.first_sequence)
            except UnreadableEvent as error:
                await self._dead_letter(row, error)
                continue
            previous = row.id
            if not fits(message, max_bytes=contents.max_message_bytes):
                # The next message's `previous` shows the gap, and a subscriber finds this event in the log.
                self._logger.warning("relay_skips_large_event", position=row.id)
                continue
            messages.append(message)
            self._last = (row.id, message.event_id)
        with tracing.following_span(SEND, "producer", (message.origin for message in messages)) as span:
            if span.traceparent:
                span.set(tracing.messaging("send", type_="send", messages=len(messages)))
            await publisher.publish(messages, tick=TICK_SUBJECT, position=rows[-1].id, traceparent=span.traceparent)
        self._sent = rows[-1].id
        self.published += len(messages)
        PUBLISHED.inc(len(messages))

    async def _dead_letter(self, row: LogRow, error: UnreadableEvent) -> None:
        self._logger.error("relay_cannot_read", position=row.id, topic=row.topic, reason=error.message)
        headers = {HEADER_POSITION: str(row.id), "reason": error.code}
        await publish_dead_letter(self._bus, consumer="relay", subject=f"log.{row.id}", body=row.state, headers=headers)
