from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock
from uuid import uuid4

import msgspec
import nats.errors
import pytest
from eventsourcing.persistence import StoredEvent
from nats.js.api import DiscardPolicy, StoreCompression
from structlog.testing import capture_logs

from contracts.subjects import (
    CHECKS_STREAM,
    DEAD_STREAM,
    HEADER_EPOCH,
    HEADER_POSITION,
    LOG_SUBJECT,
    PAYMENTS_STREAM,
    STREAM_BUS,
    STREAM_EPOCH,
    STREAM_LOG,
    TICK_SUBJECT,
)
from contracts.telemetry import EpochBegun
from extrato.bus import relay as relay_module
from extrato.bus import stream_inspector
from extrato.bus.connection import STREAMS, connect
from extrato.bus.messages import Message
from extrato.bus.publisher import SequencedPublisher
from extrato.bus.stream_inspector import ForeignStream, LossReport, StreamInspector
from extrato.errors import BusUnavailable
from extrato.store.appender import StreamAppend
from tests.integration.bus.running import (
    append_until,
    chain_in,
    dead_letters,
    holds_whole_log,
    messages_in,
    relaying,
    set_log_back,
    to_envelope,
)
from tests.integration.store.examples import append_to, new_event, opened, registered
from tests.pace import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from extrato.bus.connection import Bus
    from extrato.bus.lease import Lease
    from extrato.store.codec import NewEvent
    from extrato.store.event_log import EventLog
    from services.cli.embedded.nats import EmbeddedNats

END_LEADER = "SELECT pg_terminate_backend(backend) FROM relay_lease"


async def test_log_is_published_in_order_and_chained(log: EventLog, bus: Bus, database_url: str):
    await asyncio.gather(*(log.append(append_to(events=3)) for _ in range(400)))

    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
        await asyncio.gather(*(log.append(append_to()) for _ in range(50)))
        await holds_whole_log(bus, log)


async def test_many_pages_are_published_in_order_and_chained(
    log: EventLog, bus: Bus, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "PAGE", 10)
    monkeypatch.setattr(relay_module, "MAX_UNANSWERED", 20)
    await asyncio.gather(*(log.append(append_to(events=3)) for _ in range(70)))

    async with relaying(log, bus, database_url) as relay:
        await holds_whole_log(bus, log)
        await until(lambda: relay.position == 210)


async def test_tick_with_the_newest_position_follows_the_events(log: EventLog, bus: Bus, database_url: str):
    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.is_leader)
        events, ticks = await bus.client.subscribe("payments.>"), await bus.client.subscribe(TICK_SUBJECT)
        await log.append(append_to(events=3))
        assert (await ticks.next_msg(timeout=5)).data == b"3"
        assert [(await events.next_msg(timeout=5)).headers[HEADER_POSITION] for _ in range(3)] == ["1", "2", "3"]


async def test_event_is_published_soon(log: EventLog, bus: Bus, database_url: str, monkeypatch: pytest.MonkeyPatch):
    # It would come that late without PostgreSQL's notification.
    monkeypatch.setattr(relay_module, "CHECK_INTERVAL_S", 120.0)
    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.is_leader)
        subscription = await bus.client.subscribe("payments.>")
        await bus.client.flush()
        await log.append(append_to())
        await subscription.next_msg(timeout=20)


async def test_message_is_a_cloud_event_with_the_logs_content(log: EventLog, bus: Bus, database_url: str):
    payment = new_event(opened(), payment_id=15, actor="api_key", actor_id="José ☕", causation_id="a-cause")
    merchant = new_event(registered(), payment_id=None)
    stream = uuid4()
    await log.append(StreamAppend(stream_id=stream, expected_version=0, events=[payment, merchant]))

    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)

    messages = await messages_in(bus)
    assert [message.subject for message in messages] == [
        "payments.padaria.15.PaymentOpened",
        "merchants.padaria.MerchantRegistered",
    ]
    assert [to_envelope(message) for message in messages] == await log.read_stream(stream)
    headers = messages[0].headers
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-id"] == str(payment.event_id)
    assert headers["ce-source"] == "/extrato"
    assert headers["ce-type"] == "br.extrato.PaymentOpened.v5"
    assert headers["ce-subject"] == "15"
    assert headers["ce-time"] == "2026-03-14T12:00:00Z"
    assert headers["content-type"] == "application/json"
    assert headers["ce-streamid"] == str(stream)
    assert headers["ce-streamversion"] == "1"
    assert "ce-subject" not in messages[1].headers


