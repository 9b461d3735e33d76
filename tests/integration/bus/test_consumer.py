from __future__ import annotations

import asyncio
import math
import os
import signal
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import nats.js.errors
import pytest
from eventsourcing.persistence import StoredEvent
from nats.js.api import AckPolicy, ConsumerConfig

from contracts.subjects import DEAD_STREAM, PAYMENTS_STREAM
from extrato.bus.consumer import DurableConsumer
from extrato.bus.messages import to_message
from extrato.bus.pull import DurablePull
from extrato.errors import Transient
from tests.integration.bus.running import (
    Keeper,
    all_have_whole_log,
    append_until,
    consumer,
    dead_letters,
    holds_whole_log,
    messages_in,
    relaying,
    running,
)
from tests.integration.store.examples import append_to, new_event, stored
from tests.pace import until, within

if TYPE_CHECKING:
    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog
    from extrato.store.page import Page
    from services.cli.embedded.nats import EmbeddedNats

DURABLES = ("tests-one", "tests-two", "tests-three")


async def reaches(log: EventLog, position: int) -> bool:
    return await log.head() >= position


async def test_consumer_handles_old_and_new_events(log: EventLog, bus: Bus, database_url: str):
    await asyncio.gather(*(log.append(append_to(events=2)) for _ in range(300)))
    keeper = Keeper()

    async with relaying(log, bus, database_url), running(consumer(bus, log, keeper).run()):
        await all_have_whole_log(log, [keeper])
        await asyncio.gather(*(log.append(append_to()) for _ in range(50)))
        await all_have_whole_log(log, [keeper])


# Much sooner than two minutes, also when many workers share a core.
BY_THE_BUS_S = 5.0


@pytest.fixture
def rare_log_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    read_log_rarely(monkeypatch)


