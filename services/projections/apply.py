"""Applies events to the rows of one read model: in the shared feed, in a separate feed and in a rebuild."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extrato.store.unavailable import is_poison
from services.projections.arrays import arguments_of, unnested
from services.projections.passed_over import PassedOver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from contracts.envelope import Envelope
    from services.projections.read_models.read_model import Key, ReadModel, Row


async def apply(
    connection: asyncpg.Connection, read_model: ReadModel, envelopes: Sequence[Envelope], *, table: str
) -> None:
    """Load the events' documents, evolve them in memory, and write the changed ones and the added rows.

    Takes at most four round trips for any number of events.
    """
    events = [(key, each) for each in envelopes if (key := read_model.key_of(each)) is not None]
    before = await _load(connection, read_model, events, table)
    documents: dict[Key, Any] = dict(before)
    changed_by: dict[Key, Envelope] = {}
    added: list[Row] = []
    for key, envelope in events:
        document = documents.get(key)
        after = read_model.evolve(document, envelope)
        if after is not document:
            documents[key] = after
            changed_by[key] = envelope
            if read_model.added is not None and after is not None:
                added += read_model.added(after, envelope)
    rows = [
        read_model.row(documents[key], envelope) for key, envelope in changed_by.items() if documents[key] is not None
    ]
    gone = [key for key in changed_by if documents[key] is None and key in before]
    await _write(connection, read_model, rows, gone, table)
    if added:
        await _execute(connection, read_model.addition, read_model.added_columns, added, table)


async def apply_or_skip(
    connection: asyncpg.Connection, read_model: ReadModel, envelopes: Sequence[Envelope], *, table: str
) -> list[PassedOver]:
    """Apply events, skip those that are poison (`is_poison`), and return the skipped ones; needs a transaction.

    Raises every other error. To find one poisonous event, it halves the page repeatedly, with two tries for each half.
    """
    if not envelopes:
        return []
    try:
        async with connection.transaction():
            await apply(connection, read_model, envelopes, table=table)
    except Exception as error:
        if not is_poison(error):
            raise
        if len(envelopes) == 1:
            return [PassedOver.refused(read_model.name, envelopes[0], error)]
        half = len(envelopes) // 2
        passed = await apply_or_skip(connection, read_model, envelopes[:half], table=table)
        return passed + await apply_or_skip(connection, read_model, envelopes[half:], table=table)
    return []


async def _load(
    connection: asyncpg.Connection,
    read_model: ReadModel,
    events: Sequence[tuple[Key, Envelope]],
    table: str,
) -> dict[Key, Any]:
    """Return the documents by key; the first event of a stream has no document before it."""
    if read_model.load is None or read_model.read is None:
        return {}
    new = {key for key, envelope in events if envelope.version == 1}
    touched = {key for key, _ in events} - new
    if not touched:
        return {}
    rows = await connection.fetch(read_model.load.format(table=table), list(touched))
    return dict(map(read_model.read, rows))


async def _write(
    connection: asyncpg.Connection,
    read_model: ReadModel,
    rows: Sequence[Row],
    gone: Sequence[Key],
    table: str,
) -> None:
    if rows:
        await _execute(connection, read_model.upsert, read_model.columns, rows, table)
    if gone and read_model.delete is not None:
        await connection.execute(read_model.delete.format(table=table), gone)


async def _execute(
    connection: asyncpg.Connection, statement: str, columns: Mapping[str, str], rows: Sequence[Row], table: str
) -> None:
    await connection.execute(statement.format(table=table, rows=unnested(columns)), *arguments_of(columns, rows))
