from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from contracts.subjects import PAYMENTS_STREAM, TICK_SUBJECT
from extrato.bus.live import LiveFeed
from extrato.errors import Conflict
from extrato.store.appender import StreamAppend
from extrato.store.log_cursor import LogCursor, LogWentBack, watch_log
from tests.integration.bus.running import append_until, relaying, running, set_log_back
from tests.integration.store.examples import append_to, new_event, registered
from tests.pace import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from contracts.envelope import Envelope
    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog


class Listener:
    """The events that a feed delivered."""

    def __init__(self, log: EventLog, bus: Bus) -> None:
        self.heard: list[Envelope] = []
        self.set_back: list[int] = []
        self.is_unheard = False
        self.feed = LiveFeed(
            bus=bus,
            log=log,
            deliver=self.heard.append,
            is_unheard=lambda: self.is_unheard,
            went_back=self.set_back.append,
        )

    @property
    def positions(self) -> list[int]:
        return [envelope.position for envelope in self.heard]


@pytest.fixture
async def listener(log: EventLog, bus: Bus) -> AsyncIterator[Listener]:
    """A listener since the first event of the log."""
    await log.append(append_to())
    listener = Listener(log, bus)
    await listener.feed.start()
    await bus.client.flush()
    async with running(listener.feed.run()):
        yield listener


# Much sooner than two minutes, also when many workers share a core.
BY_THE_BUS_S = 5.0


@pytest.fixture
def rare_log_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the feed read the log rarely, so that earlier events come by a tick."""
    monkeypatch.setattr("extrato.bus.live.READ_LOG_EVERY_S", 120.0)


@pytest.fixture
def frequent_log_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the log often, remember each position, and wait for no relay."""
    monkeypatch.setattr("extrato.bus.live.READ_LOG_EVERY_S", 0.05)
    monkeypatch.setattr("extrato.store.log_cursor.REMEMBER_EACH_S", 0.0)
    monkeypatch.setattr("extrato.store.log_cursor.RELAY_WITHIN_S", 0.0)


async def tick(bus: Bus, body: bytes) -> None:
    await bus.client.publish(TICK_SUBJECT, body)


async def test_events_before_the_start_are_not_delivered(log: EventLog, bus: Bus, listener: Listener):
    positions = await log.append(append_to(events=2))
    for position in (b"1", b"2", b"3"):
        await tick(bus, position)

    await until(lambda: listener.positions == [2, 3])
    assert listener.heard == await log.read_positions(positions)


async def test_events_under_load_are_delivered_once_in_order(
    log: EventLog, bus: Bus, database_url: str, listener: Listener
):
    enough = asyncio.Event()
    async with relaying(log, bus, database_url):
        writer = asyncio.create_task(append_until(log, enough))
        await until(lambda: len(listener.heard) > 1000)
        await bus.jetstream.delete_stream(PAYMENTS_STREAM)
        await until(lambda: len(listener.heard) > 2000)
        enough.set()
        await writer
        head = await log.head()
        await until(lambda: listener.feed.position == head)
    assert listener.positions == list(range(2, head + 1))


async def test_events_of_all_streams_are_delivered_in_log_order(
    log: EventLog, bus: Bus, database_url: str, listener: Listener
):
    async with relaying(log, bus, database_url):
        for _ in range(100):
            merchant = new_event(registered(), payment_id=None)
            own = StreamAppend(stream_id=uuid4(), expected_version=0, events=[merchant])
            await log.append(append_to(), own)
        await until(lambda: len(listener.heard) == 200)
    assert listener.positions == list(range(2, 202))


async def test_tick_delivers_all_events_up_to_its_position(
    rare_log_reads: None, log: EventLog, bus: Bus, listener: Listener
):
    await log.append(append_to(events=4))
    for position in (b"2", b"5", b"4"):
        await tick(bus, position)

    await until(lambda: listener.positions == [2, 3, 4, 5], within_s=BY_THE_BUS_S)


async def test_repeated_tick_delivers_no_event_twice(rare_log_reads: None, log: EventLog, bus: Bus, listener: Listener):
    await log.append(append_to(events=2))
    for _ in range(50):
        await tick(bus, b"3")
    await until(lambda: listener.positions == [2, 3], within_s=BY_THE_BUS_S)
    await log.append(append_to())
    await tick(bus, b"4")
    await until(lambda: listener.positions == [2, 3, 4], within_s=BY_THE_BUS_S)


async def test_append_in_the_same_process_needs_no_bus(rare_log_reads: None, log: EventLog, listener: Listener):
    log.appender.on_append = listener.feed.announce
    await log.append(append_to(events=3))
    await until(lambda: listener.positions == [2, 3, 4], within_s=BY_THE_BUS_S)
    with pytest.raises(Conflict):
        await log.append(append_to(listener.heard[0].stream_id))
    await log.append(append_to())
    await until(lambda: listener.positions == [2, 3, 4, 5], within_s=BY_THE_BUS_S)


async def test_event_of_a_lost_tick_is_delivered(log: EventLog, listener: Listener):
    await log.append(append_to())
    await until(lambda: listener.positions == [2])


@pytest.mark.parametrize("is_announced", [True, False])
async def test_unreadable_row_is_skipped(log: EventLog, bus: Bus, listener: Listener, *, is_announced: bool):
    await log.recorder.insert_events(
        [StoredEvent(originator_id=uuid4(), originator_version=1, topic="X.v1", state=b"nonsense")]
    )
    await log.append(append_to(events=2))
    if is_announced:
        await tick(bus, b"4")

    await until(lambda: listener.positions == [3, 4])


