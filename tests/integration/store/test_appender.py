from __future__ import annotations

import asyncio
import hashlib
import itertools
from uuid import uuid4

import asyncpg
import pytest

from extrato.errors import Conflict, Overloaded, StoreUnavailable
from extrato.store import appender as appender_module
from extrato.store.appender import MAX_WAITING, Appender, Attached, StreamAppend
from extrato.store.event_log import EventLog
from extrato.store.recorder import AsyncpgRecorder, Member
from extrato.store.sealing import Evidence, PaymentKey
from tests.integration.store.examples import append_to, new_event, opened
from tests.pace import until

KEY = bytes(range(32))
OTHER_WRITERS_LOCK = "LOCK TABLE stored_events IN EXCLUSIVE MODE"
WRITES_THAT_WAIT = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%append_events%'
"""


class CountingRecorder(AsyncpgRecorder):
    """A recorder that also notes the size of each batch."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.batches: list[int] = []

    async def insert_batch(self, members: list[Member]) -> list[list[int] | None]:
        self.batches.append(len(members))
        return await super().insert_batch(members)


async def whole_log(log: EventLog) -> list:
    return [envelope async for envelope in log.read_all(0)]


async def test_appended_events_are_read_unchanged(log: EventLog):
    appended = append_to(events=3)

    positions = await log.append(appended)

    written = await log.read_positions(positions)
    assert written == await log.read_stream(appended.stream_id) == await whole_log(log)
    assert [envelope.version for envelope in written] == [1, 2, 3]
    assert [envelope.event_id for envelope in written] == [new.event_id for new in appended.events]
    assert [envelope.event for envelope in written] == [new.event for new in appended.events]
    assert [envelope.cause for envelope in written] == [new.cause for new in appended.events]


async def test_append_without_events_writes_nothing(log: EventLog):
    assert await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[])) == []
    assert await log.append() == []
    assert await log.head() == 0


async def test_concurrent_appends_share_a_write(pool: asyncpg.Pool):
    recorder = CountingRecorder(pool)
    log = Appender(recorder)

    results = await asyncio.gather(*(log.append(append_to(events=2)) for _ in range(700)))

    assert sorted(itertools.chain.from_iterable(results)) == list(range(1, 1401))
    assert all(first + 1 == second for first, second in results)
    assert recorder.batches == [256, 256, 188]


async def test_appends_are_written_in_the_order_of_calls(log: EventLog):
    results = await asyncio.gather(*(log.append(append_to()) for _ in range(100)))

    positions = [position for (position,) in results]
    assert positions == sorted(positions)


async def test_conflict_in_a_batch_affects_only_its_caller(log: EventLog):
    stream = uuid4()
    await log.append(append_to(stream))

    first, conflict, third = await asyncio.gather(
        log.append(append_to()),
        log.append(append_to(stream, at=0)),
        log.append(append_to(stream, at=1)),
        return_exceptions=True,
    )

    assert isinstance(conflict, Conflict)
    assert conflict.about == str(stream)
    assert [each.version for each in await log.read_positions([*first, *third])] == [1, 2]
    assert len(await whole_log(log)) == 3


