"""The eventsourcing library's recorder over asyncpg: the same table, names and errors, without threads.

It has the methods of `eventsourcing.persistence.ApplicationRecorder` as coroutines, and `insert_batch` and
`select_positions`. One conformance suite tests this recorder and the library's.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import asyncpg
from eventsourcing.persistence import IntegrityError, StoredEvent

from extrato.store.codec import LogRow
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from extrato.store.payment_keys import NewKey

CHANNEL: Final = "stored_events"
READ_TIMEOUT_S: Final = 5.0

# One round trip: the function locks out other writers, skips members with a conflict, and inserts the others.
# Numbers go as text: the driver checks each element of a list, and does not check each letter of a text.
_ARGUMENTS: Final = (
    *("$1::text::integer[]", "$2", "$3::text::bigint[]", "$4", "$5"),
    *("$6::text::integer[]", "$7", "$8", "$9", "$10::text::bigint[]"),
    *("$11::text::integer[]", "$12::text::bigint[]", "$13", "$14"),
    *("$15::text::integer[]", "$16::text::bigint[]", "$17"),
)
APPEND: Final = f"SELECT append_events({', '.join(_ARGUMENTS)})"

SELECT_STREAM: Final = """
    SELECT notification_id, originator_id, originator_version, topic, state
    FROM stored_events
    WHERE originator_id = $1
      AND ($2::bigint IS NULL OR originator_version > $2)
      AND ($3::bigint IS NULL OR originator_version <= $3)
    ORDER BY originator_version {direction}
    LIMIT $4
"""

SELECT_LOG: Final = """
    SELECT notification_id, originator_id, originator_version, topic, state
    FROM stored_events
    WHERE notification_id > $1 AND ($2::bigint IS NULL OR notification_id <= $2)
    ORDER BY notification_id
    LIMIT $3
"""

SELECT_LOG_OF_TOPICS: Final = """
    SELECT notification_id, originator_id, originator_version, topic, state
    FROM stored_events
    WHERE notification_id > $1 AND ($2::bigint IS NULL OR notification_id <= $2) AND topic = ANY ($4)
    ORDER BY notification_id
    LIMIT $3
"""

SELECT_POSITIONS: Final = """
    SELECT notification_id, originator_id, originator_version, topic, state
    FROM stored_events
    WHERE notification_id = ANY ($1::bigint[])
    ORDER BY notification_id
"""

ADVANCE_SEQUENCES: Final = "SELECT newest_position, newest_payment FROM right_sequences($1, $2, $3)"
SEEN_POSITION: Final = "SELECT coalesce(max(position), 0) AS position FROM checkpoints"
# The read model has the payment ids up to its position; those of later events are read from the log.
READ_MODEL_EXISTS: Final = "SELECT to_regclass('payment_details') IS NOT NULL AS exists"
SEEN_PAYMENT: Final = """
    SELECT coalesce(max(payment_id), 0) AS payment,
        coalesce((SELECT position FROM checkpoints WHERE read_model = 'payment_details'), 0) AS position
    FROM payment_details
