"""Builds the table of a read model anew from the log, beside the one that is being served.

The new table grows under another name. Only to take the live one's place is its checkpoint locked, for
as long as it takes to read what came in the meantime and to rename. Whatever is left of a rebuild that
was interrupted is dropped by the next one.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from extrato.store.log import readable
from extrato.store.unavailable import is_line_broken
from services.projections import checkpoints
from services.projections.apply import apply
from services.projections.checkpoints import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventsourcing.persistence import Notification

    from contracts.envelope import Envelope
    from extrato.store.log import LogReader
    from services.projections.read_models.read_model import ReadModel

PAGE: Final = 5000

# The first of two numbers of an advisory lock; the second stands for the read model.
LOCK_CLASS: Final = 7_301_984
LOCK: Final = "SELECT pg_advisory_lock($1, hashtext($2))"

# Readers who come after the swap begins to wait for earlier ones wait too, so it does not wait long.
SWAP_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '1s'"
SWAP_ATTEMPTS: Final = 30
SWAP_PAUSE_S: Final = 0.5

TABLE_EXISTS: Final = "SELECT to_regclass($1) IS NOT NULL"

# The index of a primary key takes its name from the table as well.
INDEX_NAMES: Final = """
    SELECT i.relname
    FROM pg_index JOIN pg_class i ON i.oid = pg_index.indexrelid
    WHERE pg_index.indrelid = to_regclass($1)
"""

_logger = structlog.get_logger(component="rebuild")


async def rebuild(read_model: ReadModel, *, database_url: str, log: LogReader) -> None:
    """Build the table anew and put it in the place of the live one; waits for another rebuild to end."""
    await _rebuild(read_model, database_url=database_url, log=log, even_if_current=True)


async def rebuild_unless_current(read_model: ReadModel, *, database_url: str, log: LogReader) -> None:
    """Build the table when there is none, or it follows from another version, or knows more than the log."""
    await _rebuild(read_model, database_url=database_url, log=log, even_if_current=False)


async def _rebuild(read_model: ReadModel, *, database_url: str, log: LogReader, even_if_current: bool) -> None:
    # The lock and the writing share one connection: when it breaks, both end.
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute(LOCK, LOCK_CLASS, read_model.name)
        if even_if_current or not await _is_current(connection, read_model, log):
            await _Rebuild(connection, read_model, log).run()
    finally:
        connection.terminate()


async def _is_current(connection: asyncpg.Connection, read_model: ReadModel, log: LogReader) -> bool:
    found = await checkpoints.read(connection, [read_model.name])
    checkpoint = found.get(read_model.name)
    if checkpoint is None or checkpoint.version != read_model.version:
        return False
    exists: bool = await connection.fetchval(TABLE_EXISTS, read_model.name)
    # A log that was restored from an older copy will use the same positions for other events.
    return exists and checkpoint.position <= await log.head()


class _Rebuild:
    """One run, from the first event to the swap."""

    def __init__(self, connection: asyncpg.Connection, read_model: ReadModel, log: LogReader) -> None:
        self._connection = connection
        self._read_model = read_model
        self._log = log
        self._shadow = f"{read_model.name}_shadow"
        self._position = 0
        self._events = 0
        self._logger = _logger.bind(read_model=read_model.name, version=read_model.version)

    async def run(self) -> None:
        started_at_s = time.perf_counter()
        self._logger.info("rebuild_started")
        await self._connection.execute(f"DROP TABLE IF EXISTS {self._shadow}")
        await self._connection.execute(self._read_model.create.format(table=self._shadow))
        await self._follow()
        for index in self._read_model.indexes:
            await self._connection.execute(index.format(table=self._shadow))
        await self._connection.execute(f"ANALYZE {self._shadow}")
        await self._follow()
        await self._swap_patiently()
        seconds = time.perf_counter() - started_at_s
        self._logger.info(
            "rebuild_completed",
            position=self._position,
            events=self._events,
            seconds=round(seconds, 3),
            events_per_s=round(self._events / seconds),
        )

    async def _follow(self, up_to: int | None = None) -> None:
        """Apply the log up to `up_to` or its end; the next page is read and decoded while PostgreSQL writes one."""
        rows, envelopes = await self._read_page(up_to)
        while rows:
            self._position = rows[-1].id
            is_last = len(rows) < PAGE
            async with asyncio.TaskGroup() as tasks:
                reading = None if is_last else tasks.create_task(self._read_page(up_to))
                await self._apply(envelopes)
            self._events += len(rows)
            rows, envelopes = reading.result() if reading else ([], [])

    async def _read_page(self, up_to: int | None) -> tuple[list[Notification], list[Envelope]]:
        rows = await self._log.read_rows(self._position, up_to=up_to, limit=PAGE)
        return rows, list(readable(rows, self._logger))

    async def _apply(self, envelopes: Sequence[Envelope]) -> None:
        """Apply a page; an event that its table refuses is passed over, as it is when it comes live."""
        try:
            async with self._connection.transaction():
                await apply(self._connection, self._read_model, envelopes, table=self._shadow)
        except Exception as error:
            if is_line_broken(error):
                raise
            if len(envelopes) > 1:
                for envelope in envelopes:
                    await self._apply([envelope])
            else:
                self._logger.exception("event_refused", position=envelopes[0].position)

    async def _swap_patiently(self) -> None:
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            try:
                async with self._connection.transaction():
                    await self._swap()
            except asyncpg.LockNotAvailableError:
                self._logger.warning("rebuild_waits_for_readers", attempt=attempt)
                if attempt == SWAP_ATTEMPTS:
                    raise
                await asyncio.sleep(SWAP_PAUSE_S)
                await self._follow()
            else:
                return

    async def _swap(self) -> None:
        """Reach the live table's position while it is held, and take its name."""
        name, connection = self._read_model.name, self._connection
        await connection.execute(SWAP_LOCK_TIMEOUT)
        live = (await checkpoints.lock(connection, [name])).get(name)
        if live is not None and live.position > self._position:
            await self._follow(live.position)
        await connection.execute(f"DROP TABLE IF EXISTS {name}")
        await connection.execute(f"ALTER TABLE {self._shadow} RENAME TO {name}")
        for row in await connection.fetch(INDEX_NAMES, name):
            index: str = row["relname"]
            if index.startswith(self._shadow):
                renamed = name + index.removeprefix(self._shadow)
                await connection.execute(f"ALTER INDEX {index} RENAME TO {renamed}")
        await checkpoints.put(connection, name, Checkpoint(self._read_model.version, self._position))
