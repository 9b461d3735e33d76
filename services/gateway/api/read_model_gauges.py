"""The lag of the read models and the events that they skipped, for `/metrics`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from contracts.read_models import READ_MODEL_NAMES
from extrato.scrape import Measurement
from extrato.store.read_model_lag import read_model_lags, show_behind
from extrato.store.unavailable import raising_unavailable
from services.gateway.metrics import READ_MODEL_PASSED_OVER

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.read_model_lag import ReadModelLag

WITHIN_S: Final = 2.0

PASSED_OVER: Final = """
    SELECT name, (SELECT count(*) FROM passed_over WHERE read_model = name) FROM unnest($1::text[]) AS name
"""

Found = tuple["list[ReadModelLag]", dict[str, int]]


def measure_read_models(pool: asyncpg.Pool) -> Measurement[Found]:
    """Return the measurement; without an answer from PostgreSQL the gauges are empty, not outdated."""
    return Measurement(functools.partial(_read, pool), _show)


async def _read(pool: asyncpg.Pool) -> Found:
    lags = await read_model_lags(pool, READ_MODEL_NAMES)
    with raising_unavailable():
        passed_over = await pool.fetch(PASSED_OVER, READ_MODEL_NAMES, timeout=WITHIN_S)
    return lags, dict(passed_over)


def _show(found: Found | None) -> None:
    lags, passed_over = ([], {}) if found is None else found
    show_behind(lags)
    READ_MODEL_PASSED_OVER.clear()
    for name, count in passed_over.items():
        READ_MODEL_PASSED_OVER.labels(name).set(count)
