"""A hub's log, bus and relay for one test, on separate servers where it needs them."""

import asyncio
import contextlib
from uuid import uuid4

import asyncpg
import pytest

from contracts.envelope import Cause
from contracts.events import PAYMENT_EVENTS
from extrato.bus.connection import connect
from extrato.bus.relay import Relay
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.store.event_log import EventLog
from extrato.store.log import LogSignal
from extrato.store.page import page_of
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild, rebuild_if_stale
from services.projections.runner import Runner
from tests.pace import until
from tests.unit.projections import history
from tests.unit.projections.tables import every_row


class Hub:
    """The parts around the read models, with helpers for tests."""

    def __init__(self, *, database_url, pool, bus=None):
        self.database_url = database_url
        self.pool = pool
        self.bus = bus
        self.log = EventLog(pool)
        self._versions = {}

    async def append(self, *happened, payment_id=history.PAYMENT_ID, merchant=history.MERCHANT):
        """Append events to the stream of the payment, or of the merchant for a merchant's events."""
        of_payment = isinstance(happened[0], PAYMENT_EVENTS)
        stream = history.stream_of(payment_id if of_payment else merchant)
        version = self._versions.get(stream, 0)
        news = [
            NewEvent(
                event_id=uuid4(),
                merchant=merchant,
                payment_id=payment_id if of_payment else None,
                occurred_at=history.NOON,
                recorded_at=history.recorded_at(version + nth),
                cause=Cause(correlation_id=f"request-{payment_id}", actor="api_key", actor_id="key-1"),
                event=event,
            )
            for nth, event in enumerate(happened)
        ]
        self._versions[stream] = version + len(news)
        append = StreamAppend(stream_id=stream, expected_version=version, events=news)
        return await self.log.read_positions(await self.log.append(append))

    async def append_payments(self, numbers):
        """Append the events of payments with different ends, one append for each event."""
        for number in numbers:
            for event in life_of(number):
                await self.append(event, payment_id=number)

    async def append_unreadable(self):
        """Append an event that this code does not know; return its position."""
        return await self.pool.fetchval(
            """INSERT INTO stored_events (originator_id, originator_version, topic, state)
               SELECT $1, 1, 'PaymentTeleported.v1', state FROM stored_events WHERE topic = 'PaymentOpened.v5'
               LIMIT 1 RETURNING notification_id""",
            uuid4(),
        )

    def runner(self, read_models=READ_MODELS):
        return Runner(
            database_url=self.database_url, pool=self.pool, log=self.log, bus=self.bus, read_models=read_models
        )

    async def page(self, start=0, end=None):
        """The events of the log from index `start` to `end`, as a consumer's page."""
        rows = await self.log.read_rows(0, limit=1_000_000)
        return page_of(rows[start:end], after=rows[start - 1].id if start else 0)

    async def make_tables(self, read_models=READ_MODELS):
        for read_model in read_models:
            await rebuild_if_stale(read_model, database_url=self.database_url, log=self.log)

    async def rebuild(self, read_model):
        await rebuild(read_model, database_url=self.database_url, log=self.log)

    async def rebuild_all(self):
        for read_model in READ_MODELS:
            await self.rebuild(read_model)

    @contextlib.asynccontextmanager
    async def relaying(self):
        async with LogSignal(self.database_url) as signal:
            relay = Relay(database_url=self.database_url, log=self.log, signal=signal, bus=self.bus)
            async with in_background(relay.run()):
                yield relay

    async def rows(self):
        """Every row of every table of the read models."""
        return {
            table: [tuple(row) for row in await self.pool.fetch(query)]
            for read_model in READ_MODELS
            for table, query in every_row(read_model)
        }

    async def passed_over(self):
        """The skipped events: pairs of a read model and a position."""
        rows = await self.pool.fetch("SELECT read_model, position FROM passed_over ORDER BY 1, 2")
        return [tuple(row) for row in rows]

    async def positions(self):
        return dict(await self.pool.fetch("SELECT read_model, position FROM checkpoints"))

    async def is_complete(self):
        """Return whether every read model has applied the whole log."""
        positions = await self.positions()
        return len(positions) == len(READ_MODELS) and set(positions.values()) == {await self.log.head()}

    async def status_of(self, payment_id):
        return await self.pool.fetchval("SELECT status FROM payment_details WHERE payment_id = $1", payment_id)


def life_of(number):
    """Return the events of a payment, with one of four ends."""
    begin = (history.opened(title=f"Pedido {number}"), history.CHARGED, history.WATCHED)
    attempt = f"a{number}"
    ends = (
        (),
        (history.observed("approved", attempt=attempt), history.moved("approved", attempt=attempt)),
        (history.observed("rejected", attempt=attempt), history.moved("rejected", attempt=attempt)),
        (history.EXPIRED, history.moved("cancelled", attempt=None, detail="expired")),
    )
    return begin + ends[number % 4]


@contextlib.asynccontextmanager
async def in_background(*works):
    """Run coroutines beside the body; an error of one fails the test."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        while pending := [task for task in tasks if not task.done()]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=0.25)
        for task in tasks:
            if not task.cancelled():
                task.result()


@pytest.fixture
async def hub(database_url):
    """A hub without a bus, for tests that need the log only."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=12) as pool:
        hub = Hub(database_url=database_url, pool=pool)
        yield hub
        await hub.log.close()


@pytest.fixture
async def bus(hub, nats_server):
    """The hub's bus."""
    hub.bus = await connect(nats_server.url, name="test")
    yield hub.bus
    await hub.bus.close()


@pytest.fixture
async def live_hub(hub, bus):
    """A hub with a running relay and read models."""
    await hub.make_tables()
    hub.live_runner = hub.runner()
    async with hub.relaying() as relay, in_background(hub.live_runner.run()):
        await until(lambda: relay.is_leader)
        yield hub
