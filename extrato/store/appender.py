"""Appends to the log: group commit, expected versions, and a known outcome after a broken connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg
import msgspec
import structlog
from msgspec import Struct

from contracts.subjects import PAYMENTS_STREAM
from extrato import tracing
from extrato.errors import Conflict, StoreUnavailable
from extrato.store.append_metrics import count_write
from extrato.store.batcher import Batcher
from extrato.store.codec import NewEvent, to_state, topic_of_new
from extrato.store.payment_keys import NewKey
from extrato.store.person_tags import NO_TAGS, PersonTags
from extrato.store.recorder import POSITIONS_INDEX, AsyncpgRecorder, Member
from extrato.store.sealing import Evidence
from extrato.store.unavailable import DATABASE_UNAVAILABLE, NOT_DONE_ERRORS, is_database_unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from extrato.spans import Attributes, Span

MAX_BATCH_EVENTS: Final = 512
MAX_BATCH_BYTES: Final = 1 << 20
MAX_WAITING: Final = 4096
LINGER_S: Final = 0.002
WRITE_ATTEMPTS: Final = 3
WRITE_TIMEOUT_S: Final = 10.0
APPEND: Final = f"append {PAYMENTS_STREAM}"


class Attached(Struct, frozen=True, kw_only=True):
    """Stored in the transaction of a payment's events: evidence, the payment's new key, and its payer's tags.

    The first tag is stored with a new key.
    """

    payment_id: int = 0
    evidence: Sequence[Evidence] = ()
    new_key: NewKey | None = None
    tags: PersonTags = NO_TAGS


NOTHING_ATTACHED: Final = Attached()


class StreamAppend(Struct, frozen=True, kw_only=True):
    """Events for one stream, whose last version must be `expected_version` (0 for a new stream)."""

    stream_id: UUID
    expected_version: int
    events: Sequence[NewEvent]


class Appender:
    """Appends to streams; concurrent appends share one write.

    `on_append` is called after each write with the log's newest position, and must not block.
    """

    def __init__(self, recorder: AsyncpgRecorder) -> None:
        self._recorder = recorder
        self._logger = structlog.get_logger(component="appender")
        self.on_append: Callable[[int], None] = lambda _: None
        self._batcher: Batcher[Member, list[int]] = Batcher(
            self._write_and_measure,
            max_items=MAX_BATCH_EVENTS,
            max_bytes=MAX_BATCH_BYTES,
            max_waiting=MAX_WAITING,
            size=lambda member: sum(map(len, member.states)) + sum(len(piece[2]) for piece in member.evidence),
            weight=lambda member: len(member.states),
            linger_s=LINGER_S,
            keys=lambda member: member.streams,
        )

    @property
    def waiting(self) -> int:
        """Count the appends that wait for a write."""
        return self._batcher.waiting

    async def append(self, *appends: StreamAppend, attached: Attached = NOTHING_ATTACHED) -> list[int]:
        """Append to one or several streams, all or nothing; return the positions of the events.

        Raises `Conflict` when a stream has another version, and `Overloaded` when too many appends wait. Raises
        `StoreUnavailable` when PostgreSQL does not answer or accepts no writes; `why` says whether the events may be
        in the log.
        """
        with tracing.span(APPEND, "producer") as span:
            member = _member(attached, span)
            for append in appends:
                for version, new in enumerate(append.events, start=append.expected_version + 1):
                    member.add(append.stream_id, version, topic_of_new(new), to_state(_with_origin(new, span)))
            if span.traceparent:
                span.set(_described(appends))
            return await self._batcher.submit(member) if member.states else []

    async def close(self) -> None:
        """Reject further appends, and write the accepted ones."""
        await self._batcher.close()

    async def _write_and_measure(self, members: Sequence[Member]) -> Sequence[list[int] | Exception]:
        started_at_s = time.perf_counter()
        owners = (member.traceparent for member in members)
        with tracing.shared_span("SELECT append_events", "client", owners) as span:
            if span.traceparent:
                span.set({"db.system.name": "postgresql", "db.operation.batch.size": len(members)})
            outcomes = await self._write(members)
        appended = (
            topic
            for member, outcome in zip(members, outcomes, strict=True)
            if isinstance(outcome, list)
            for topic in member.topics
        )
        count_write(appended, duration_s=time.perf_counter() - started_at_s)
        return outcomes

    async def _write(self, members: Sequence[Member]) -> Sequence[list[int] | Exception]:
        may_be_done = False
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    outcomes = await self._recorder.insert_batch(members)
                    if any(outcomes):
                        self.on_append(max(found[-1] for found in outcomes if found))
                    return [
                        found if found is not None else await self._outcome_of_conflict(member, is_retry=attempt > 1)
                        for member, found in zip(members, outcomes, strict=True)
                    ]
            except asyncpg.UniqueViolationError as error:
                if error.constraint_name != POSITIONS_INDEX or attempt == WRITE_ATTEMPTS:
                    raise
                self._logger.error("sequences_are_behind", error=str(error))  # noqa: TRY400 - the reason says it all
                await self._recorder.advance_sequences()
            except DATABASE_UNAVAILABLE as error:
                if not is_database_unavailable(error):
                    raise
                may_be_done |= not isinstance(error, NOT_DONE_ERRORS)
                if attempt == WRITE_ATTEMPTS:
                    failure = StoreUnavailable(why="unknown" if may_be_done else "not_done")
                    failure.__cause__ = error
                    return [failure] * len(members)
                await asyncio.sleep(0.1 * attempt)
        raise AssertionError

    async def _outcome_of_conflict(self, member: Member, *, is_retry: bool) -> list[int] | Exception:
        """Return the positions where an earlier try of this member was written; otherwise the `Conflict`."""
        if is_retry:
            positions = []
            for stream_id, version, state in zip(member.streams, member.versions, member.states, strict=True):
                found = await self._recorder.select_events(stream_id, gt=version - 1, lte=version)
                if not found or found[0].state != state:
                    break
                positions.append(found[0].id)
            else:
                return positions
        return Conflict(str(member.streams[0]), version=member.versions[0] - 1)


def _member(attached: Attached, span: Span) -> Member:
    if attached is NOTHING_ATTACHED:
        return Member(traceparent=span.traceparent)
    return Member(
        [(piece.digest, piece.kind, piece.body, piece.payment_id) for piece in attached.evidence],
        attached.new_key,
        attached.tags,
        attached.payment_id,
        span.traceparent,
    )


def _with_origin(new: NewEvent, span: Span) -> NewEvent:
    """Name the recorded span in the event, because the relay publishes the event later, in another process."""
    return msgspec.structs.replace(new, traceparent=span.traceparent) if span.traceparent else new


def _described(appends: Sequence[StreamAppend]) -> Attributes:
    """Describe an append as the creation of messages: of the stream's events, which the relay publishes."""
    events = [new for append in appends for new in append.events]
    payments = {new.payment_id for new in events}
    described = tracing.messaging("append", type_="create", messages=len(events))
    if events:
        described["messaging.message.conversation_id"] = events[0].cause.correlation_id
    if len(payments) == 1 and (number := payments.pop()) is not None:
        described["extrato.payment_id"] = str(number)
    return described
