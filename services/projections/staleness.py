"""Whether a read model's table is what this code builds from this log, and the reason when it is not."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from extrato.store.page import event_id_of, page_of
from services.projections import checkpoints, passed_over

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.log import LogReader
    from services.projections.checkpoints import Checkpoint
    from services.projections.read_models.read_model import ReadModel

TABLES_EXIST: Final = "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest($1::text[]) AS wanted (name)"

PAGE: Final = 500


class Stale(StrEnum):
    """A reason to rebuild a table from the log."""

    NOT_BUILT = "it was never built"
    OTHER_VERSION = "its rows follow from another version of the code"
    NO_TABLE = "a table of it is missing"
    OTHER_LOG = "its checkpoint names an event that the log does not have there"
    READABLE = "it skipped an event that is readable"


# A running process does not rebuild a read model without a checkpoint or of another version: other code owns it.
REBUILT_WHILE_RUNNING: Final = frozenset({Stale.NO_TABLE, Stale.OTHER_LOG, Stale.READABLE})


async def why_stale(
    connection: asyncpg.Connection | asyncpg.Pool, read_model: ReadModel, log: LogReader, *, checked_up_to: int = 0
) -> Stale | None:
    """Return the first reason to rebuild a table, None when it is current.

    Of the skipped events, only those after `checked_up_to` are checked.
    """
    checkpoint = (await checkpoints.read(connection, [read_model.name])).get(read_model.name)
    if checkpoint is None:
        return Stale.NOT_BUILT
    if checkpoint.version != read_model.version:
        return Stale.OTHER_VERSION
    if not await connection.fetchval(TABLES_EXIST, read_model.tables(read_model.name)):
        return Stale.NO_TABLE
    if not await _is_of(checkpoint, log):
        return Stale.OTHER_LOG
    if await _can_read_more(connection, read_model, log, after=checked_up_to):
        return Stale.READABLE
    return None


async def _is_of(checkpoint: Checkpoint, log: LogReader) -> bool:
    """Return whether the log has the checkpoint's event at its position, as far as both event ids are known.

    A log that was restored from an older copy assigns the same positions to other events.
    """
    if checkpoint.event_id is None:
        return checkpoint.position <= await log.head()
    rows = await log.read_rows(checkpoint.position - 1, up_to=checkpoint.position, limit=1)
    return bool(rows) and event_id_of(rows[0]) in (None, checkpoint.event_id)


async def _can_read_more(
    connection: asyncpg.Connection | asyncpg.Pool, read_model: ReadModel, log: LogReader, *, after: int
) -> bool:
    """Return whether this code can read an event that other code could not."""
    while True:
        positions = await passed_over.unreadable(connection, read_model.name, after=after, limit=PAGE)
        rows = await log.recorder.select_positions(positions) if positions else []
        if rows and page_of(rows, after=after).envelopes:
            return True
        if len(positions) < PAGE:
            return False
        after = positions[-1]
