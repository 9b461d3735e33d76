"""The monitor process survives an outage of PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest

from extrato.store.migrations import migrate
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.pace import allowed, running_s

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.integration.monitor.conftest import World


@pytest.fixture
async def postgres(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A separate PostgreSQL, which these tests stop and start."""
    async with EmbeddedPostgres(home, fsync=False) as server:
        yield server


@pytest.fixture
async def database_url(postgres: EmbeddedPostgres) -> str:
    await migrate(postgres.url)
    return postgres.url


async def test_monitor_recovers_from_database_outage(world: World, postgres: EmbeddedPostgres):
    process = await world.monitor_process()
    payment = await world.open()
    await postgres.stop()
    # More than a second, so that a sweep falls into it.
    await asyncio.sleep(1.5)
    await postgres.start()
    await world.sandbox.pay(payment)
    await world.wait_for_status(payment, "approved", within_s=15)
    assert process.returncode is None


async def test_monitor_stops_in_time_without_database(world: World, postgres: EmbeddedPostgres):
    process = await world.monitor_process()
    await postgres.stop()
    began = running_s()
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()
    assert (process.returncode, running_s() - began < allowed(2)) == (0, True), said
    await postgres.start()
