"""The events that read models skipped, and why: the table `passed_over`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Self

from contracts.events import topic_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from contracts.envelope import Envelope
    from extrato.store.page import Unreadable

LONGEST_REASON: Final = 500

PUT: Final = """
    INSERT INTO passed_over (read_model, position, topic, unreadable, reason)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::boolean[], $5::text[])
    ON CONFLICT (read_model, position) DO UPDATE SET
        topic = excluded.topic,
        unreadable = excluded.unreadable,
        reason = excluded.reason,
        passed_at = excluded.passed_at
"""

FORGET: Final = "DELETE FROM passed_over WHERE read_model = $1"

RENAME: Final = "UPDATE passed_over SET read_model = $2 WHERE read_model = $1"

UNREADABLE: Final = """
    SELECT position FROM passed_over
    WHERE read_model = $1 AND position > $2 AND unreadable
    ORDER BY position LIMIT $3
"""

# Without events of a table that is being built, or of a read model that only older code has.
LIST: Final = """
    SELECT read_model, passed_over.position, topic, unreadable, reason, passed_at
    FROM passed_over JOIN checkpoints USING (read_model)
    WHERE (read_model, passed_over.position) > ($1, $2)
    ORDER BY read_model, passed_over.position LIMIT $3
"""


class PassedOver(NamedTuple):
    """An event that one read model skipped; `unreadable` when it could not even be decoded."""

    read_model: str
    position: int
    topic: str
    unreadable: bool
    reason: str

    @classmethod
    def unread(cls, read_model: str, event: Unreadable) -> Self:
        """Return an event that could not be decoded."""
        return cls(read_model, event.position, event.topic or "", True, _printable(event.reason))

    @classmethod
    def refused(cls, read_model: str, envelope: Envelope, error: Exception) -> Self:
        """Return an event that could not be applied."""
        return cls(read_model, envelope.position, topic_of(type(envelope.event)), False, _printable(repr(error)))


class Listed(NamedTuple):
    """A row of the table."""

    read_model: str
    position: int
    topic: str
    unreadable: bool
    reason: str
    passed_at: datetime


async def put(connection: asyncpg.Connection, passed: Sequence[PassedOver]) -> None:
    """Record skipped events; one that is recorded already gets the newest reason."""
    if passed:
        await connection.execute(PUT, *map(list, zip(*passed, strict=True)))


async def forget(connection: asyncpg.Connection, read_model: str) -> None:
    """Delete all rows of a read model."""
    await connection.execute(FORGET, read_model)


async def rename(connection: asyncpg.Connection, name: str, new_name: str) -> None:
    """Move all rows of `name` to `new_name`, which has none."""
    await connection.execute(RENAME, name, new_name)


async def unreadable(
    connection: asyncpg.Connection | asyncpg.Pool, read_model: str, *, after: int, limit: int
) -> list[int]:
    """Return the positions above `after` of undecodable events, in order."""
    return [row["position"] for row in await connection.fetch(UNREADABLE, read_model, after, limit)]


async def listed(connection: asyncpg.Connection | asyncpg.Pool, *, after: tuple[str, int], limit: int) -> list[Listed]:
    """Return the rows after a read model and position, in order."""
    return [Listed(*row) for row in await connection.fetch(LIST, *after, limit)]


def _printable(reason: str) -> str:
    """Return the reason as text that PostgreSQL and a terminal accept, with other characters escaped."""
    text = reason.encode("utf-8", "backslashreplace").decode()[:LONGEST_REASON]
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
