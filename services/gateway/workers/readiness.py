"""Looks whether the gateway can do its work."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import asyncpg

from contracts.api import Readiness, ReadinessCheck
from contracts.subjects import PAYMENTS_STREAM
from extrato.bus.connection import NATS_ERRORS
from extrato.store.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from contracts.api import ReadinessStatus
    from extrato.bus.connection import Bus

LOOK_WITHIN_S: Final = 1.5
SHARED_FOR_S: Final = 1.0

WRITE: Final = """
    WITH ended AS (DELETE FROM readiness WHERE process <> $1 AND written_at < now() - interval '1 hour')
    INSERT INTO readiness (process, written_at) VALUES ($1, now())
    ON CONFLICT (process) DO UPDATE SET written_at = excluded.written_at
"""
OK: Final = ReadinessCheck(status="ok", reason=None)


class Look:
    """Looks how one thing fares; who asks in the second after a look began is told what that one finds.

    There is one look at a time: while one hangs, each caller is told so when it should have ended, or at once.
    """

    def __init__(self, look: Callable[[], Awaitable[str | None]]) -> None:
        """`look` gives the reason why the thing is not ok, if it is not."""
        self._look = look
        self._looking: asyncio.Future[str | None] | None = None
        self._began_at = 0.0

    async def __call__(self) -> ReadinessCheck:
        """Give what was found, `LOOK_WITHIN_S` after the look began at the latest."""
        now = time.monotonic()
        if self._looking is None or (self._looking.done() and now - self._began_at >= SHARED_FOR_S):
            self._began_at = now
            self._looking = asyncio.ensure_future(self._look())
        await asyncio.wait((self._looking,), timeout=max(0.0, self._began_at + LOOK_WITHIN_S - now))
        reason = self._looking.result() if self._looking.done() else "There was no answer in time."
        return OK if reason is None else ReadinessCheck(status="unavailable", reason=reason)


class ReadinessLooks:
    """Looks whether this gateway can do its work. It sells while PostgreSQL takes writes; without NATS it is slower."""

    def __init__(self, pool: asyncpg.Pool, bus: Bus) -> None:
        self._pool = pool
        self._bus = bus
        self._process = uuid4()
        self._database = Look(self._write)
        self._stream = Look(self._ask_bus)

    async def look(self) -> Readiness:
        """Look at all that the gateway stands on, at the same time."""
        database, bus = await asyncio.gather(self._database(), self._stream())
        status: ReadinessStatus = "unavailable" if database.reason else "degraded" if bus.reason else "ok"
        return Readiness(status=status, checks={"database": database, "bus": bus})

    async def _write(self) -> str | None:
        try:
            await self._pool.execute(WRITE, self._process, timeout=LOOK_WITHIN_S)
        except asyncpg.PostgresError as error:
            return f"PostgreSQL refused a write (SQLSTATE {error.sqlstate})."
        except DATABASE_UNAVAILABLE:
            return "PostgreSQL does not answer."
        return None

    async def _ask_bus(self) -> str | None:
        if not self._bus.is_connected:
            return "NATS is not connected."
        try:
            await self._bus.jetstream.stream_info(PAYMENTS_STREAM)
        except NATS_ERRORS:
            return "JetStream does not show the stream of payments."
        return None
