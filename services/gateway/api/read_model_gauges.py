"""The lag of the read models and the events that they skipped, for `/metrics`."""

from __future__ import annotations

from typing import Final

import asyncpg

from extrato.store.unavailable import DATABASE_UNAVAILABLE
from services.gateway.metrics import READ_MODEL_BEHIND, READ_MODEL_PASSED_OVER

WITHIN_S: Final = 2.0

MEASURE: Final = """
    SELECT
        read_model,
        (SELECT coalesce(max(notification_id), 0) FROM stored_events) - position AS behind,
        (SELECT count(*) FROM passed_over WHERE passed_over.read_model = checkpoints.read_model) AS passed_over
    FROM checkpoints
"""


async def set_read_model_gauges(pool: asyncpg.Pool) -> None:
    """Set the gauges; without an answer from PostgreSQL they are empty, not outdated."""
    try:
        rows = await pool.fetch(MEASURE, timeout=WITHIN_S)
    except (*DATABASE_UNAVAILABLE, asyncpg.PostgresError):
        rows = []
    READ_MODEL_BEHIND.clear()
    READ_MODEL_PASSED_OVER.clear()
    for row in rows:
        READ_MODEL_BEHIND.labels(row["read_model"]).set(row["behind"])
        READ_MODEL_PASSED_OVER.labels(row["read_model"]).set(row["passed_over"])