async def test_leadership_survives_a_lost_connection(log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool):
    enough = asyncio.Event()
    async with relaying(log, bus, database_url) as one, relaying(log, bus, database_url) as two:
        writer = asyncio.create_task(append_until(log, enough))
        for _ in range(3):
            await until(lambda: one.is_leader or two.is_leader)
            before = one.published + two.published
            await until(lambda before=before: one.published + two.published > before + 300)
            assert one.is_leader != two.is_leader
            assert len(await pool.fetch(END_LEADER)) == 1

        enough.set()
        await writer
        await holds_whole_log(bus, log)


async def test_another_relay_takes_over(log: EventLog, bus: Bus, database_url: str):
    enough = asyncio.Event()
    async with AsyncExitStack() as life_of_heir:
        async with relaying(log, bus, database_url) as leader:
            await until(lambda: leader.is_leader)
            heir = await life_of_heir.enter_async_context(relaying(log, bus, database_url))
            writer = asyncio.create_task(append_until(log, enough))
            await until(lambda: leader.published > 300)
            assert not heir.is_leader
        await until(lambda: heir.published > 300)
        enough.set()
        await writer
        await holds_whole_log(bus, log)


async def test_two_leaders_publish_no_event_twice(
    log: EventLog, bus: Bus, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    enough = asyncio.Event()
    async with relaying(log, bus, database_url) as one:
        await until(lambda: one.is_leader)
        # This leader does not notice that it lost its lease.
        monkeypatch.setattr(relay_module.Lease, "take", always_takes)
        async with relaying(log, bus, database_url) as two:
            await until(lambda: two.is_leader)
            writer = asyncio.create_task(append_until(log, enough))
            await until(lambda: one.published + two.published > 2000)
            enough.set()
            await writer
            await holds_whole_log(bus, log)


async def always_takes(_: Lease) -> bool:
    return True


async def test_relay_continues_after_a_killed_nats(
    log: EventLog, bus: Bus, database_url: str, nats_server: EmbeddedNats
):
    enough = asyncio.Event()
    async with relaying(log, bus, database_url) as relay:
        writer = asyncio.create_task(append_until(log, enough))
        await until(lambda: relay.published > 300)
        os.kill(nats_server.pid, signal.SIGKILL)
        await nats_server.stop()
        before = await log.head()
        await until(lambda: reaches(log, before + 300))
        await nats_server.start()
        await until(lambda: relay.position > before)
        enough.set()
        await writer
        await holds_whole_log(bus, log)


async def reaches(log: EventLog, position: int) -> bool:
    return await log.head() >= position


async def test_stream_deleted_while_quiet_is_refilled(log: EventLog, bus: Bus, database_url: str):
    await asyncio.gather(*(log.append(append_to(events=3)) for _ in range(300)))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
        await bus.jetstream.delete_stream(PAYMENTS_STREAM)
        await until(lambda: stream_exists(bus))
        await holds_whole_log(bus, log)


async def test_stream_deleted_under_load_is_refilled(log: EventLog, bus: Bus, database_url: str):
    enough = asyncio.Event()
    async with relaying(log, bus, database_url) as relay:
        writer = asyncio.create_task(append_until(log, enough))
        await until(lambda: relay.published > 1000)
        await bus.jetstream.delete_stream(PAYMENTS_STREAM)
        before = await log.head()
        await until(lambda: reaches(log, before + 500))
        enough.set()
        await writer
        await until(lambda: stream_exists(bus))
        await holds_whole_log(bus, log)


async def stream_exists(bus: Bus) -> bool:
    streams = [info.config.name for info in await bus.jetstream.streams_info()]
    return PAYMENTS_STREAM in streams


@pytest.mark.parametrize("damage", ["purge", "purge_half", "delete_first", "delete_last", "foreign_message"])
async def test_stream_that_another_client_changed_is_repaired(log: EventLog, bus: Bus, database_url: str, damage: str):
    await asyncio.gather(*(log.append(append_to(events=3)) for _ in range(200)))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    jetstream = bus.jetstream
    if damage == "purge":
        await jetstream.purge_stream(PAYMENTS_STREAM)
    elif damage == "purge_half":
        await jetstream.purge_stream(PAYMENTS_STREAM, seq=300)
    elif damage == "delete_first":
        await jetstream.delete_msg(PAYMENTS_STREAM, 1)
    elif damage == "delete_last":
        await jetstream.delete_msg(PAYMENTS_STREAM, 600)
    else:
        await jetstream.publish("payments.padaria.1.Nonsense", b"{}")

    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)


