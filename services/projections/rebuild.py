"""Rebuilds the tables of a read model from the log, beside the live tables.

A rebuilt table has another name, with `_shadow`. Only the swap locks the live checkpoint, while it applies the newest
events and renames the tables. The next rebuild drops the remains of an interrupted one. When PostgreSQL
rejects a rebuild, the rebuild ends, and the live table is unchanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from extrato.store.advisory_locks import REBUILD_CLASS
from extrato.store.page import page_of
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from services.projections import checkpoints, passed_over
from services.projections.apply import apply_or_skip
from services.projections.checkpoints import Checkpoint
from services.projections.metrics import ReadModelMetrics, events_above
from services.projections.passed_over import PassedOver
from services.projections.staleness import Stale, why_stale

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from uuid import UUID

    from extrato.store.log import LogReader
    from extrato.store.page import Page
    from services.projections.read_models.read_model import ReadModel

PAGE: Final = 5000

LOCK: Final = "SELECT pg_advisory_lock($1, hashtext($2))"
LOCK_TIMEOUT: Final = "SET lock_timeout = '10s'"
HOLDER: Final = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid::integer = hashtext($2)
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

# A crash of PostgreSQL may lose pages of the new table, which the next rebuild drops anyway. The swap is written to the
# disk before it ends, and everything before it too.
WITHOUT_WAITING_FOR_THE_DISK: Final = "SET synchronous_commit = 'off'"
WAIT_FOR_THE_DISK: Final = "SET LOCAL synchronous_commit TO DEFAULT"

# A process that freezes during a rebuild keeps its session with the lock. PostgreSQL ends an idle session after this
# time.
IDLE_LIMIT: Final = "60s"

# While the swap waits for earlier readers, later readers wait for the swap. So it waits a short time only.
SWAP_LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '1s'"
SWAP_ATTEMPTS: Final = 30
SWAP_PAUSE_S: Final = 0.5

# The index of a primary key is also named after the table.
INDEX_NAMES: Final = """
    SELECT i.relname
    FROM pg_index JOIN pg_class i ON i.oid = pg_index.indexrelid
    WHERE pg_index.indrelid = to_regclass($1)
"""

_logger = structlog.get_logger(component="rebuild")


# These follow only from a restore, or from a change of the database by hand.
ALARMING: Final = (Stale.NO_TABLE, Stale.OTHER_LOG)


async def rebuild(read_model: ReadModel, *, database_url: str, log: LogReader) -> None:
    """Rebuild the table and replace the live one; waits until another rebuild ends."""
    async with _excluding_others(read_model, database_url) as connection:
        await _Rebuild(connection, read_model, log, database_url).run(why="asked for")


async def rebuild_if_stale(
    read_model: ReadModel, *, database_url: str, log: LogReader, reasons: Collection[Stale] = tuple(Stale)
) -> None:
    """Rebuild the table when it is stale for one of the reasons."""
    async with _excluding_others(read_model, database_url) as connection:
        why = await why_stale(connection, read_model, log)
        if why is not None and why in reasons:
            if why in ALARMING:
                _logger.error("read_model_is_stale", read_model=read_model.name, reason=why.value)
            await _Rebuild(connection, read_model, log, database_url).run(why=why.value)


@contextlib.asynccontextmanager
async def _excluding_others(read_model: ReadModel, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    # The lock and the writes share one connection, so a broken connection ends both.
    connection = await _connect(database_url)
    try:
        await _lock(connection, read_model.name)
        yield connection
    finally:
        connection.terminate()


async def _connect(database_url: str) -> asyncpg.Connection:
    limits = {"idle_session_timeout": IDLE_LIMIT, "idle_in_transaction_session_timeout": IDLE_LIMIT}
    return await asyncpg.connect(database_url, timeout=10, server_settings=limits)


async def _lock(connection: asyncpg.Connection, name: str) -> None:
    """Wait for the read model's lock, and log which session holds it."""
    await connection.execute(LOCK_TIMEOUT)
    while True:
        try:
            await connection.execute(LOCK, REBUILD_CLASS, name)
        except asyncpg.LockNotAvailableError:
            holder = await connection.fetchval(HOLDER, REBUILD_CLASS, name)
            _logger.warning("rebuild_waits_for_another", read_model=name, database_session=holder)
        else:
            break
    await connection.execute("RESET lock_timeout")


