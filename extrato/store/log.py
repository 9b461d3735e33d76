"""Reads one stream or the whole log, and signals new events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

import asyncpg
import structlog

from extrato.store.codec import UnreadableEvent, read_state_text, to_envelope
from extrato.store.identity import LogIdentity
from extrato.store.logged_backoff import LoggedBackoff
from extrato.store.recorder import CHANNEL, AsyncpgRecorder
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
    from uuid import UUID

    from contracts.envelope import Envelope
    from extrato.store.codec import LogRow

READ_PAGE: Final = 500
POLL_INTERVAL_S: Final = 1.0


def readable(rows: Iterable[LogRow], logger: structlog.typing.FilteringBoundLogger) -> Iterator[Envelope]:
    """Return the events of rows, in order; an unreadable row is logged and left out."""
    for row in rows:
        try:
            envelope = to_envelope(row)
        except UnreadableEvent as error:
            logger.error("row_unreadable", position=row.id, topic=row.topic, reason=error.message)  # noqa: TRY400 - the reason says it all
        else:
            yield envelope


class LogReader:
    """Reads the log without locks, so that it never delays a writer.

    `read_stream` raises `UnreadableEvent` for an unreadable event, because a decision needs the whole stream.
    `read_all` and `read_positions` log such an event and leave it out.
    """

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection) -> None:
        self.recorder = AsyncpgRecorder(pool)
        self.identity = LogIdentity(pool)
        self._logger = structlog.get_logger(component="log_reader")

    async def read_stream(self, stream_id: UUID, *, after_version: int = 0) -> list[Envelope]:
        """Return a stream's events, oldest first; empty for an unknown stream."""
        rows = await self.recorder.select_events(stream_id, gt=after_version)
        return [to_envelope(row) for row in rows]

    async def read_rows(self, after: int, *, up_to: int | None = None, limit: int = READ_PAGE) -> list[LogRow]:
        """Return rows with a position above `after`, in order."""
        return await self.recorder.select_notifications(after, limit, up_to, inclusive_of_start=False)

    async def read_all(
        self, after: int, *, up_to: int | None = None, topics: Sequence[str] = ()
    ) -> AsyncIterator[Envelope]:
        """Return every event above `after`, up to `up_to` or the log's end."""
        while True:
            rows = await self.recorder.select_notifications(after, READ_PAGE, up_to, topics, inclusive_of_start=False)
            for envelope in readable(rows, self._logger):
                yield envelope
            if len(rows) < READ_PAGE:
                return
            after = rows[-1].id

    async def read_positions(self, positions: Sequence[int]) -> list[Envelope]:
        """Return the events at these positions, in the order of the log; a position without an event is left out."""
        return list(readable(await self.recorder.select_positions(positions), self._logger))

    async def event_id_at(self, position: int) -> str | None:
        """Return the id of the event at a position; None for a missing or unreadable event."""
        rows = await self.recorder.select_positions([position])
        try:
            return read_state_text(rows[0]).event_id if rows else None
        except UnreadableEvent:
            return None

    async def head(self) -> int:
        """Return the newest position; 0 for an empty log."""
        return await self.recorder.max_notification_id() or 0


class LogSignal:
    """Wakes a reader after an append of any process, and at least every `timeout_s`.

    It listens on a dedicated connection, and connects again when that breaks. A signal is only a hint: the reader
    then reads the log.
    """

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._appended = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._backoff = LoggedBackoff(
            structlog.get_logger(component="log_signal"),
            paused_event="listening_interrupted",
            resumed_event="listening_goes_on",
            longest_pause_s=POLL_INTERVAL_S,
        )

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def wait(self, timeout_s: float = POLL_INTERVAL_S) -> None:
        """Return after an append since the last call, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._appended.wait()
        except TimeoutError:
            return
        self._appended.clear()

    @property
    def is_set(self) -> bool:
        """Whether the next `wait` returns at once."""
        return self._appended.is_set()

    async def _listen(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._database_url, timeout=5)
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                    await connection.add_listener(CHANNEL, lambda *_: self._appended.set())
                    self._appended.set()
                    self._backoff.reset()
                    await lost.wait()
                finally:
                    connection.terminate()
            except DATABASE_ERRORS as error:
                await self._backoff.pause(error)


async def subscribe(log: LogReader, signal: LogSignal, *, after: int) -> AsyncIterator[Envelope]:
    """Return every event above `after`, then future events without end."""
    while True:
        async for envelope in log.read_all(after):
            after = envelope.position
            yield envelope
        await signal.wait()