"""
# A sequence that is behind its table returns a used position, which violates this index.
POSITIONS_INDEX: Final = "stored_events_notification_id_idx"

MAX_POSITION: Final = "SELECT max(notification_id) FROM stored_events"


class Tags(Protocol):
    """The tags of a payer."""

    def compute(self) -> list[bytes]:
        """Return the tags, each once."""


class Member:
    """One caller's part of a batch: events that are appended all or not at all, and what is stored beside them.

    The events are columns, as `append_events` takes them. `evidence` has digest, kind, body and payment of each piece.
    `key` is the new key of the payment, `tags` those of its payer. `traceparent` names the caller's recorded span.
    """

    __slots__ = ("evidence", "key", "payment_id", "states", "streams", "tags", "topics", "traceparent", "versions")

    def __init__(
        self,
        evidence: Sequence[tuple[bytes, str, bytes, int]] = (),
        key: NewKey | None = None,
        tags: Tags | None = None,
        payment_id: int = 0,
        traceparent: str = "",
    ) -> None:
        self.streams: list[UUID] = []
        self.versions: list[int] = []
        self.topics: list[str] = []
        self.states: list[bytes] = []
        self.evidence = evidence
        self.key = key
        self.tags = tags
        self.payment_id = payment_id
        self.traceparent = traceparent

    def add(self, stream_id: UUID, version: int, topic: str, state: bytes) -> None:
        """Add an event."""
        self.streams.append(stream_id)
        self.versions.append(version)
        self.topics.append(topic)
        self.states.append(state)


class AsyncpgRecorder:
    """Reads and writes the table `stored_events` through a pool."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection) -> None:
        self._pool = pool

    async def insert_batch(self, members: Sequence[Member]) -> list[list[int] | None]:
        """Append the members in order, in one transaction.

        Returns the positions of each member's events. It is None for a member with a conflict: a version that does not
        follow its stream's last one without a gap. Such a member's events are not appended.
        """
        owners: list[int] = []
        streams: list[UUID] = []
        versions: list[int] = []
        topics: list[str] = []
        states: list[bytes] = []
        evidence: list[tuple[int, bytes, str, bytes, int]] = []
        keys: list[tuple[int, int, bytes, bytes | None]] = []
        tags: list[tuple[int, int, bytes]] = []
        for number, member in enumerate(members):
            owners += [number] * len(member.states)
            streams += member.streams
            versions += member.versions
            topics += member.topics
            states += member.states
            if member.evidence:
                evidence += [(number, *piece) for piece in member.evidence]
            further = member.tags.compute() if member.tags else []
            if member.key:
                keys.append((number, member.payment_id, member.key.seal(), further.pop(0) if further else None))
            tags += [(number, member.payment_id, tag) for tag in further]
        evidence_owners, digests, kinds, bodies, evidence_payments = _columns(evidence, 5)
        key_owners, key_payments, sealed, key_tags = _columns(keys, 4)
        tag_owners, tag_payments, new_tags = _columns(tags, 3)
        positions: list[int] = await self._pool.fetchval(
            APPEND,
            *(_numbers(owners), streams, _numbers(versions), topics, states),
            *(_numbers(evidence_owners), digests, kinds, bodies, _numbers(evidence_payments)),
            *(_numbers(key_owners), _numbers(key_payments), sealed, key_tags),
            *(_numbers(tag_owners), _numbers(tag_payments), new_tags),
        )
        found = iter(positions)
        appended = [list(itertools.islice(found, len(member.states))) for member in members]
        return [one if all(one) else None for one in appended]

    async def advance_sequences(self, *, position: int = 0, payment: int = 0) -> tuple[int, int]:
        """Advance the sequences past all used positions and payment ids, and past those that other programs have seen.

        Returns the newest position and payment id; the next ones are higher.
        """
        position = max(position, (await self._fetch(SEEN_POSITION))[0]["position"])
        after = 0
        if (await self._fetch(READ_MODEL_EXISTS))[0]["exists"]:
            seen = (await self._fetch(SEEN_PAYMENT))[0]
            payment, after = max(payment, seen["payment"]), seen["position"]
        row = (await self._fetch(ADVANCE_SEQUENCES, position, payment, after))[0]
        return row["newest_position"] or 0, row["newest_payment"] or 0

    async def insert_events(self, stored_events: Sequence[StoredEvent]) -> list[int]:
        """Append all or nothing; return the positions. Raises `IntegrityError` on a version conflict."""
        if not stored_events:
            return []
        member = Member()
        for event in stored_events:
            member.add(cast("UUID", event.originator_id), event.originator_version, event.topic, event.state)
        try:
            positions = (await self.insert_batch([member]))[0]
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(str(error)) from error
        if positions is None:
            first = stored_events[0]
            msg = f"stream {first.originator_id} is not at version {first.originator_version - 1}"
            raise IntegrityError(msg)
        return positions

    async def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[LogRow]:
        """Return the events of one stream, oldest first unless `desc`."""
        query = SELECT_STREAM.format(direction="DESC" if desc else "ASC")
        return [_row(row) for row in await self._fetch(query, originator_id, gt, lte, limit)]

    async def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[LogRow]:
        """Return events of the whole log from `start` up to and with `stop`, at most `limit`."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        if topics:
            rows = await self._fetch(SELECT_LOG_OF_TOPICS, after, stop, limit, list(topics))
        else:
            rows = await self._fetch(SELECT_LOG, after, stop, limit)
        return [_row(row) for row in rows]

    async def select_positions(self, positions: Sequence[int]) -> list[LogRow]:
        """Return the events at these positions, in the order of the log; a position without an event is left out."""
        return [_row(row) for row in await self._fetch(SELECT_POSITIONS, positions)]

    async def max_notification_id(self) -> int | None:
        """Return the newest position; None for an empty log."""
        position: int | None = (await self._fetch(MAX_POSITION))[0][0]
        return position

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Read with a time-out; raises `StoreUnavailable`."""
        with raising_unavailable():
            rows: list[asyncpg.Record] = await self._pool.fetch(query, *arguments, timeout=READ_TIMEOUT_S)
        return rows


def _columns(rows: Sequence[tuple[Any, ...]], number: int) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else ((),) * number


def _numbers(numbers: Sequence[int]) -> str:
    """Return an array as PostgreSQL reads it."""
    return f"{{{','.join(map(str, numbers))}}}"


def _row(row: asyncpg.Record) -> LogRow:
    return LogRow(
        id=row[0],
        originator_id=row[1],
        originator_version=row[2],
        topic=row[3],
        state=row[4],
    )