class _Rebuild:
    """One run, from the first event to the swap."""

    def __init__(
        self, connection: asyncpg.Connection, read_model: ReadModel, log: LogReader, database_url: str
    ) -> None:
        self._connection = connection
        self._database_url = database_url
        self._read_model = read_model
        self._log = log
        self._shadow = f"{read_model.name}_shadow"
        self._metrics = ReadModelMetrics(read_model.name)
        self._position = 0
        self._event_id: UUID | None = None
        self._events = 0
        self._passed_over = 0
        self._logger = _logger.bind(read_model=read_model.name, version=read_model.version)

    async def run(self, *, why: str) -> None:
        started_at_s = time.perf_counter()
        self._logger.info("rebuild_started", reason=why)
        await self._drop_shadow()
        await self._connection.execute(WITHOUT_WAITING_FOR_THE_DISK)
        self._metrics.set_rebuilding(is_rebuilding=True)
        try:
            await self._build()
        except Exception:
            # The disk may be full, and this table a part of the reason.
            with contextlib.suppress(*DATABASE_UNAVAILABLE, asyncpg.PostgresError):
                await self._drop_shadow()
            raise
        finally:
            self._metrics.set_rebuilding(is_rebuilding=False)
        seconds = time.perf_counter() - started_at_s
        self._logger.info(
            "rebuild_completed",
            position=self._position,
            events=self._events,
            passed_over=self._passed_over,
            seconds=round(seconds, 3),
            events_per_s=round(self._events / seconds),
        )

    async def _drop_shadow(self) -> None:
        for table in self._read_model.tables(self._shadow):
            await self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        await passed_over.forget(self._connection, self._shadow)

    async def _build(self) -> None:
        await self._connection.execute(self._read_model.create.format(table=self._shadow))
        await self._follow()
        await self._create_indexes()
        for table in self._read_model.tables(self._shadow):
            await self._connection.execute(f"ANALYZE {table}")
        await self._follow()
        await self._swap_with_retries()

    async def _create_indexes(self) -> None:
        """Create the indexes in two sessions: one index uses one processor for most of its time."""
        indexes = iter(self._read_model.indexes)

        async def create_next(connection: asyncpg.Connection) -> None:
            for index in indexes:
                await connection.execute(index.format(table=self._shadow))

        second = await _connect(self._database_url)
        try:
            await asyncio.gather(create_next(self._connection), create_next(second))
        finally:
            second.terminate()

    async def _follow(self, up_to: int | None = None) -> None:
        """Apply the log up to `up_to` or its end; it reads and decodes the next page while PostgreSQL writes one."""
        page = await self._read_page(up_to)
        while page is not None:
            self._position, self._event_id = page.position, page.event_id
            events = len(page.envelopes) + len(page.unreadable)
            reading = None if events < PAGE else asyncio.create_task(self._read_page(up_to))
            try:
                await self._apply(page)
                self._events += events
                page = await reading if reading else None
            finally:
                if reading is not None:
                    reading.cancel()
                    await asyncio.wait((reading,))

    async def _read_page(self, up_to: int | None) -> Page | None:
        rows = await self._log.read_rows(self._position, up_to=up_to, limit=PAGE)
        return page_of(rows, after=self._position) if rows else None

    async def _apply(self, page: Page) -> None:
        """Apply a page; a poisonous event is skipped, as in the live table."""
        async with self._connection.transaction():
            passed = await apply_or_skip(self._connection, self._read_model, page.envelopes, table=self._shadow)
            passed += [PassedOver.unread(self._read_model.name, each) for each in page.unreadable]
            await passed_over.put(self._connection, [each._replace(read_model=self._shadow) for each in passed])
        for each in passed:
            self._logger.error("event_skipped", position=each.position, topic=each.topic, reason=each.reason)
        self._passed_over += len(passed)
        self._metrics.count_events(events_above(page, page.after))
        self._metrics.complete_cycle()

    async def _swap_with_retries(self) -> None:
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            before = self._position, self._event_id, self._events, self._passed_over
            try:
                async with self._connection.transaction():
                    await self._swap()
            except asyncpg.LockNotAvailableError:
                # The transaction was rolled back with the events that it applied.
                self._position, self._event_id, self._events, self._passed_over = before
                self._logger.warning("rebuild_waits_for_readers", attempt=attempt)
                if attempt == SWAP_ATTEMPTS:
                    raise
                await asyncio.sleep(SWAP_PAUSE_S)
                await self._follow()
            else:
                return

    async def _swap(self) -> None:
        """Lock the live checkpoint, apply events up to its position, and rename the tables."""
        name, connection = self._read_model.name, self._connection
        live = (await checkpoints.lock(connection, [name])).get(name)
        await connection.execute(SWAP_LOCK_TIMEOUT)
        await connection.execute(WAIT_FOR_THE_DISK)
        if live is not None and live.position > self._position:
            await self._follow(live.position)
        for table, shadow in zip(self._read_model.tables(name), self._read_model.tables(self._shadow), strict=True):
            await connection.execute(f"DROP TABLE IF EXISTS {table}")
            await connection.execute(f"ALTER TABLE {shadow} RENAME TO {table}")
            for row in await connection.fetch(INDEX_NAMES, table):
                index: str = row["relname"]
                if index.startswith(shadow):
                    renamed = table + index.removeprefix(shadow)
                    await connection.execute(f"ALTER INDEX {index} RENAME TO {renamed}")
        await passed_over.forget(connection, name)
        await passed_over.rename(connection, self._shadow, name)
        await checkpoints.put(connection, name, Checkpoint(self._read_model.version, self._position, self._event_id))
