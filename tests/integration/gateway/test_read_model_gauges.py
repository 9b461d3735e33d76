"""The gauges show the lag and skipped events of read models, and are empty while PostgreSQL does not answer."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
from prometheus_client import REGISTRY

from services.gateway.api.read_model_gauges import measure_read_models


def shown(name, read_model):
    return REGISTRY.get_sample_value(f"extrato_read_model_{name}", {"read_model": read_model})


async def test_metrics_show_lag_and_skipped_events_of_read_models(database_url):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        for version in (1, 2, 3):
            await pool.execute("INSERT INTO stored_events VALUES ($1, $2, 'X.v1', '')", uuid4(), version)
        await pool.execute("INSERT INTO checkpoints VALUES ('merchants', 1, 3), ('payment_details', 1, 1)")
        await pool.execute("INSERT INTO passed_over VALUES ('merchants', 2, 'X.v1', true, 'no such event')")
        measurement = measure_read_models(pool)
        await measurement.measure()
        assert (shown("behind", "merchants"), shown("passed_over", "merchants")) == (0, 1)
        assert (shown("behind", "payment_details"), shown("passed_over", "payment_details")) == (2, 0)
        assert (shown("behind", "open_payments"), shown("passed_over", "open_payments")) == (3, 0)
    await measurement.measure()
    assert shown("behind", "merchants") is None