async def test_old_ticks_do_not_delay_reads_of_the_log(log: EventLog, bus: Bus, listener: Listener):
    async def repeat_old_ticks() -> None:
        while True:
            await tick(bus, b"1")
            await asyncio.sleep(0.05)

    async with running(repeat_old_ticks()):
        await log.append(append_to())
        await until(lambda: listener.positions == [2], within_s=5)


@pytest.mark.parametrize("nonsense", [b"", b"-1", b"{}", b"9" * 18, b"9" * 19, "²".encode(), b"1" * 100_000])
async def test_forged_tick_has_no_effect(
    rare_log_reads: None, log: EventLog, bus: Bus, listener: Listener, nonsense: bytes
):
    await tick(bus, nonsense)
    await bus.client.flush()
    await log.append(append_to())
    await tick(bus, b"2")

    await until(lambda: listener.positions == [2], within_s=BY_THE_BUS_S)


@pytest.mark.parametrize("is_regrown", [True, False])
@pytest.mark.parametrize("is_unheard", [True, False])
async def test_feed_continues_at_the_end_of_a_log_that_went_back(
    frequent_log_reads: None,
    log: EventLog,
    pool: asyncpg.Pool,
    listener: Listener,
    *,
    is_regrown: bool,
    is_unheard: bool,
):
    listener.is_unheard = is_unheard
    for position in range(2, 7):
        await log.append(append_to())
        await until(lambda position=position: listener.feed.position == position)
    await set_log_back(pool, to=4, is_regrown=is_regrown)
    if is_regrown:
        await asyncio.gather(*(log.append(append_to()) for _ in range(5)))
    await until(lambda: bool(listener.set_back))
    await until(lambda: listener.feed.epoch == 2)

    assert listener.set_back == [4]
    identity = await log.identity.read()
    assert (identity.epoch, identity.last_common) == (2, 4)
    await until(lambda: listener.feed.position == (9 if is_regrown else 4))
    listener.is_unheard = False
    listener.heard.clear()
    written = await log.append(append_to(events=2))
    await until(lambda: listener.positions == written)


async def test_cursors_that_find_a_loss_together_begin_one_epoch(
    frequent_log_reads: None, log: EventLog, pool: asyncpg.Pool
):
    await log.append(append_to(events=6))
    cursors = [LogCursor(log) for _ in range(4)]
    for cursor in cursors:
        await cursor.move_to_end()
    await set_log_back(pool, to=3, is_regrown=False)

    async def check(cursor: LogCursor) -> int:
        with pytest.raises(LogWentBack) as back:
            await cursor.check()
        return back.value.last_common

    assert await asyncio.gather(*map(check, cursors)) == [0] * 4
    assert (await log.identity.read()).epoch == 2


async def test_feed_learns_of_an_epoch_without_a_loss(log: EventLog, listener: Listener):
    await log.identity.begin_epoch(1, last_common=1, reason="a test")
    await until(lambda: listener.feed.epoch == 2)
    assert listener.set_back == []


async def test_feed_survives_a_refusing_database(
    frequent_log_reads: None, log: EventLog, pool: asyncpg.Pool, listener: Listener
):
    await pool.execute("ALTER TABLE log_identity RENAME TO put_aside")
    try:
        await until(lambda: listener.feed._backoff.reason is not None)
    finally:
        await pool.execute("ALTER TABLE put_aside RENAME TO log_identity")
    positions = await log.append(append_to())
    await until(lambda: listener.positions == positions)


async def test_log_that_lost_the_epoch_too_begins_a_later_one(
    frequent_log_reads: None, log: EventLog, pool: asyncpg.Pool, listener: Listener
):
    positions = await log.append(append_to(events=3))
    await log.identity.begin_epoch(1, last_common=positions[-1], reason="a test")
    await until(lambda: listener.feed.epoch == 2 and listener.positions == positions)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM log_epochs WHERE epoch = 2")
        await connection.execute("DELETE FROM stored_events WHERE notification_id > 1")
    await until(lambda: listener.set_back == [1])
    assert listener.feed.epoch == 3


async def test_watch_log_reports_that_the_log_went_back(
    frequent_log_reads: None, log: EventLog, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("extrato.store.log_cursor.CHECK_INTERVAL_S", 0.01)
    reported: list[int] = []
    await log.append(append_to(events=2))

    async def is_reported(times: int) -> bool:
        # Before its next check, the watcher does not know the events that disappear.
        await log.append(append_to())
        await asyncio.sleep(0.05)
        await set_log_back(pool, to=2, is_regrown=False)
        return len(reported) >= times

    async with running(watch_log(log, went_back=reported.append)):
        await until(lambda: is_reported(1))
        before = len(reported)
        await until(lambda: is_reported(before + 1))


async def test_relays_last_common_position_has_precedence(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool
):
    await log.append(append_to(events=6))
    cursor = LogCursor(log)
    await cursor.move_to_end()
    async with relaying(log, bus, database_url):
        await until(lambda: holds_position(bus, 6))
        await set_log_back(pool, to=4, is_regrown=False)
        with pytest.raises(LogWentBack) as back:
            await cursor.check()
    assert back.value.last_common == 4


async def holds_position(bus: Bus, position: int) -> bool:
    return (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state.messages == position
