"""How far each read model has come, and which version of the code its rows follow from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

READ: Final = "SELECT read_model, version, position FROM checkpoints WHERE read_model = ANY ($1::text[])"

# Everyone locks in the same order, so that nobody waits in a circle.
LOCK: Final = f"{READ} ORDER BY read_model FOR UPDATE"

MOVE: Final = """
    UPDATE checkpoints SET position = $2
    WHERE read_model = ANY ($1::text[]) AND position < $2
"""

PUT: Final = """
    INSERT INTO checkpoints (read_model, version, position) VALUES ($1, $2, $3)
    ON CONFLICT (read_model) DO UPDATE SET version = excluded.version, position = excluded.position
"""


class Checkpoint(NamedTuple):
    """Where a read model stands."""

    version: int
    position: int


async def read(connection: asyncpg.Connection, names: Iterable[str]) -> dict[str, Checkpoint]:
    """Give the checkpoints that exist, by read model."""
    return _by_name(await connection.fetch(READ, list(names)))


async def lock(connection: asyncpg.Connection, names: Iterable[str]) -> dict[str, Checkpoint]:
    """Give the checkpoints that exist, and hold them until the transaction ends."""
    return _by_name(await connection.fetch(LOCK, list(names)))


async def move(connection: asyncpg.Connection, names: Iterable[str], position: int) -> None:
    """Move checkpoints forward to `position`; those that are beyond it stay."""
    await connection.execute(MOVE, list(names), position)


async def put(connection: asyncpg.Connection, name: str, checkpoint: Checkpoint) -> None:
    """Set a checkpoint, whatever it was."""
    await connection.execute(PUT, name, checkpoint.version, checkpoint.position)


def _by_name(rows: Iterable[asyncpg.Record]) -> dict[str, Checkpoint]:
    return {row["read_model"]: Checkpoint(row["version"], row["position"]) for row in rows}
