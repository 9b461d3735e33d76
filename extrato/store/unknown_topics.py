"""Finds events of a newer version in the log, which this program cannot decode: after a rollback, for example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.store.codec import KNOWN_TOPICS

if TYPE_CHECKING:
    import asyncpg

LOOKED_AT: Final = 100_000
"""No index has the topics, so only the newest events are read. Older ones need `SELECT DISTINCT topic`."""

UNKNOWN: Final = """
    SELECT DISTINCT topic FROM (SELECT topic FROM stored_events ORDER BY notification_id DESC LIMIT $1) AS newest
    WHERE topic <> ALL ($2::text[]) ORDER BY topic
"""


async def unknown_topics(database: asyncpg.Pool | asyncpg.Connection, *, timeout_s: float) -> list[str]:
    """Return the topics among the newest events that this program does not know; raises the database's errors."""
    rows = await database.fetch(UNKNOWN, LOOKED_AT, list(KNOWN_TOPICS), timeout=timeout_s)
    return [row[0] for row in rows]