async def test_one_of_many_appends_at_the_same_version_succeeds(log: EventLog):
    stream = uuid4()

    results = await asyncio.gather(*(log.append(append_to(stream)) for _ in range(50)), return_exceptions=True)

    assert sum(isinstance(result, list) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 49
    assert len(await log.read_stream(stream)) == 1


async def test_consecutive_appends_to_one_stream_succeed(log: EventLog):
    stream = uuid4()

    results = await asyncio.gather(*(log.append(append_to(stream, at=at)) for at in range(20)))

    positions = [position for (position,) in results]
    assert [each.version for each in await log.read_positions(positions)] == list(range(1, 21))


async def test_several_streams_are_appended_all_or_nothing(log: EventLog):
    taken, free = uuid4(), uuid4()
    await log.append(append_to(taken))

    with pytest.raises(Conflict):
        await log.append(append_to(free, events=2), append_to(taken, at=0))
    assert await log.read_stream(free) == []

    positions = await log.append(append_to(free, events=2), append_to(taken, at=1))
    assert [(envelope.stream_id, envelope.version) for envelope in await log.read_positions(positions)] == [
        (free, 1),
        (free, 2),
        (taken, 2),
    ]
    assert positions == list(range(positions[0], positions[0] + 3))


async def test_append_that_names_a_stream_twice_affects_no_other(log: EventLog):
    stream = uuid4()

    written, conflict = await asyncio.gather(
        log.append(append_to()),
        log.append(append_to(stream), append_to(stream)),
        return_exceptions=True,
    )

    assert len(written) == 1
    assert isinstance(conflict, Conflict)


@pytest.mark.parametrize("expected_version", [-1, 1, 7])
async def test_version_after_a_gap_conflicts(log: EventLog, expected_version: int):
    stream = uuid4()

    with pytest.raises(Conflict):
        await log.append(append_to(stream, at=expected_version))

    assert await log.read_stream(stream) == []


async def test_evidence_is_written_once_with_its_events(log: EventLog, pool: asyncpg.Pool):
    key = PaymentKey(1, KEY)
    same = key.seal_evidence("mercado_pago/payment", b'{"status":"approved"}')
    other = key.seal_evidence("mercado_pago/payment", b'{"status":"rejected"}')

    await asyncio.gather(
        log.append(append_to(), attached=Attached(evidence=[same])),
        log.append(append_to(), attached=Attached(evidence=[same, other, same])),
    )
    await log.append(append_to(), attached=Attached(evidence=[same]))

    rows = await pool.fetch("SELECT digest, kind, body, payment_id, sealed_by FROM evidence")
    assert {row["body"] for row in rows} == {same.body, other.body}
    assert len(rows) == 2
    assert {row["digest"] for row in rows} == {same.digest, other.digest}
    assert {(row["payment_id"], row["sealed_by"]) for row in rows} == {(1, "payment")}
    assert same.digest == hashlib.sha256(key.salt + b'{"status":"approved"}').digest()


async def test_evidence_of_a_conflict_is_not_stored(log: EventLog, pool: asyncpg.Pool):
    stream = uuid4()
    await log.append(append_to(stream))

    results = await asyncio.gather(
        log.append(append_to(stream), attached=Attached(evidence=[Evidence(b"1" * 32, "a", b"lost", 1)])),
        log.append(append_to(), attached=Attached(evidence=[Evidence(b"2" * 32, "a", b"kept", 1)])),
        return_exceptions=True,
    )

    assert isinstance(results[0], Conflict)
    assert [row["body"] for row in await pool.fetch("SELECT body FROM evidence")] == [b"kept"]


async def test_too_many_waiting_appends_raise_overloaded(log: EventLog, pool: asyncpg.Pool, database_url: str):
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute(OTHER_WRITERS_LOCK)
            under_way = asyncio.create_task(log.append(append_to()))
            await until(lambda: is_waiting_for_the_lock(pool))
            waiting = [asyncio.create_task(log.append(append_to())) for _ in range(MAX_WAITING)]
            await until(lambda: log.appender.waiting == MAX_WAITING)

            with pytest.raises(Overloaded):
                await log.append(append_to())

        assert len(await asyncio.gather(under_way, *waiting)) == MAX_WAITING + 1
    finally:
        await other.close()


async def is_waiting_for_the_lock(pool: asyncpg.Pool) -> bool:
    return bool(await pool.fetch(WRITES_THAT_WAIT))


async def test_write_on_a_killed_connection_happens_once(log: EventLog, pool: asyncpg.Pool, database_url: str):
    stream, other_stream = uuid4(), uuid4()
    await log.append(append_to(stream))
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute(OTHER_WRITERS_LOCK)
            mine = asyncio.create_task(log.append(append_to(stream, at=1, events=2)))
            conflicting = asyncio.create_task(log.append(append_to(stream, at=0)))
            independent = asyncio.create_task(log.append(append_to(other_stream)))
            await until(lambda: is_waiting_for_the_lock(pool))
            for row in await pool.fetch(WRITES_THAT_WAIT):
                await other.execute("SELECT pg_terminate_backend($1)", row["pid"])
            await until(lambda: is_waiting_for_the_lock(pool))

        written = await mine
        await independent
        with pytest.raises(Conflict):
            await conflicting
    finally:
        await other.close()

    assert [each.position for each in (await log.read_stream(stream))[1:]] == written
    assert len(await whole_log(log)) == 4


class LostAnswers(AsyncpgRecorder):
    """A recorder that writes, and then loses the connection before the answer arrives."""

    def __init__(self, pool: asyncpg.Pool, *, losses: int) -> None:
        super().__init__(pool)
        self.losses = losses

    async def insert_batch(self, members: list[Member]) -> list[list[int] | None]:
        outcomes = await super().insert_batch(members)
        if self.losses:
            self.losses -= 1
            raise asyncpg.ConnectionDoesNotExistError
        return outcomes


async def test_write_with_a_lost_answer_is_not_repeated(pool: asyncpg.Pool):
    log = EventLog(pool)
    taken = uuid4()
    await log.append(append_to(taken))
    appender = Appender(LostAnswers(pool, losses=1))
    first, second = append_to(events=2), append_to()

    written, pair, conflict = await asyncio.gather(
        appender.append(append_to(events=2)),
        appender.append(first, second, attached=Attached(evidence=[Evidence(b"1" * 32, "a", b"b", 1)])),
        appender.append(append_to(taken)),
        return_exceptions=True,
    )

    assert isinstance(conflict, Conflict)
    stored = await whole_log(log)
    assert [each.position for each in stored[1:]] == written + pair
    assert len({envelope.event_id for envelope in stored}) == len(stored) == 6


async def test_later_write_does_not_hide_a_lost_answer(pool: asyncpg.Pool):
    stream = uuid4()
    recorder = LostAnswers(pool, losses=1)
    written = asyncio.create_task(Appender(recorder).append(append_to(stream)))
    await until(lambda: recorder.losses == 0)

    log = EventLog(pool)
    follower = await log.append(append_to(stream, at=1))

    assert [each.version for each in await log.read_positions([*await written, *follower])] == [1, 2]


async def test_database_outage_reaches_every_waiting_caller(pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(appender_module, "WRITE_ATTEMPTS", 2)
    appender = Appender(LostAnswers(pool, losses=2))

    results = await asyncio.gather(*(appender.append(append_to()) for _ in range(3)), return_exceptions=True)

    assert [type(result) for result in results] == [StoreUnavailable] * 3
    await appender.append(append_to())


async def test_close_writes_accepted_appends(log: EventLog):
    accepted = [asyncio.create_task(log.append(append_to())) for _ in range(600)]
    await asyncio.sleep(0)

    await log.close()

    assert len(await whole_log(log)) == 600
    assert all(len(written) == 1 for written in await asyncio.gather(*accepted))
    with pytest.raises(Overloaded):
        await log.append(append_to())


async def test_cancelled_caller_does_not_affect_others(log: EventLog):
    tasks = [asyncio.create_task(log.append(append_to())) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(results.pop(3), asyncio.CancelledError)
    assert all(len(written) == 1 for written in results)


async def test_event_keeps_its_cause(log: EventLog):
    new = new_event(actor="api_key", actor_id="José", causation_id="a\nb", correlation_id="☕")

    written = await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[new]))

    assert [each.cause for each in await log.read_positions(written)] == [new.cause]


async def test_sequence_behind_the_log_is_advanced(log: EventLog, pool: asyncpg.Pool):
    await log.append(append_to(events=5))
    await pool.execute("SELECT setval('stored_events_notification_id_seq', 2)")
    assert await log.append(append_to(events=2)) == [6, 7]


async def test_sequences_advance_past_seen_positions_and_never_go_back(log: EventLog, pool: asyncpg.Pool):
    opening = new_event(opened(), payment_id=40)
    await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[opening]))
    await pool.execute("UPDATE stored_events SET state = state || '\\xff'::bytea")
    assert await log.recorder.advance_sequences() == (1, 40)
    assert await log.recorder.advance_sequences(position=9, payment=90) == (9, 90)
    assert await log.recorder.advance_sequences(position=3, payment=3) == (9, 90)
    assert await log.append(append_to()) == [10]
    assert await pool.fetchval("SELECT nextval('payment_numbers')") == 91
    await pool.execute("INSERT INTO checkpoints (read_model, version, position) VALUES ('any', 1, 20)")
    assert await log.recorder.advance_sequences() == (20, 91)
