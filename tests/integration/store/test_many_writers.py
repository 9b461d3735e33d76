from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from extrato.store.log import LogReader, LogSignal, subscribe
from extrato.store.migrations import FOLDER
from tests.integration.store.writer import EVENTS_OF_STREAM
from tests.pace import until, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extrato.store.event_log import EventLog

ROOT = Path(__file__).parents[3]
STREAMS_OF_OURS, STREAMS_OF_THEIRS = 120, 25
TOTAL = (3 * STREAMS_OF_OURS + STREAMS_OF_THEIRS) * EVENTS_OF_STREAM
# Delays transactions between their positions and their commit, where another one could overtake them.
COMMIT_LATE = """
    CREATE FUNCTION commit_late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER commits_late AFTER INSERT ON stored_events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.notification_id % 40 = 0) EXECUTE FUNCTION commit_late()
"""
WAITING_WRITERS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@asynccontextmanager
async def python(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program of the tests; it must end with exit code 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def late_commits(pool: asyncpg.Pool) -> AsyncIterator[None]:
    await pool.execute(COMMIT_LATE)
    yield
    await pool.execute("DROP FUNCTION commit_late CASCADE")


@pytest.mark.usefixtures("late_commits")
async def test_reader_beside_four_writers_misses_no_event(pool: asyncpg.Pool, log: EventLog, database_url: str):
    seen: list[int] = []
    versions: dict[object, list[int]] = defaultdict(list)

    async def tail() -> None:
        async with LogSignal(database_url) as signal:
            async for envelope in subscribe(log, signal, after=0):
                seen.append(envelope.position)
                versions[envelope.stream_id].append(envelope.version)
                if len(seen) == TOTAL:
                    return

    async def all_wait() -> bool:
        return await pool.fetchval(WAITING_WRITERS) == 4

    ours = ("-m", "tests.integration.store.writer", "ours", database_url, str(STREAMS_OF_OURS))
    theirs = ("-m", "tests.integration.store.writer", "theirs", database_url, str(STREAMS_OF_THEIRS))
    reader = asyncio.create_task(tail())
    one, two, three, four = python(*ours), python(*ours), python(*ours), python(*theirs)
    async with one, two, three, four, pool.acquire() as gate, gate.transaction():
        # The writers begin at the same moment.
        await gate.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
        await until(all_wait, within_s=20, what="each writer waits")
    await asyncio.wait_for(reader, 10)

    rows = await pool.fetch("SELECT notification_id FROM stored_events ORDER BY notification_id")
    assert seen == [row[0] for row in rows]
    assert all(found == list(range(1, EVENTS_OF_STREAM + 1)) for found in versions.values())


async def test_concurrent_migrations_run_once(empty_database_url: str):
    program = (
        "import asyncio; from extrato.store.migrations import migrate; "
        f"print(len(asyncio.run(migrate({empty_database_url!r}))))"
    )
    run = ("-c", program)
    async with python(*run) as one, python(*run) as two, python(*run) as three:
        outputs = await asyncio.gather(*(process.communicate() for process in (one, two, three)))

    files = len(list(FOLDER.glob("*.sql")))
    assert sorted(int(output) for output, _ in outputs) == [0, 0, files]
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM schema_migrations") == files
    finally:
        await connection.close()


async def test_signal_wakes_at_once_for_another_process(database_url: str, log: LogReader):
    async with LogSignal(database_url) as signal:
        await signal.wait(5)  # It listens.
        assert not signal.is_set
        run = ("-m", "tests.integration.store.writer", "ours", database_url, "1")
        async with python(*run), within(10):
            await signal.wait(20)
    assert await log.head() > 0
