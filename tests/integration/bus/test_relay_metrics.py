"""Every process with a relay shows how far the log is published, whether it leads or not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from extrato.bus.relay import Relay
from extrato.bus.relay_metrics import CYCLE_TIMESTAMP_S, measure_relay
from extrato.store.log import LogSignal
from tests.integration.bus.running import relaying, running
from tests.integration.store.examples import NOON, append_to
from tests.pace import until

if TYPE_CHECKING:
    import asyncpg
    import pytest

    from extrato.bus.connection import Bus
    from extrato.store.event_log import EventLog


def shown(name: str) -> float:
    return REGISTRY.get_sample_value(f"extrato_relay_{name}") or 0.0


async def measure(relay: Relay, pool: asyncpg.Pool) -> None:
    """Measure ninety seconds after each event."""
    await measure_relay(relay, pool, now_s=lambda: NOON.timestamp() + 90).measure()


async def test_log_without_a_leader_shows_a_lag(log: EventLog, bus: Bus, pool: asyncpg.Pool, database_url: str):
    idle = Relay(database_url=database_url, log=log, signal=LogSignal(database_url), bus=bus)
    await log.append(append_to(events=3))
    await measure(idle, pool)
    assert (shown("is_leader"), shown("published_position"), shown("lag_events"), shown("lag_seconds")) == (0, 0, 3, 90)


async def test_follower_shows_the_lag_that_the_leader_left(
    log: EventLog, bus: Bus, pool: asyncpg.Pool, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("extrato.bus.relay.RENEW_S", 0)
    await log.append(append_to(events=3))
    published = shown("published_total")
    async with relaying(log, bus, database_url) as leader:
        await until(lambda: leader.position == 3)
        await measure(leader, pool)
        assert (shown("is_leader"), shown("published_position"), shown("lag_events"), shown("lag_seconds")) == (
            1,
            3,
            0,
            0,
        )
        assert shown("published_total") == published + 3

        async def is_saved() -> bool:
            return await pool.fetchval("SELECT position FROM relay_lease") == 3

        await until(is_saved)
    await log.append(append_to(events=2))
    # The leader is gone. It and every follower show what the log lacks on the bus.
    await measure(leader, pool)
    assert (shown("is_leader"), shown("published_position"), shown("lag_events"), shown("lag_seconds")) == (0, 3, 2, 90)


async def test_relay_without_postgresql_shows_no_lag_that_looks_healthy(
    log: EventLog, bus: Bus, pool: asyncpg.Pool, database_url: str
):
    relay = Relay(database_url=database_url, log=log, signal=LogSignal(database_url), bus=bus)
    measurement = measure_relay(relay, pool)
    await measurement.measure()
    assert shown("lag_events") == 0
    await pool.close()
    await measurement.measure()
    assert shown("is_leader") == 0
    assert all(math.isnan(shown(name)) for name in ("published_position", "lag_events", "lag_seconds"))


async def test_leader_and_follower_complete_cycles_when_there_is_nothing_to_do(
    log: EventLog, bus: Bus, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("extrato.bus.relay.CHECK_INTERVAL_S", 0.01)
    monkeypatch.setattr("extrato.bus.relay.WAIT_FOR_LEASE_S", 0.01)
    async with relaying(log, bus, database_url) as leader:
        await until(lambda: leader.is_leader)
        CYCLE_TIMESTAMP_S.set(0)
        await until(lambda: shown("cycle_timestamp_seconds") > 0, "a cycle of the leader")
        async with LogSignal(database_url) as signal:
            follower = Relay(database_url=database_url, log=log, signal=signal, bus=bus)
            marked: list[Relay] = []
            monkeypatch.setattr("extrato.bus.relay.mark_time", lambda _: marked.append(follower))
            async with running(follower.run()):
                await until(lambda: len(marked) > 2 and not follower.is_leader)
    CYCLE_TIMESTAMP_S.set(0)
    assert shown("cycle_timestamp_seconds") == 0


async def test_emptied_stream_is_counted_as_a_refill(
    log: EventLog, bus: Bus, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    await log.append(append_to(events=3))
    before = shown("refills_total")
    monkeypatch.setattr("extrato.bus.relay.CHECK_INTERVAL_S", 0.05)
    async with relaying(log, bus, database_url) as relay:
        await until(lambda: relay.position == 3)
        assert shown("refills_total") == before
        await bus.jetstream.purge_stream("PAYMENTS")
        await until(lambda: shown("refills_total") == before + 1, "the refill", within_s=10)