async def test_foreign_message_in_flight_costs_no_event(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to(events=3))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
        # Before the relay's next check, so that its first message is rejected and the second is not.
        await bus.jetstream.publish("payments.padaria.1.Nonsense", b"{}")
        await log.append(append_to(events=3))
        await until(lambda: is_chained_to(bus, 6))


async def is_chained_to(bus: Bus, position: int) -> bool:
    try:
        return await chain_in(bus) == [(each - 1, each) for each in range(1, position + 1)]
    except (KeyError, TypeError, nats.errors.TimeoutError):
        return False


async def test_stream_purged_while_quiet_is_refilled(log: EventLog, bus: Bus, database_url: str):
    await asyncio.gather(*(log.append(append_to()) for _ in range(50)))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
        await bus.jetstream.purge_stream(PAYMENTS_STREAM)
        await holds_whole_log(bus, log)
        await bus.jetstream.publish("payments.padaria.1.Nonsense", b"{}")
        await until(lambda: is_emptied(bus, after=101))
        await holds_whole_log(bus, log)


async def is_emptied(bus: Bus, *, after: int) -> bool:
    return (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state.first_seq > after


async def test_stream_of_another_log_is_refused_unchanged(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool
):
    await log.append(append_to(events=3))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    before = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state
    await pool.execute("UPDATE log_identity SET log_id = gen_random_uuid()")
    with capture_logs() as logged:
        async with relaying(log, bus, database_url):
            await until(lambda: refusals(logged) > 1)
    assert (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state == before


async def test_unsigned_stream_with_foreign_events_is_refused_unchanged(log: EventLog, bus: Bus, database_url: str):
    headers = {"ce-id": str(uuid4()), "ce-position": "1", "ce-previousposition": "0"}
    await bus.jetstream.publish("payments.padaria.1.X", b"{}", headers=headers)
    await log.append(append_to(events=3))
    with capture_logs() as logged:
        async with relaying(log, bus, database_url):
            await until(lambda: refusals(logged) > 1)
    assert await has_messages(bus, 1)


def refusals(logged: Sequence[Mapping[str, object]]) -> int:
    return sum(entry["event"] == "relay_refuses_stream" for entry in logged)


async def test_unsigned_stream_with_the_logs_events_is_adopted(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to(events=3))
    for row in await log.read_rows(0):
        headers = {
            "ce-id": str((await log.read_positions([row.id]))[0].event_id),
            "ce-position": str(row.id),
            "ce-previousposition": str(row.id - 1),
        }
        await bus.jetstream.publish("payments.padaria.1.X", b"{}", headers=headers)
    await log.append(append_to())
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    info = await bus.jetstream.stream_info(PAYMENTS_STREAM)
    assert (info.state.first_seq, info.state.last_seq) == (1, 4)
    assert info.config.metadata[STREAM_LOG] == str((await log.identity.read()).log_id)


@pytest.mark.parametrize("is_running", [True, False])
@pytest.mark.parametrize("is_regrown", [True, False])
async def test_log_that_went_back_begins_an_epoch_and_logs_the_loss(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool, *, is_running: bool, is_regrown: bool
):
    await asyncio.gather(*(log.append(append_to()) for _ in range(20)))
    lost = [str(each.event_id) for each in await log.read_positions(range(15, 21))]
    async with AsyncExitStack() as life:
        async with AsyncExitStack() as before:
            await (life if is_running else before).enter_async_context(relaying(log, bus, database_url))
            await holds_whole_log(bus, log)
        with capture_logs() as logged:
            await set_log_back(pool, to=14, is_regrown=is_regrown)
            if is_regrown:
                await asyncio.gather(*(log.append(append_to()) for _ in range(9)))
            if not is_running:
                await life.enter_async_context(relaying(log, bus, database_url))
            await until(lambda: is_in_epoch(bus, 2))
            await holds_whole_log(bus, log)
    named = [event for entry in logged if entry["event"] == "log_lost_events" for event in entry["events"]]
    assert named == [[position, event_id] for position, event_id in enumerate(lost, start=15)]
    assert {message.headers[HEADER_EPOCH] for message in await messages_in(bus)} == {"2"}
    identity = await log.identity.read()
    assert (identity.epoch, identity.last_common) == (2, 14)
    assert await log.append(append_to()) == [24 if is_regrown else 21]
    (told_subscribers,) = await messages_in(bus, CHECKS_STREAM)
    assert told_subscribers.subject == LOG_SUBJECT
    fact = msgspec.json.decode(told_subscribers.data, type=EpochBegun)
    assert (fact.log, fact.epoch, fact.last_common) == (str(identity.log_id), 2, 14)


async def test_lost_events_are_logged_beside_deleted_messages(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool
):
    await asyncio.gather(*(log.append(append_to()) for _ in range(20)))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    for sequence in (5, 10, 11, 14, 15, 18):
        await bus.jetstream.delete_msg(PAYMENTS_STREAM, sequence)
    await set_log_back(pool, to=13, is_regrown=False)
    assert await StreamInspector(bus, log).report_losses() == LossReport(
        position=20, payment_id=1, epoch=1, last_common=13, lost=4
    )
    with capture_logs() as logged:
        async with relaying(log, bus, database_url):
            await until(lambda: is_in_epoch(bus, 2))
            await holds_whole_log(bus, log)
    named = [event[0] for entry in logged if entry["event"] == "log_lost_events" for event in entry["events"]]
    assert named == [16, 17, 19, 20]


async def test_epoch_is_announced_after_a_refused_announcement(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to())
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    await log.identity.begin_epoch(1, last_common=1, reason="a test")
    config = (await bus.jetstream.stream_info(CHECKS_STREAM)).config
    await bus.jetstream.update_stream(config.evolve(max_msg_size=1))
    with capture_logs() as logged:
        async with relaying(log, bus, database_url):
            await until(lambda: any(entry["event"] == "relay_interrupted" for entry in logged))
    assert not await is_in_epoch(bus, 2)
    await bus.jetstream.update_stream(config)
    for _ in range(2):
        async with relaying(log, bus, database_url):
            await until(lambda: is_in_epoch(bus, 2))
    (fact,) = await messages_in(bus, CHECKS_STREAM)
    assert msgspec.json.decode(fact.data, type=EpochBegun).epoch == 2


async def test_loss_report_changes_neither_log_nor_stream(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool
):
    for number in range(1, 8):
        event = new_event(payment_id=number)
        await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[event]))
    nothing = LossReport(position=0, payment_id=0, epoch=0, last_common=7, lost=0)
    assert await StreamInspector(bus, log).report_losses() == nothing
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    assert await StreamInspector(bus, log).report_losses() == msgspec.structs.replace(nothing, epoch=1)
    await set_log_back(pool, to=4, is_regrown=True)
    before = await bus.jetstream.stream_info(PAYMENTS_STREAM)
    assert await StreamInspector(bus, log).report_losses() == LossReport(
        position=7, payment_id=7, epoch=1, last_common=4, lost=3
    )
    await pool.execute("DELETE FROM stored_events")
    assert await StreamInspector(bus, log).report_losses() == LossReport(
        position=7, payment_id=7, epoch=1, last_common=0, lost=7
    )
    after = await bus.jetstream.stream_info(PAYMENTS_STREAM)
    assert (after.state, after.config) == (before.state, before.config)
    assert (await log.identity.read()).epoch == 1
    await pool.execute("UPDATE log_identity SET log_id = gen_random_uuid()")
    with pytest.raises(ForeignStream):
        await StreamInspector(bus, log).report_losses()


