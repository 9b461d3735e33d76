"""Sets the Prometheus gauge of the archive of PostgreSQL's write-ahead log."""

from __future__ import annotations

import math

import asyncpg

from extrato.errors import StoreUnavailable
from extrato.store.wal_archive import wal_not_archived
from services.gateway.metrics import WAL_NOT_ARCHIVED_S


async def set_wal_archive_gauge(pool: asyncpg.Pool) -> None:
    """Set the gauge; while PostgreSQL does not answer, it shows no number rather than an old one."""
    try:
        failing = await wal_not_archived(pool)
    except (StoreUnavailable, asyncpg.PostgresError):
        WAL_NOT_ARCHIVED_S.set(math.nan)
        return
    WAL_NOT_ARCHIVED_S.set(0 if failing is None else failing.for_time.total_seconds())
