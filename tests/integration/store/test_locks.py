"""The locks of appends beside other appenders, the library's recorder and the table's maintenance."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from extrato.errors import Conflict
from extrato.store.recorder import AsyncpgRecorder, Member
from tests.integration.store.examples import append_to, new_event, stored
from tests.integration.store.library import library_recorder
from tests.pace import until, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extrato.store.event_log import EventLog

INDEX = "CREATE INDEX CONCURRENTLY an_index ON stored_events (topic)"
WAITS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND starts_with(query, $1) AND wait_event = $2
"""
LAST_NUMBER = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM stored_events_notification_id_seq"


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[list[asyncpg.Connection]]:
    """Three connections beside the pool; closing them ends their open transactions."""
    opened = [await asyncpg.connect(database_url) for _ in range(3)]
    yield opened
    for connection in opened:
        connection.terminate()


async def append_on(connection: asyncpg.Connection) -> int:
    """Append one event as the hub does, in the transaction of this connection."""
    event, member = stored(new_event(), stream_id=uuid4(), version=1), Member()
    member.add(event.originator_id, event.originator_version, event.topic, event.state)
    (positions,) = await AsyncpgRecorder(connection).insert_batch([member])
    assert positions
    return positions[0]


def append_by_library(database_url: str) -> int:
    with library_recorder(database_url) as recorder:
        (position,) = recorder.insert_events([stored(new_event(), stream_id=uuid4(), version=1)]) or ()
    return position


async def until_waits(pool: asyncpg.Pool, query: str, event: str) -> None:
    async def waits() -> bool:
        return bool(await pool.fetchval(WAITS, query, event))

    await until(waits, what=f"{query} waits for {event}")


async def test_append_waits_for_the_append_before(
    log: EventLog, pool: asyncpg.Pool, connections: list[asyncpg.Connection]
):
    first, *_ = connections
    held = first.transaction()
    await held.start()
    position = await append_on(first)
    other = asyncio.create_task(log.append(append_to()))
    await until_waits(pool, "SELECT append_events", "advisory")

    assert await pool.fetchval(LAST_NUMBER) == position
    assert await log.head() == 0
    await held.commit()
    assert await other == [position + 1]


async def test_append_follows_a_write_of_the_librarys_recorder(
    log: EventLog, pool: asyncpg.Pool, connections: list[asyncpg.Connection]
):
    library, *_ = connections
    taken = uuid4()
    held = library.transaction()
    await held.start()
    await library.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
    loser, neighbour = (asyncio.create_task(log.append(append_to(stream))) for stream in (taken, uuid4()))
    await until_waits(pool, "SELECT append_events", "relation")

    assert await pool.fetchval(LAST_NUMBER) == 0
    await library.execute("INSERT INTO stored_events VALUES ($1, 1, 'topic', '')", taken)
    await held.commit()
    with pytest.raises(Conflict):
        await loser
    assert await neighbour == [2]


async def test_librarys_recorder_waits_for_an_append(
    log: EventLog, pool: asyncpg.Pool, database_url: str, connections: list[asyncpg.Connection]
):
    first, *_ = connections
    held = first.transaction()
    await held.start()
    position = await append_on(first)
    library = asyncio.create_task(asyncio.to_thread(append_by_library, database_url))
    await until_waits(pool, "LOCK TABLE", "relation")
    # Later appends queue behind the library, so that its write gets a turn.
    later = asyncio.create_task(log.append(append_to()))
    await until_waits(pool, "SELECT append_events", "advisory")

    assert await pool.fetchval(LAST_NUMBER) == position
    await held.commit()
    assert await library == position + 1
    assert await later == [position + 2]


async def test_freezing_vacuum_does_not_block_appends(
    log: EventLog, pool: asyncpg.Pool, connections: list[asyncpg.Connection]
):
    reader, vacuum, _ = connections
    await log.append(append_to())
    # An open cursor pins the page that a freezing VACUUM must lock.
    await reader.execute("BEGIN; DECLARE a_page CURSOR FOR SELECT * FROM stored_events; FETCH a_page")
    vacuuming = asyncio.create_task(vacuum.execute("VACUUM (FREEZE) stored_events"))
    await until_waits(pool, "VACUUM", "BufferPin")

    async with within(5):
        await log.append(append_to())

    assert not vacuuming.done()
    await reader.execute("COMMIT")
    await vacuuming


async def test_concurrent_index_build_does_not_block_appends(
    log: EventLog, pool: asyncpg.Pool, connections: list[asyncpg.Connection]
):
    old, builder, other = connections
    await old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM checkpoints")
    building = asyncio.create_task(builder.execute(INDEX))
    try:
        await until_waits(pool, INDEX, "virtualxid")

        async with within(5):
            await log.append(append_to())

        assert not building.done()
    finally:
        await old.execute("COMMIT")
        with contextlib.suppress(asyncpg.PostgresError):
            await building
        await other.execute("DROP INDEX IF EXISTS an_index")