async def is_in_epoch(bus: Bus, epoch: int) -> bool:
    metadata = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config.metadata or {}
    return metadata.get(STREAM_EPOCH) == str(epoch)


async def test_nats_without_the_leading_relay_is_refused(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream_inspector, "CHECK_AGAIN_S", 0.01)
    reader = StreamInspector(bus, log)
    await reader.check(pool)
    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.is_leader)
        await log.append(append_to())
        await holds_whole_log(bus, log)
        await reader.check(pool)
        # A process with another NATS sees an empty one, or one with its own stream.
        info = await bus.jetstream.stream_info(PAYMENTS_STREAM)
        for metadata in ({}, {**info.config.metadata, STREAM_BUS: "another"}):
            monkeypatch.setattr(StreamInspector, "_metadata", AsyncMock(return_value=metadata))
            with pytest.raises(ForeignStream):
                await reader.check(pool)
        monkeypatch.undo()
        foreign = info.config.evolve(metadata={**info.config.metadata, STREAM_LOG: str(uuid4())})
        await bus.jetstream.update_stream(foreign)
        with pytest.raises(ForeignStream):
            await reader.check(pool)
    # Without a leader, the next relay uses this NATS.
    await bus.jetstream.update_stream(info.config)
    await pool.execute("UPDATE relay_lease SET bus_id = 'another'")
    await reader.check(pool)


