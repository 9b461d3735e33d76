"""The probes of `/readyz`, their number and their time, on a real PostgreSQL and a real NATS."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from contracts.api import Readiness, ReadinessCheck
from contracts.subjects import PAYMENTS_STREAM
from extrato import readiness
from extrato.bus.connection import Bus, connect
from extrato.readiness import OK, ReadinessProbes
from extrato.store.pool import Pool
from tests.database import demoted, full
from tests.pace import until, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from services.cli.embedded.nats import EmbeddedNats


@pytest.fixture
async def pool(emptied_database_url: str) -> AsyncIterator[Pool]:
    async with Pool(emptied_database_url, connections=1) as pool:
        yield pool


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    bus = await connect(nats_url, name="tests")
    yield bus
    await bus.close()


@pytest.fixture
def probes(pool: Pool, bus: Bus) -> ReadinessProbes:
    return ReadinessProbes(pool, bus)


@pytest.fixture
def each_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every call probe again."""
    monkeypatch.setattr(readiness, "SHARED_FOR_S", 0.0)


async def written_at(pool: Pool) -> list[datetime]:
    return [row[0] for row in await pool.fetch("SELECT written_at FROM readiness")]


def without_database(reason: str) -> Readiness:
    database = ReadinessCheck(status="unavailable", reason=reason)
    return Readiness(status="unavailable", checks={"database": database, "bus": OK, "publish": OK})


async def test_concurrent_probes_share_one_write(probes: ReadinessProbes, pool: Pool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readiness, "SHARED_FOR_S", 60.0)
    found = await asyncio.gather(*(probes.probe() for _ in range(100)))
    written = await written_at(pool)
    assert found == [Readiness(status="ok", checks={"database": OK, "bus": OK, "publish": OK})] * 100
    assert await probes.probe() == found[0]
    assert await written_at(pool) == written
    assert len(written) == 1


@pytest.mark.usefixtures("each_probes")
async def test_process_writes_one_row_and_removes_stale_ones(probes: ReadinessProbes, pool: Pool):
    await probes.probe()
    await pool.execute("INSERT INTO readiness VALUES ($1, now() - interval '61 minutes')", uuid4())
    await pool.execute("INSERT INTO readiness VALUES ($1, now() - interval '59 minutes')", uuid4())
    before = max(await written_at(pool))
    assert (await probes.probe()).status == "ok"
    written = await written_at(pool)
    assert len(written) == 2
    assert max(written) > before


@pytest.mark.usefixtures("each_probes")
async def test_demoted_database_is_unavailable_and_disconnected(probes: ReadinessProbes, emptied_database_url: str):
    async with demoted(emptied_database_url):
        # The first probe at the latest notices the terminated connection.
        await until(lambda: is_unavailable(probes, "PostgreSQL refused a write (SQLSTATE 25006)."))
    await until(lambda: is_ok(probes))


async def is_unavailable(probes: ReadinessProbes, reason: str) -> bool:
    return await probes.probe() == without_database(reason)


@pytest.mark.usefixtures("each_probes")
async def test_full_database_is_unavailable(probes: ReadinessProbes, emptied_database_url: str):
    async with full(emptied_database_url):
        assert await probes.probe() == without_database("PostgreSQL refused a write (SQLSTATE 53100).")
    assert (await probes.probe()).status == "ok"


@pytest.mark.usefixtures("each_probes")
async def test_frozen_database_is_reported_in_time_and_probed_once(
    probes: ReadinessProbes, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(readiness, "PROBE_WITHIN_S", 0.2)
    frozen = await pool.fetchval("SELECT pg_backend_pid()")
    os.kill(frozen, signal.SIGSTOP)
    try:
        # One after another, the callers would wait for 20 s.
        async with within(10):
            found = await asyncio.gather(*(probes.probe() for _ in range(100)))
            # While the probe hangs, no other one starts, and no caller waits for it again.
            found.append(await probes.probe())
        assert all(each.checks["database"].reason for each in found)
        assert {each.status for each in found} == {"unavailable"}
    finally:
        os.kill(frozen, signal.SIGCONT)

    await until(lambda: is_ok(probes))


async def is_ok(probes: ReadinessProbes) -> bool:
    return (await probes.probe()).status == "ok"


@pytest.mark.usefixtures("each_probes")
async def test_gateway_without_nats_is_degraded(pool: Pool, nats_server: EmbeddedNats):
    bus = await connect(nats_server.url, name="tests")
    probes = ReadinessProbes(pool, bus)
    assert (await probes.probe()).status == "ok"

    await bus.jetstream.delete_stream(PAYMENTS_STREAM)
    without_stream = await probes.probe()
    await bus.close()
    without_nats = await probes.probe()

    assert without_stream.status == without_nats.status == "degraded"
    assert without_stream.checks["database"] == without_nats.checks["database"] == OK
    assert without_stream.checks["bus"].reason == "JetStream does not show the stream of payments."
    assert without_nats.checks["bus"].reason == without_nats.checks["publish"].reason == "NATS is not connected."
    assert without_stream.checks["publish"].reason == "The stream of payments does not take messages."
