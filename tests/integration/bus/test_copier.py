"""The copies for subscribers on an operator's NATS: one process at a time fills them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from extrato.bus import copier as copier_module
from extrato.bus.copier import Copier
from extrato.settings import Settings
from extrato.store.advisory_locks import FILL_COPIES
from tests.database import execute
from tests.integration.bus.test_copies import client_of, read
from tests.pace import until

END_LEADER = f"""
    SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) + objid::bigint = {FILL_COPIES}
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(copier_module, "CHECK_INTERVAL_S", 0.05)
    monkeypatch.setattr(copier_module, "WAIT_FOR_LOCK_S", 0.05)


@pytest.fixture
def settings(nats_server, database_url):
    return Settings(
        database_url=database_url,
        nats_url=nats_server.url,
        copies_nats_url=nats_server.copies_url,
        copies_consumer=nats_server.delivery_consumer,
    )


@contextlib.asynccontextmanager
async def copying(settings):
    copier = Copier(settings)
    task = asyncio.create_task(copier.run())
    yield copier
    assert not task.done()
    task.cancel()
    await asyncio.wait((task,))


async def test_one_process_fills_the_copies_and_another_takes_over(settings, bus, nats_server):
    async with (
        client_of(nats_server.subscriber_url) as subscriber,
        client_of(nats_server.copies_url) as client,
        contextlib.AsyncExitStack() as first_process,
    ):
        first = await first_process.enter_async_context(copying(settings))
        await until(lambda: first.is_leader)
        async with copying(settings) as second:
            await bus.jetstream.publish("payments.padaria.1.Event1", b"{}")
            assert await read(subscriber, 1) == ["payments.padaria.1.Event1"]
            assert not second.is_leader
            await first_process.aclose()
            await until(lambda: second.is_leader)
            await client.jetstream().delete_stream("PAYMENTS")
            await until(lambda: has_copy(client))
            assert await read(subscriber, 1) == ["payments.padaria.1.Event1"]


async def test_process_that_lost_its_session_stops_and_takes_the_lock_again(settings, bus, database_url):
    with capture_logs() as logged:
        async with copying(settings) as copier:
            await until(lambda: copier.is_leader)
            await execute(database_url, END_LEADER)
            await until(lambda: logged[-1]["event"] == "copies_go_on")
            assert copier.is_leader
    assert [line["event"] for line in logged] == [
        "copier_leads",
        "copies_interrupted",
        "copier_leads",
        "copies_go_on",
    ]


async def has_copy(client):
    return {each.config.name for each in await client.jetstream().streams_info()} == {"PAYMENTS", "CHECKS"}


async def test_refused_copier_is_logged_once_and_stops_no_other_part(settings, nats_server):
    refused = Settings(
        database_url=settings.database_url,
        nats_url=settings.nats_url,
        copies_nats_url=nats_server.copies_url.replace("copier:", "copier:not-"),
        copies_consumer=settings.copies_consumer,
    )
    with capture_logs() as logged:
        async with copying(refused) as copier:
            await until(lambda: logged)
            await asyncio.sleep(0.3)  # Another try; it leaves no trace to wait for.
            assert not copier.is_leader
    assert [(line["event"], line["component"]) for line in logged] == [("copies_interrupted", "copier")]