async def test_messages_carry_the_epoch_of_another_process(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to())
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
        identity = await log.identity.begin_epoch(1, last_common=1, reason="a test")
        await until(lambda: is_in_epoch(bus, identity.epoch))
        await log.append(append_to())
        await holds_whole_log(bus, log)
    assert [message.headers[HEADER_EPOCH] for message in await messages_in(bus)] == ["1", "2"]


async def test_leader_without_renewals_is_replaced(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(relay_module, "RENEW_S", 3600.0)
    async with relaying(log, bus, database_url) as frozen:
        await until(lambda: frozen.is_leader)
        async with relaying(log, bus, database_url) as heir:
            await pool.execute("UPDATE relay_lease SET until = now() - interval '1 second', holder = $1", uuid4())
            await until(lambda: heir.is_leader)
            # A sooner renewal would take the ended lease back before the heir does.
            frozen._renew_at_s = 0.0
            await until(lambda: not frozen.is_leader)
            await log.append(append_to())
            await holds_whole_log(bus, log)


async def test_operators_limits_are_logged_once_and_kept(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to(events=3))
    with capture_logs() as logged:
        async with relaying(log, bus, database_url) as relay:
            await holds_whole_log(bus, log)
            config = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config
            await bus.jetstream.update_stream(config.evolve(max_msgs=2))
            await log.append(append_to(events=5))
            await until(lambda: relay.position == 8)
        for position in (9, 10):
            async with relaying(log, bus, database_url) as relay:
                await log.append(append_to())
                await until(lambda relay=relay, position=position: relay.position == position)
    state = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state
    assert (state.first_seq, state.last_seq) == (9, 10)
    assert [entry["event"] for entry in logged].count("relay_empties_stream") == 0


async def test_stream_with_expired_messages_is_not_refilled(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool
):
    await log.append(append_to(events=3))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
        config = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config
    # A check of a stream that still has its messages saves its progress.
    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.position == 3)
        await bus.jetstream.update_stream(config.evolve(max_age=0.1, duplicate_window=0.1))
        await until(lambda: is_empty(bus))
        await bus.jetstream.update_stream(config.evolve(max_age=3600))
    with capture_logs() as logged:
        for position in (4, 5):
            async with relaying(log, bus, database_url) as relay:
                await until(lambda relay=relay: relay.position >= 3)
                await log.append(append_to())
                await until(lambda relay=relay, position=position: relay.position == position)
            assert [message.headers[HEADER_POSITION] for message in await messages_in(bus)][-1] == str(position)
    state = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state
    assert (state.first_seq, state.last_seq) == (4, 5)
    assert [entry["event"] for entry in logged].count("relay_empties_stream") == 0


