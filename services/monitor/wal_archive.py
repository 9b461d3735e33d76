"""Logs when PostgreSQL cannot archive its write-ahead log (WAL), because the archive's disk is full or away.

PostgreSQL keeps the files and tries again, so payments go on until the database's own disk is full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from extrato.store.wal_archive import wal_not_archived
from services.monitor.schedule import Again, Decision

if TYPE_CHECKING:
    import asyncpg

INTERVAL_S: Final = 30.0


class WalArchive:
    """A job of the lane `clock`."""

    def __init__(self, *, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._is_failing = False
        self._logger = structlog.get_logger(component="wal_archive")

    async def run_once(self) -> Decision:
        """Log an error while PostgreSQL cannot archive, and once when it can again."""
        failing = await wal_not_archived(self._pool)
        if failing is not None:
            self._logger.error("wal_not_archived", file=failing.file, for_s=round(failing.for_time.total_seconds()))
        elif self._is_failing:
            self._logger.info("wal_archived_again")
        self._is_failing = failing is not None
        return Again(INTERVAL_S)
