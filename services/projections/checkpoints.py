"""The position of each read model, and the version of the code that built its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    import asyncpg

READ: Final = "SELECT read_model, version, position, event_id FROM checkpoints WHERE read_model = ANY ($1::text[])"

# Every process locks in the same order, so that no deadlock arises. The lock timeout holds for the whole transaction:
# it may hold the checkpoints of several read models, and one table must not stop the others.
LOCK: Final = """
    WITH bounded AS MATERIALIZED (SELECT set_config('lock_timeout', '2s', true))
    SELECT read_model, version, position, event_id
    FROM checkpoints, bounded
    WHERE read_model = ANY ($1::text[])
    ORDER BY read_model
    FOR UPDATE OF checkpoints
"""

MOVE: Final = """
    UPDATE checkpoints SET position = $2, event_id = $3
    WHERE read_model = ANY ($1::text[]) AND position < $2
"""

PUT: Final = """
    INSERT INTO checkpoints (read_model, version, position, event_id) VALUES ($1, $2, $3, $4)
    ON CONFLICT (read_model) DO UPDATE SET
        version = excluded.version,
        position = excluded.position,
        event_id = excluded.event_id
"""


class Checkpoint(NamedTuple):
    """A read model's position; `event_id` is the event there, None when unknown."""

    version: int
    position: int
    event_id: UUID | None


async def read(connection: asyncpg.Connection | asyncpg.Pool, names: Iterable[str]) -> dict[str, Checkpoint]:
    """Return the existing checkpoints by read model."""
    return _by_name(await connection.fetch(READ, list(names)))


async def lock(connection: asyncpg.Connection, names: Iterable[str]) -> dict[str, Checkpoint]:
    """Return the existing checkpoints, locked until the transaction ends."""
    return _by_name(await connection.fetch(LOCK, list(names)))


async def move(connection: asyncpg.Connection, names: Iterable[str], position: int, event_id: UUID | None) -> None:
    """Move checkpoints forward to `position`; later checkpoints do not move."""
    await connection.execute(MOVE, list(names), position, event_id)


async def put(connection: asyncpg.Connection, name: str, checkpoint: Checkpoint) -> None:
    """Insert or replace a checkpoint."""
    await connection.execute(PUT, name, *checkpoint)


def _by_name(rows: Iterable[asyncpg.Record]) -> dict[str, Checkpoint]:
    return {row["read_model"]: Checkpoint(row["version"], row["position"], row["event_id"]) for row in rows}