@pytest.mark.parametrize("change", ["another log", "another bus", "more messages"])
async def test_changed_empty_stream_is_refilled(
    log: EventLog, bus: Bus, database_url: str, pool: asyncpg.Pool, change: str
):
    await log.append(append_to(events=3))
    for _ in range(2):
        async with relaying(log, bus, database_url) as relay:
            await until(lambda relay=relay: relay.position == 3)
    config = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config
    await bus.jetstream.update_stream(config.evolve(max_age=3600))
    if change == "more messages":
        await bus.jetstream.publish("payments.padaria.1.X", b"{}")
    await bus.jetstream.purge_stream(PAYMENTS_STREAM)
    if change == "another log":
        await pool.execute("UPDATE relay_lease SET event_id = $1", str(uuid4()))
    if change == "another bus":
        await pool.execute("UPDATE relay_lease SET bus_id = 'another'")
    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.position == 3)
        await until(lambda: has_messages(bus, 3))


async def is_empty(bus: Bus) -> bool:
    return (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state.messages == 0


async def test_unreadable_row_is_dead_lettered_and_skipped(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to())
    await log.recorder.insert_events(
        [StoredEvent(originator_id=uuid4(), originator_version=1, topic="X.v1", state=b"nonsense")]
    )
    await log.append(append_to())

    async with relaying(log, bus, database_url):
        await until(lambda: has_messages(bus, 2))
        assert await chain_in(bus) == [(0, 1), (1, 3)]
        assert await dead_letters(bus) == ["dead.relay.log.2"]


@pytest.mark.parametrize(
    "forged",
    [
        new_event(actor_id="key\r\nce-position: 9"),
        new_event(correlation_id="line\nline"),
        new_event(merchant="padaria 2 0\r\nPING"),
        new_event(merchant="padaria.>"),
        new_event(merchant="*"),
        new_event(merchant=""),
    ],
)
async def test_row_that_would_forge_headers_is_dead_lettered(
    log: EventLog, bus: Bus, database_url: str, forged: NewEvent
):
    await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[forged]))
    await log.append(append_to())

    async with relaying(log, bus, database_url):
        await until(lambda: has_messages(bus, 1))
        assert [message.headers[HEADER_POSITION] for message in await messages_in(bus)] == ["2"]
        assert await dead_letters(bus) == ["dead.relay.log.1"]


@pytest.mark.parametrize(
    "size", [1_000_000, (1 << 20) - 1, 1 << 20, 2_000_000], ids=["large", "just_fits", "limit", "too_large"]
)
async def test_unreadable_row_of_any_size_is_dead_lettered(log: EventLog, bus: Bus, database_url: str, size: int):
    await log.append(append_to())
    row = StoredEvent(originator_id=uuid4(), originator_version=1, topic="a blank", state=b"x" * size)
    await log.recorder.insert_events([row])
    await log.append(append_to())

    async with relaying(log, bus, database_url):
        await until(lambda: has_messages(bus, 2))
        (letter,) = await messages_in(bus, DEAD_STREAM)
        assert letter.headers[HEADER_POSITION] == "2"
        assert msgspec.json.decode(letter.data) == {"bytes": size, "sha256": hashlib.sha256(row.state).hexdigest()}


@pytest.mark.parametrize("length", [900, 5_000, 70_000])
async def test_event_with_a_long_name_or_cause_does_not_stop_the_relay(
    log: EventLog, bus: Bus, database_url: str, length: int
):
    long = [new_event(merchant="p" * length), new_event(correlation_id="c" * length)]
    await log.append(append_to())
    await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=long))
    await log.append(append_to())

    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.position == 4)
        positions = [message.headers[HEADER_POSITION] for message in await messages_in(bus)]
    assert (positions[0], positions[-1]) == ("1", "4")


