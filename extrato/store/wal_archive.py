"""Reads from PostgreSQL whether it archives its write-ahead log (WAL)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    import asyncpg

TIMEOUT_S: Final = 2.0

# PostgreSQL retries one file until it succeeds, so a failure after the last success means that it is still failing.
FAILING: Final = """
    SELECT last_failed_wal AS file, now() - coalesce(last_archived_time, stats_reset, last_failed_time) AS for_time
    FROM pg_stat_archiver
    WHERE current_setting('archive_mode') <> 'off'
      AND last_failed_time > coalesce(last_archived_time, '-infinity')
"""


class NotArchived(Struct, frozen=True, kw_only=True):
    """The file that PostgreSQL cannot archive, and the time since the last archived file."""

    file: str
    for_time: timedelta


async def wal_not_archived(pool: asyncpg.Pool) -> NotArchived | None:
    """Return the file that PostgreSQL cannot archive, or None. Raises `StoreUnavailable`."""
    with raising_unavailable():
        row = await pool.fetchrow(FAILING, timeout=TIMEOUT_S)
    return None if row is None else NotArchived(file=row["file"], for_time=row["for_time"])
