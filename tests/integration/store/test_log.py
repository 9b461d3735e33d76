from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from contracts.events import topic_of
from extrato.store.codec import UnreadableEvent, to_envelope
from extrato.store.log import READ_PAGE, LogSignal, subscribe
from extrato.store.recorder import AsyncpgRecorder
from tests.integration.store.examples import append_to, new_event, stored
from tests.pace import until, within

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.event_log import EventLog

END_LISTENERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'
"""


async def test_whole_log_is_read_page_by_page(log: EventLog):
    written = await asyncio.gather(*(log.append(append_to(events=7)) for _ in range(200)))
    assert sum(map(len, written)) > 2 * READ_PAGE

    positions = [envelope.position async for envelope in log.read_all(0)]

    assert positions == list(range(1, 1401))
    assert [e.position async for e in log.read_all(3, up_to=6)] == [4, 5, 6]
    assert [e.position async for e in log.read_all(1400)] == []
    assert [row.id for row in await log.read_rows(698, limit=3)] == [699, 700, 701]


async def test_read_by_topic_skips_other_events(log: EventLog):
    appended = append_to(events=2)
    await log.append(appended)
    topic = topic_of(type(appended.events[0].event))

    assert [e.position async for e in log.read_all(0, topics=[topic])] == [1, 2]
    assert [e.position async for e in log.read_all(0, topics=["PaymentOpened.v5"])] == []


async def test_stream_is_read_after_a_version(log: EventLog):
    appended = append_to(events=3)
    await log.append(appended)

    assert await log.read_stream(appended.stream_id, after_version=2) == (await log.read_stream(appended.stream_id))[2:]
    assert await log.read_stream(uuid4()) == []


async def test_events_at_positions_are_read_in_log_order(log: EventLog):
    appended = append_to(events=4)
    await log.append(appended)

    _, second, _, fourth = await log.read_stream(appended.stream_id)
    assert await log.read_positions([4, 2, 7]) == [second, fourth]
    assert await log.read_positions([]) == []


async def test_unreadable_event_fails_only_its_stream(log: EventLog, pool: asyncpg.Pool):
    appended = append_to(events=3)
    await log.append(appended)
    first, _, last = await log.read_stream(appended.stream_id)
    await pool.execute("UPDATE stored_events SET topic = 'NeverHeardOf.v1' WHERE notification_id = 2")

    assert [envelope async for envelope in log.read_all(0)] == [first, last]
    assert await log.read_positions([1, 2, 3]) == [first, last]
    with pytest.raises(UnreadableEvent):
        await log.read_stream(appended.stream_id)


async def test_gap_inside_one_append_appends_nothing(pool: asyncpg.Pool):
    recorder, stream = AsyncpgRecorder(pool), uuid4()
    with_gap = [stored(new_event(), stream_id=stream, version=version) for version in (1, 3)]

    with pytest.raises(IntegrityError):
        await recorder.insert_events(with_gap)

    assert await recorder.select_events(stream) == []
    assert await recorder.max_notification_id() is None


async def test_subscribe_returns_old_then_new_events(log: EventLog, database_url: str):
    await log.append(append_to(events=2))
    received: list[int] = []

    async def follow() -> None:
        async for envelope in subscribe(log, signal, after=1):
            received.append(envelope.position)  # noqa: PERF401 - it never ends

    async with LogSignal(database_url) as signal:
        follower = asyncio.create_task(follow())
        await until(lambda: received == [2])
        await log.append(append_to(events=2))
        await until(lambda: received == [2, 3, 4])
        follower.cancel()


async def test_signal_before_the_wait_is_not_lost(log: EventLog, database_url: str):
    async with LogSignal(database_url) as signal:
        await signal.wait(5)
        await log.append(append_to())
        await until(lambda: signal.is_set)

        async with within(5):
            await signal.wait(10)

        assert not signal.is_set


async def test_signal_survives_a_lost_connection(log: EventLog, database_url: str, pool: asyncpg.Pool):
    async with LogSignal(database_url) as signal:
        await signal.wait(5)
        ended = await pool.fetch(END_LISTENERS)
        assert len(ended) == 1

        async with within(5):
            await signal.wait(20)  # It listens again, and the reader must read what it missed meanwhile.
            await log.append(append_to())
            await signal.wait(20)


async def test_signal_returns_after_its_timeout(database_url: str):
    async with LogSignal(database_url) as signal:
        await signal.wait(5)
        async with within(5):
            await signal.wait(0.05)


async def test_foreign_row_is_unreadable(pool: asyncpg.Pool):
    recorder, stream = AsyncpgRecorder(pool), uuid4()
    rows = [
        StoredEvent(originator_id=stream, originator_version=1, topic="PaymentOpened.v5", state=b"\x00"),
        StoredEvent(
            originator_id=stream,
            originator_version=2,
            topic="NeverHeardOf.v1",
            state=stored(new_event(), stream_id=stream, version=2).state,
        ),
    ]
    await recorder.insert_events(rows)

    for row in await recorder.select_notifications(None, 10):
        with pytest.raises(UnreadableEvent):
            to_envelope(row)