async def test_event_above_the_operators_limit_is_skipped(log: EventLog, bus: Bus, database_url: str):
    config = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config
    await bus.jetstream.update_stream(config.evolve(max_msg_size=4000))
    large = new_event(correlation_id="c" * 5000)
    await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[large]))
    await log.append(append_to())

    for position in (2, 3):
        async with relaying(log, bus, database_url) as relay:
            await until(lambda relay=relay, position=position: relay.position == position)
        await log.append(append_to())
    assert (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state.first_seq == 1


MALFORMED_ANSWERS = {
    "not_utf8": b'{"error": "\xff"}',
    "nested": b"[" * 100_000,
    "null": b"null",
    "a_number": b'{"error": 1}',
    "another_stream": b'{"stream":"OTHER","seq":1}',
    "binary": b"\x00",
}


@pytest.mark.parametrize("answer", MALFORMED_ANSWERS.values(), ids=MALFORMED_ANSWERS.keys())
async def test_malformed_answer_keeps_the_connection(bus: Bus, answer: bytes):
    publisher = SequencedPublisher(bus.client, stream=PAYMENTS_STREAM, sequence=0, position=0)
    await publisher.open()
    # Such an answer comes only from a client that saw the reply subject.
    await bus.jetstream.delete_stream(PAYMENTS_STREAM)
    subscription = await bus.client.subscribe("payments.>")
    message = Message("payments.padaria.1.X", "name: value\r\n", b"{}", "an-event")
    await publisher.publish([message], tick=TICK_SUBJECT, position=1)
    heard = await subscription.next_msg(timeout=5)
    await bus.client.publish(heard.reply, answer)
    with pytest.raises(nats.errors.Error):
        await publisher.until_answered()
    await bus.client.publish("payments.padaria.1.X")
    assert (await subscription.next_msg(timeout=5)).data == b""
    assert publisher.known == (0, 0)


async def test_full_stream_is_retried_unchanged(log: EventLog, bus: Bus, database_url: str):
    config = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config
    await bus.jetstream.update_stream(config.evolve(max_msgs=5, discard=DiscardPolicy.NEW))
    await log.append(append_to(events=9))

    async with relaying(log, bus, database_url):
        await until(lambda: has_messages(bus, 5))
        # Nothing is to come: some tries of the relay.
        await asyncio.sleep(0.5)
        assert await has_messages(bus, 5)
        await bus.jetstream.update_stream(config.evolve(max_msgs=-1))
        await holds_whole_log(bus, log)
    assert (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state.first_seq == 1


async def test_streams_of_an_older_version_are_compressed_without_loss(log: EventLog, bus: Bus, database_url: str):
    compressed = {config.name for config in STREAMS if config.compression}
    for name in compressed:
        config = (await bus.jetstream.stream_info(name)).config
        await bus.jetstream.update_stream(config.evolve(compression=StoreCompression.NONE, max_msgs=1000))
    await log.append(append_to(events=3))

    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    found = [(await bus.jetstream.stream_info(name)).config for name in compressed]
    assert {(each.compression, each.max_msgs) for each in found} == {(StoreCompression.S2, 1000)}


async def has_messages(bus: Bus, number: int) -> bool:
    return (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state.messages == number


async def test_too_large_event_leaves_a_gap_in_the_chain(log: EventLog, bus: Bus, database_url: str):
    large = new_event(registered(), payment_id=None, correlation_id="x" * 2_000_000)
    await log.append(append_to())
    await log.append(StreamAppend(stream_id=uuid4(), expected_version=0, events=[large]))
    await log.append(append_to())

    async with relaying(log, bus, database_url):
        await until(lambda: has_messages(bus, 2))
        assert await chain_in(bus) == [(0, 1), (2, 3)]


async def test_missing_bus_raises_unavailable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extrato.bus.connection.CONNECT_TIMEOUT_S", 0.5)
    with pytest.raises(BusUnavailable):
        await connect("nats://127.0.0.1:1", name="tests")