def read_log_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make consumers read the log rarely, so that earlier events come from the bus."""
    monkeypatch.setattr("extrato.bus.consumer.READ_LOG_EVERY_S", 120.0)


async def test_consumer_of_an_older_version_is_recreated(log: EventLog, bus: Bus, database_url: str):
    old = ConsumerConfig(durable_name="tests-keeper", ack_policy=AckPolicy.EXPLICIT)
    await bus.jetstream.add_consumer(PAYMENTS_STREAM, old)
    await log.append(append_to(events=3))
    keeper = Keeper()
    async with relaying(log, bus, database_url), running(consumer(bus, log, keeper).run()):
        await all_have_whole_log(log, [keeper])
        await log.append(append_to())
        await all_have_whole_log(log, [keeper])
        await until(lambda: everything_is_acknowledged(bus))
    found = (await bus.jetstream.consumer_info(PAYMENTS_STREAM, "tests-keeper")).config
    assert (found.ack_policy, found.headers_only) == (AckPolicy.ALL, True)


async def everything_is_acknowledged(bus: Bus) -> bool:
    info = await bus.jetstream.consumer_info(PAYMENTS_STREAM, "tests-keeper")
    return (info.num_pending, info.num_ack_pending) == (0, 0)


async def test_event_reaches_a_consumer_by_the_bus(log: EventLog, bus: Bus, database_url: str, rare_log_reads: None):
    keeper = Keeper()
    async with relaying(log, bus, database_url), running(consumer(bus, log, keeper).run()):
        await log.append(append_to())
        await until(lambda: keeper.position == 1)
        await consumer_waits(bus)
        for position in (2, 3, 4):
            await log.append(append_to())
            await until(lambda position=position: keeper.position == position, within_s=BY_THE_BUS_S)


async def consumer_waits(bus: Bus) -> None:
    async def has_asked() -> bool:
        info = await bus.jetstream.consumer_info(PAYMENTS_STREAM, "tests-keeper")
        return bool(info.num_waiting)

    await until(has_asked)


async def test_consumer_at_its_checkpoint_repeats_no_event(log: EventLog, bus: Bus, database_url: str):
    await log.append(append_to(events=5))
    keeper = Keeper()
    keeper.position = 3

    async with relaying(log, bus, database_url), running(consumer(bus, log, keeper).run()):
        await until(lambda: keeper.position == 5)
        await log.append(append_to())
        await until(lambda: keeper.position == 6)

    assert keeper.kept == [4, 5, 6]
    assert keeper.handed == 3


async def test_restarted_consumer_continues(log: EventLog, bus: Bus, database_url: str):
    keeper = Keeper()
    async with relaying(log, bus, database_url):
        for _ in range(3):
            async with running(consumer(bus, log, keeper).run()):
                await asyncio.gather(*(log.append(append_to(events=2)) for _ in range(100)))
                await until(lambda: keeper.position > 0)
        async with running(consumer(bus, log, keeper).run()):
            await all_have_whole_log(log, [keeper])


@pytest.mark.parametrize("damage", ["delete_stream", "purge_stream", "delete_consumers", "kill_nats"])
async def test_consumers_get_each_event_once_from_a_damaged_bus(
    log: EventLog, bus: Bus, database_url: str, nats_server: EmbeddedNats, damage: str
):
    keepers = [Keeper() for _ in DURABLES]
    consumers = [consumer(bus, log, keeper, durable=durable) for keeper, durable in zip(keepers, DURABLES, strict=True)]
    enough = asyncio.Event()
    async with relaying(log, bus, database_url), running(*(one.run() for one in consumers)):
        writer = asyncio.create_task(append_until(log, enough))
        await until(lambda: all(keeper.position > 500 for keeper in keepers))
        if damage == "delete_stream":
            await bus.jetstream.delete_stream(PAYMENTS_STREAM)
        elif damage == "purge_stream":
            await bus.jetstream.purge_stream(PAYMENTS_STREAM)
        elif damage == "delete_consumers":
            for durable in DURABLES:
                await bus.jetstream.delete_consumer(PAYMENTS_STREAM, durable)
        else:
            os.kill(nats_server.pid, signal.SIGKILL)
            await nats_server.stop()
            await nats_server.start()
        before = await log.head()
        await until(lambda: reaches(log, before + 500))
        enough.set()
        await writer
        await all_have_whole_log(log, keepers)
        await holds_whole_log(bus, log)


async def test_consumers_continue_after_a_quiet_stream_is_deleted(
    log: EventLog, bus: Bus, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    keeper = Keeper()
    await log.append(append_to(events=3))
    async with relaying(log, bus, database_url), running(consumer(bus, log, keeper).run()):
        await until(lambda: exists(bus, "tests-keeper"))
        await consumer_waits(bus)
        # The server reports a deleted consumer only at the next request.
        await bus.jetstream.delete_stream(PAYMENTS_STREAM)
        await log.append(append_to(events=3))
        await all_have_whole_log(log, [keeper])
        await until(lambda: exists(bus, "tests-keeper"))
        read_log_rarely(monkeypatch)
        await log.append(append_to())
        await until(lambda: keeper.position == 7)
        await consumer_waits(bus)
        await log.append(append_to())
        await until(lambda: keeper.position == 8, within_s=BY_THE_BUS_S)


async def exists(bus: Bus, durable: str) -> bool:
    try:
        await bus.jetstream.consumer_info(PAYMENTS_STREAM, durable)
    except nats.js.errors.NotFoundError:
        return False
    return True


async def publish_as_relay(log: EventLog, bus: Bus, position: int, *, previous: int) -> None:
    row = (await log.read_rows(position - 1, limit=1))[0]
    message = to_message(row, previous=previous, identity=await log.identity.read())
    headers = dict(line.split(": ", 1) for line in message.headers.splitlines())
    await bus.jetstream.publish(message.subject, message.body, headers=headers)


async def test_unpublished_event_is_read_from_the_log(log: EventLog, bus: Bus, rare_log_reads: None):
    keeper = Keeper()
    durable = consumer(bus, log, keeper)
    async with running(durable.run()):
        await until(lambda: exists(bus, "tests-keeper"))
        await log.append(append_to(events=4))
        await publish_as_relay(log, bus, 1, previous=0)
        await publish_as_relay(log, bus, 4, previous=3)
        await all_have_whole_log(log, [keeper])


async def test_deleted_messages_are_read_from_the_log(log: EventLog, bus: Bus, database_url: str, rare_log_reads: None):
    keeper = Keeper()
    durable = consumer(bus, log, keeper)
    pull = DurablePull(bus, stream=PAYMENTS_STREAM, durable="tests-keeper")
    await pull.open()
    await durable.catch_up()
    durable._look_at_s = math.inf
    await asyncio.gather(*(log.append(append_to(events=2)) for _ in range(20)))
    async with relaying(log, bus, database_url):
        await holds_whole_log(bus, log)
    for sequence in (7, 8, 21):
        await bus.jetstream.delete_msg(PAYMENTS_STREAM, sequence)
    while keeper.position < 40:
        await durable._consume(pull)

    await all_have_whole_log(log, [keeper])


async def test_lost_last_message_is_read_from_the_log(log: EventLog, bus: Bus):
    keeper = Keeper()
    async with running(consumer(bus, log, keeper).run()):
        await until(lambda: exists(bus, "tests-keeper"))
        await log.append(append_to())
        await until(lambda: keeper.position == 1)


async def test_old_messages_do_not_delay_reads_of_the_log(log: EventLog, bus: Bus):
    keeper = Keeper()
    await log.append(append_to())

    async def repeat_old_messages() -> None:
        while True:
            await publish_as_relay(log, bus, 1, previous=0)
            await asyncio.sleep(0.05)

    async with running(consumer(bus, log, keeper).run(), repeat_old_messages()):
        await until(lambda: keeper.position == 1)
        await log.append(append_to())
        await until(lambda: keeper.position == 2)


async def test_ended_request_is_followed_by_the_next_at_once(log: EventLog, bus: Bus):
    await log.append(append_to())
    pull = DurablePull(bus, stream=PAYMENTS_STREAM, durable="tests-keeper")
    await pull.open()
    await publish_as_relay(log, bus, 1, previous=0)
    while not (came := await pull.take(within_s=2)):
        pass
    assert len(came) == 1
    # The request ends long before the time of the code that waits for it.
    async with within(20):
        assert await pull.take(within_s=60) == []


@pytest.mark.parametrize("size", [10, (1 << 20) - 200])
async def test_foreign_message_is_dead_lettered(log: EventLog, bus: Bus, size: int):
    keeper = Keeper()
    durable = consumer(bus, log, keeper)
    async with running(durable.run()):
        await until(lambda: exists(bus, "tests-keeper"))
        await bus.client.send_raw(b"PUB payments.\xff\xfe.1.X %d\r\n%s\r\n" % (size, b"x" * size))
        await bus.client.publish("elsewhere")
        await has_letters(bus, 1)
        assert durable.refused == 1
        await log.append(append_to())
        await until(lambda: keeper.position == 1)
    (letter,) = await messages_in(bus, DEAD_STREAM)
    assert len(letter.data) <= 1000
    assert bus.is_connected


async def has_letters(bus: Bus, number: int) -> None:
    """Wait for dead letters; a refusal is counted before its letter is published."""

    async def are_there() -> bool:
        return (await bus.jetstream.stream_info(DEAD_STREAM)).state.messages == number

    await until(are_there, f"{number} dead letters")


async def test_message_beyond_the_log_does_not_move_the_checkpoint(log: EventLog, bus: Bus):
    keeper = Keeper()
    durable = consumer(bus, log, keeper)
    async with running(durable.run()):
        await until(lambda: exists(bus, "tests-keeper"))
        await log.append(append_to())
        row = stored(new_event(), stream_id=uuid4(), version=1)
        headers = {"ce-position": "1000", "ce-previousposition": "999", "ce-type": row.topic}
        await bus.jetstream.publish("payments.padaria.1.X", b'{"far": "ahead"}', headers=headers)
        await bus.jetstream.publish("payments.padaria.1.X", b'{"nowhere": 1}')
        headers = {"ce-position": "9" * 30, "ce-previousposition": "0"}
        await bus.jetstream.publish("payments.padaria.1.X", b'{"further": "than any"}', headers=headers)
        await publish_as_relay(log, bus, 1, previous=0)
        await until(lambda: keeper.position == 1)
        await log.append(append_to())
        await all_have_whole_log(log, [keeper])
        await has_letters(bus, 3)
        assert durable.refused == 3
    letters = await messages_in(bus, DEAD_STREAM)
    assert {message.subject for message in letters} == {"dead.tests-keeper.payments.padaria.1.X"}
    assert sorted(message.data for message in letters) == [
        b'{"far": "ahead"}',
        b'{"further": "than any"}',
        b'{"nowhere": 1}',
    ]


def unreadable_event(stream, version: int) -> StoredEvent:
    """A row with the hub's metadata, of an event that this version does not know."""
    row = stored(new_event(), stream_id=stream, version=version)
    return StoredEvent(
        originator_id=row.originator_id,
        originator_version=row.originator_version,
        topic="NeverHeardOf.v1",
        state=row.state,
    )


