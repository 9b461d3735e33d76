"""Probes whether a role can work: PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import asyncpg

from contracts.api import Readiness, ReadinessCheck
from contracts.subjects import PAYMENTS_STREAM
from extrato.bus.connection import NATS_ERRORS
from extrato.bus.publisher import can_publish
from extrato.store.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from contracts.api import ReadinessStatus
    from extrato.bus.connection import Bus

PROBE_WITHIN_S: Final = 1.5
SHARED_FOR_S: Final = 1.0

WRITE: Final = """
    WITH ended AS (DELETE FROM readiness WHERE process <> $1 AND written_at < now() - interval '1 hour')
    INSERT INTO readiness (process, written_at) VALUES ($1, now())
    ON CONFLICT (process) DO UPDATE SET written_at = excluded.written_at
"""
OK: Final = ReadinessCheck(status="ok", reason=None)


class Probe:
    """Probes one thing. Calls within one second share a probe.

    One probe runs at a time. While it hangs, each call returns `unavailable` when the time of the probe is over.
    """

    def __init__(self, probe: Callable[[], Awaitable[str | None]]) -> None:
        """`probe` returns the reason why the thing is unavailable, or None."""
        self._probe = probe
        self._running: asyncio.Future[str | None] | None = None
        self._started_at = 0.0

    async def __call__(self) -> ReadinessCheck:
        """Return the result, at most `PROBE_WITHIN_S` after the probe started."""
        now = time.monotonic()
        if self._running is None or (self._running.done() and now - self._started_at >= SHARED_FOR_S):
            self._started_at = now
            self._running = asyncio.ensure_future(self._probe())
        await asyncio.wait((self._running,), timeout=max(0.0, self._started_at + PROBE_WITHIN_S - now))
        reason = self._running.result() if self._running.done() else "There was no answer in time."
        return OK if reason is None else ReadinessCheck(status="unavailable", reason=reason)


class ReadinessProbes:
    """Whether a role can work: it is ready while PostgreSQL accepts writes, and degraded without NATS.

    `publish` is apart from `bus`: a cluster of NATS without a majority keeps its connections and stores nothing.
    """

    def __init__(self, pool: asyncpg.Pool, bus: Bus) -> None:
        self._pool = pool
        self._bus = bus
        self._process = uuid4()
        self._database = Probe(self._write)
        self._stream = Probe(self._read_stream)
        self._publish = Probe(self._try_to_publish)

    async def probe(self) -> Readiness:
        """Probe PostgreSQL and NATS at the same time."""
        database, bus, publish = await asyncio.gather(self._database(), self._stream(), self._publish())
        is_degraded = bus.reason or publish.reason
        status: ReadinessStatus = "unavailable" if database.reason else "degraded" if is_degraded else "ok"
        return Readiness(status=status, checks={"database": database, "bus": bus, "publish": publish})

    async def _write(self) -> str | None:
        try:
            await self._pool.execute(WRITE, self._process, timeout=PROBE_WITHIN_S)
        except asyncpg.PostgresError as error:
            return f"PostgreSQL refused a write (SQLSTATE {error.sqlstate})."
        except DATABASE_UNAVAILABLE:
            return "PostgreSQL does not answer."
        return None

    async def _read_stream(self) -> str | None:
        if not self._bus.is_connected:
            return "NATS is not connected."
        try:
            await self._bus.jetstream.stream_info(PAYMENTS_STREAM)
        except NATS_ERRORS:
            return "JetStream does not show the stream of payments."
        return None

    async def _try_to_publish(self) -> str | None:
        if not self._bus.is_connected:
            return "NATS is not connected."
        if await can_publish(self._bus, within_s=PROBE_WITHIN_S):
            return None
        return "The stream of payments does not take messages."
