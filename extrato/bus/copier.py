"""Fills the copies for subscribers on an operator's own NATS: one process at a time, by a lock in PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from extrato.bus.connection import NATS_ERRORS, raise_if_cancelled
from extrato.bus.copies import CHECK_INTERVAL_S, open_copies
from extrato.errors import BusRefused
from extrato.store import advisory_locks
from extrato.store.logged_backoff import LoggedBackoff
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    from extrato.settings import Settings

TAKE: Final = "SELECT pg_try_advisory_lock($1)"
WAIT_FOR_LOCK_S: Final = 2.0

# A frozen process keeps its session with the lock. PostgreSQL ends an idle session after this time.
IDLE_LIMIT: Final = "60s"


class Copier:
    """Creates the copies and keeps them equal to their origins, while it holds the lock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._logger = structlog.get_logger(component="copier")
        self._backoff = LoggedBackoff(self._logger, paused_event="copies_interrupted", resumed_event="copies_go_on")
        self.is_leader = False

    async def run(self) -> None:
        """Copy until cancelled: wait for the lock, and start again after an error."""
        limits = {"idle_session_timeout": IDLE_LIMIT}
        while True:
            raise_if_cancelled()
            try:
                connection = await asyncpg.connect(
                    self._settings.database_url, timeout=5, command_timeout=5, server_settings=limits
                )
                try:
                    await self._lead(connection)
                finally:
                    self.is_leader = False
                    connection.terminate()
            except (*DATABASE_ERRORS, *NATS_ERRORS, BusRefused) as error:
                await self._backoff.pause(error)

    async def _lead(self, connection: asyncpg.Connection) -> None:
        # PostgreSQL does not notify when a lock is free.
        while not await connection.fetchval(TAKE, advisory_locks.FILL_COPIES):  # noqa: ASYNC110
            await asyncio.sleep(WAIT_FOR_LOCK_S)
        opening = open_copies(
            origin_url=self._settings.nats_url,
            copies_url=self._settings.copies_nats_url,
            delivery_consumer=self._settings.copies_consumer,
        )
        async with opening as copies:
            self.is_leader = True
            self._logger.info("copier_leads")
            while True:
                self._backoff.reset()
                await asyncio.sleep(CHECK_INTERVAL_S)
                # The lock ends with the session.
                await connection.execute("SELECT 1")
                await copies.ensure()