async def test_unreadable_old_event_is_dead_lettered_once(log: EventLog, bus: Bus):
    await log.append(append_to())
    await log.recorder.insert_events([unreadable_event(uuid4(), 1)])
    await log.append(append_to())
    keeper = Keeper()

    durable = consumer(bus, log, keeper)
    async with running(durable.run()):
        # By then it has dead-lettered the events that it read before.
        await durable.subscribed.wait()
        assert keeper.position == 3

    assert keeper.kept == [1, 3]
    assert await dead_letters(bus) == ["dead.tests-keeper.log.2"]


async def test_unreadable_new_event_is_dead_lettered_once(log: EventLog, bus: Bus, database_url: str):
    keeper = Keeper()
    async with relaying(log, bus, database_url), running(consumer(bus, log, keeper).run()):
        await log.append(append_to())
        await until(lambda: keeper.position == 1)
        await consumer_waits(bus)
        await log.recorder.insert_events([unreadable_event(uuid4(), 1)])
        await until(lambda: keeper.position == 2)
        await log.append(append_to())
        await until(lambda: keeper.position == 3)

    assert keeper.kept == [1, 3]
    assert await dead_letters(bus) == ["dead.tests-keeper.log.2"]


async def test_forged_message_has_no_effect(log: EventLog, bus: Bus):
    keeper = Keeper()
    async with running(consumer(bus, log, keeper).run()):
        await until(lambda: exists(bus, "tests-keeper"))
        (true,) = await log.append(append_to())
        row = stored(new_event(), stream_id=uuid4(), version=1)
        # One names a used position, the other one a future position.
        for position in (true, true + 1_000_000):
            headers = {"ce-position": str(position), "ce-previousposition": "0", "ce-type": row.topic}
            await bus.jetstream.publish("payments.padaria.1.StatusChanged", b"{}", headers=headers)
        await until(lambda: keeper.position == true)
        await log.append(append_to())
        await all_have_whole_log(log, [keeper])
    assert keeper.position == await log.head()


