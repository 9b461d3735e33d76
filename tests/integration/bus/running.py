"""Relays, consumers and writers that run beside a test of the bus."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import nats.js.errors
from nats.js.api import AckPolicy, ConsumerConfig

from contracts import subjects as names
from contracts.envelope import Cause, Envelope
from contracts.subjects import DEAD_STREAM, HEADER_POSITION, HEADER_PREVIOUS, PAYMENTS_STREAM
from extrato.bus.consumer import DurableConsumer
from extrato.bus.relay import Relay
from extrato.store.codec import read_event
from extrato.store.log import LogSignal
from tests.integration.store.examples import append_to
from tests.pace import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence
    from typing import Any

    import asyncpg
    from nats.aio.msg import Msg

    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog
    from extrato.store.page import Page


@asynccontextmanager
async def running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run endless loops for the time of the context; none of them may end before."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results


@asynccontextmanager
async def relaying(log: EventLog, bus: Bus, database_url: str) -> AsyncIterator[Relay]:
    """Run a relay for the time of the context."""
    async with LogSignal(database_url) as signal:
        relay = Relay(database_url=database_url, log=log, signal=signal, bus=bus)
        async with running(relay.run()):
            yield relay


class Keeper:
    """A handler that keeps its effects and position together, like a projection's rows and checkpoint."""

    def __init__(self) -> None:
        self.position = 0
        self.kept: list[int] = []
        self.handed = 0

    async def handle(self, page: Page) -> None:
        for envelope in page.envelopes:
            self.handed += 1
            if envelope.position > self.position:
                self.kept.append(envelope.position)
        self.position = max(self.position, page.position)


def consumer(bus: Bus, log: EventLog, keeper: Keeper, *, durable: str = "tests-keeper") -> DurableConsumer:
    return DurableConsumer(bus=bus, log=log, durable=durable, checkpoint=keeper.position, handle=keeper.handle)


async def append_until(log: EventLog, enough: asyncio.Event) -> None:
    """Append some thousand events a second, many at a time."""
    while not enough.is_set():
        await asyncio.gather(*(log.append(append_to(events=3)) for _ in range(20)))
        await asyncio.sleep(0.01)


async def all_have_whole_log(log: EventLog, keepers: Sequence[Keeper], *, within_s: float = 15) -> None:
    """Wait until every keeper is at the end of the log, and check that it has every event once."""
    positions = [row.id for row in await log.read_rows(0, limit=1_000_000)]
    await until(
        lambda: all(keeper.position == positions[-1] for keeper in keepers),
        within_s=within_s,
        what=f"{positions[-1]} in {[keeper.position for keeper in keepers]}",
    )
    for keeper in keepers:
        assert keeper.kept == positions


async def messages_in(bus: Bus, stream: str = PAYMENTS_STREAM) -> list[Msg]:
    """Return all messages of a stream."""
    number = (await bus.jetstream.stream_info(stream)).state.messages
    subscription = await bus.jetstream.pull_subscribe(
        ">", stream=stream, config=ConsumerConfig(ack_policy=AckPolicy.NONE, mem_storage=True)
    )
    messages: list[Msg] = []
    while len(messages) < number:
        messages += await subscription.fetch(500, timeout=5)
    await subscription.unsubscribe()
    return messages


async def dead_letters(bus: Bus) -> list[str]:
    return [message.subject for message in await messages_in(bus, DEAD_STREAM)]


async def chain_in(bus: Bus) -> list[tuple[int, int]]:
    """Return (previous position, position) of every message of the stream."""
    return [
        (int(message.headers[HEADER_PREVIOUS]), int(message.headers[HEADER_POSITION]))
        for message in await messages_in(bus)
    ]


async def holds_whole_log(bus: Bus, log: EventLog) -> None:
    """Wait until the stream holds every event of the log, once, in order and chained."""
    positions = [row.id for row in await log.read_rows(0, limit=1_000_000)]

    async def has_come_to_the_end() -> bool:
        try:
            state = (await bus.jetstream.stream_info(PAYMENTS_STREAM)).state
            if state.messages < len(positions):
                return False
            last = await bus.jetstream.get_msg(PAYMENTS_STREAM, seq=state.last_seq)
        except nats.js.errors.NotFoundError:
            return False
        return (last.headers or {}).get(HEADER_POSITION) == str(positions[-1])

    await until(has_come_to_the_end, within_s=15, what="the whole log in the stream")
    assert await chain_in(bus) == list(zip([0, *positions], positions, strict=False))


async def set_log_back(pool: asyncpg.Pool, *, to: int, is_regrown: bool) -> None:
    """Remove events like a restore; with `is_regrown`, their positions are assigned again."""
    await pool.execute("DELETE FROM stored_events WHERE notification_id > $1", to)
    if is_regrown:
        await pool.execute("SELECT setval('stored_events_notification_id_seq', $1)", to)


def to_envelope(message: Msg) -> Envelope:
    """Decode a message to an envelope, as a subscriber does."""
    headers = message.headers or {}
    payment_id = headers.get(names.HEADER_SUBJECT)
    return Envelope(
        event_id=UUID(headers[names.HEADER_ID]),
        stream_id=UUID(headers[names.HEADER_STREAM_ID]),
        version=int(headers[names.HEADER_VERSION]),
        position=int(headers[names.HEADER_POSITION]),
        merchant=headers[names.HEADER_MERCHANT],
        payment_id=int(payment_id) if payment_id else None,
        occurred_at=datetime.fromisoformat(headers[names.HEADER_TIME]),
        recorded_at=datetime.fromisoformat(headers[names.HEADER_RECORDED_TIME]),
        cause=Cause(
            correlation_id=headers[names.HEADER_CORRELATION_ID],
            actor=headers[names.HEADER_ACTOR],
            actor_id=headers.get(names.HEADER_ACTOR_ID),
            causation_id=headers.get(names.HEADER_CAUSATION_ID),
        ),
        event=read_event(headers[names.HEADER_TYPE].removeprefix(names.CE_TYPE_PREFIX), message.data),
    )
