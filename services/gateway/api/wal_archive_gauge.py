"""Sets the Prometheus gauge of the archive of PostgreSQL's write-ahead log."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extrato.scrape import Measurement
from extrato.store.wal_archive import wal_not_archived
from services.gateway.metrics import WAL_NOT_ARCHIVED_S

if TYPE_CHECKING:
    import asyncpg


def measure_wal_archive(pool: asyncpg.Pool) -> Measurement[float]:
    """Return the measurement; while PostgreSQL does not answer, the gauge has no number rather than an old one."""

    async def read() -> float:
        failing = await wal_not_archived(pool)
        return 0.0 if failing is None else failing.for_time.total_seconds()

    return Measurement(read, lambda found: WAL_NOT_ARCHIVED_S.set(math.nan if found is None else found))