class Refusing(Keeper):
    """A handler that raises for the events at some positions, `times` times each."""

    def __init__(self, *positions: int, error: Exception, times: int) -> None:
        super().__init__()
        self.left = dict.fromkeys(positions, times)
        self.error = error

    async def handle(self, page: Page) -> None:
        for envelope in page.envelopes:
            if self.left.get(envelope.position):
                self.left[envelope.position] -= 1
                raise self.error
        await super().handle(page)


@pytest.mark.parametrize(
    "error",
    [
        Transient(),
        asyncpg.ConnectionDoesNotExistError(),
        OSError(),
        asyncpg.DiskFullError("no space left"),
        asyncpg.QueryCanceledError("statement timeout"),
    ],
)
async def test_consumer_retries_an_unavailable_store_without_skipping(
    log: EventLog, bus: Bus, database_url: str, error: Exception
):
    keeper = Refusing(3, 8, error=error, times=2)
    durable = consumer(bus, log, keeper)
    await log.append(append_to(events=4))

    async with relaying(log, bus, database_url), running(durable.run()):
        await until(lambda: keeper.position == 4)
        await log.append(append_to(events=5))
        await all_have_whole_log(log, [keeper])

    assert durable.refused == 0
    assert keeper.left == {3: 0, 8: 0}
    assert await dead_letters(bus) == []


async def test_consumer_set_back_at_a_subscription_repeats_events(log: EventLog, bus: Bus):
    await log.append(append_to(events=4))
    pages: list[tuple[int, int]] = []

    async def handle(page: Page) -> None:
        pages.append((page.after, page.position))

    async def set_back() -> None:
        durable.checkpoint = 1

    durable = DurableConsumer(bus=bus, log=log, durable="tests-keeper", checkpoint=2, handle=handle, before=set_back)
    async with running(durable.run()):
        await durable.subscribed.wait()
    assert pages[:2] == [(2, 4), (1, 4)]


async def test_skipped_event_is_dead_lettered(log: EventLog, bus: Bus):
    await consumer(bus, log, Keeper()).dead_letter_positions([(3, "no such thing")])
    (letter,) = await messages_in(bus, DEAD_STREAM)
    assert (letter.subject, letter.headers) == ("dead.tests-keeper.log.3", {"reason": "no such thing"})


async def test_failed_dead_letter_does_not_stop_a_consumer(log: EventLog, bus: Bus):
    await bus.close()
    await consumer(bus, log, Keeper()).dead_letter_positions([(3, "no such thing")])
