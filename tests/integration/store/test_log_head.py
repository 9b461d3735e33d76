"""Metrics of the log are what PostgreSQL itself has, or nothing."""

from __future__ import annotations

import asyncio
import math
from uuid import uuid4

import asyncpg
import pytest
from prometheus_client import REGISTRY

from extrato import scrape
from extrato.store.event_log import EventLog
from extrato.store.log_head import lags_s, measure_head
from extrato.store.pool_gauge import show_connections
from tests.integration.store.examples import NOON, append_to, new_event, opened, stored

PUT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, 1, $2, $3)"


def shown(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"extrato_{name}", labels) or 0.0


@pytest.fixture
async def pool(database_url: str):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        yield pool


async def test_head_is_the_newest_event_of_any_process(pool):
    await measure_head(pool).measure()
    assert shown("log_head_position") == 0
    assert math.isnan(shown("log_head_timestamp_seconds"))
    event = stored(new_event(), stream_id=uuid4(), version=1)
    await pool.execute(PUT, event.originator_id, event.topic, event.state)
    await measure_head(pool).measure()
    assert shown("log_head_position") == 1
    assert shown("log_head_timestamp_seconds") == NOON.timestamp()
    await pool.execute(PUT, uuid4(), "X.v1", b"no JSON")
    await measure_head(pool).measure()
    assert shown("log_head_position") == 2
    assert math.isnan(shown("log_head_timestamp_seconds"))


async def test_lag_is_the_age_of_the_oldest_event_above_a_position(pool):
    log = EventLog(pool)
    await log.append(append_to(events=2))
    assert await lags_s(pool, [2, 0, 1], now_s=NOON.timestamp() + 90) == [0.0, 90.0, 90.0]
    await log.close()


async def test_old_head_is_not_shown_while_no_connection_is_free(pool, monkeypatch):
    measurement = measure_head(pool)
    await measurement.measure()
    assert shown("log_head_position") == 0
    show_connections(pool)
    assert (shown("database_connections", state="used"), shown("database_connections", state="idle")) == (0, 1)
    monkeypatch.setattr(scrape, "MEASURED_WITHIN_S", 0.01)
    async with pool.acquire():
        show_connections(pool)
        assert (shown("database_connections", state="used"), shown("database_connections", state="idle")) == (1, 0)
        await measurement.measure()
        assert math.isnan(shown("log_head_position"))


async def test_head_is_not_a_number_while_postgresql_is_away(pool):
    measurement = measure_head(pool)
    await measurement.measure()
    await pool.close()
    await measurement.measure()
    assert math.isnan(shown("log_head_position"))


async def test_each_write_is_counted_once_for_all_its_events(pool):
    names = ("append_batch_events_count", "append_batch_events_sum", "append_duration_seconds_count")
    types = ("PaymentOpened", "ConfirmationRefused")

    def counted() -> list[float]:
        return [shown(name) for name in names] + [shown("events_appended_total", event=event) for event in types]

    log, before = EventLog(pool), counted()
    stream = uuid4()
    await log.append(append_to(stream, events=3))
    # Both wait for the same write. One expects a version that the stream has left.
    opening = append_to()
    opening = type(opening)(stream_id=uuid4(), expected_version=0, events=[new_event(opened())])
    await asyncio.gather(log.append(opening), log.append(append_to(stream)), return_exceptions=True)
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 4, 2, 1, 3]
    await log.close()
