"""Who carries the log to the bus, and how far: one process at a time, for as long as it lives and moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct

if TYPE_CHECKING:
    import asyncpg

LEASE_S: Final = 15.0
RENEW_S: Final = 5.0
QUESTION_TIMEOUT_S: Final = 5.0

# A killed process ends its session, a frozen one keeps it and renews nothing.
TAKE: Final = """
    INSERT INTO relay_lease (holder, backend, backend_start, until)
    SELECT $1, pid, backend_start, now() + make_interval(secs => $2)
    FROM pg_stat_activity WHERE pid = pg_backend_pid()
    ON CONFLICT (is_only) DO UPDATE SET
        holder = excluded.holder,
        backend = excluded.backend,
        backend_start = excluded.backend_start,
        until = excluded.until
    WHERE relay_lease.holder = excluded.holder
       OR relay_lease.until < now()
       OR NOT EXISTS (
            SELECT FROM pg_stat_activity
            WHERE pid = relay_lease.backend AND backend_start = relay_lease.backend_start
       )
    RETURNING true
"""

NOTE: Final = """
    UPDATE relay_lease SET bus_id = $2, sequence = $3, position = $4, event_id = $5
    WHERE holder = $1 AND (bus_id, sequence, position) IS DISTINCT FROM ($2, $3::bigint, $4::bigint)
"""
CARRIED: Final = """
    SELECT bus_id, sequence, position, event_id FROM relay_lease WHERE holder = $1 AND position > 0
"""
BUS_OF_LEADER: Final = """
    SELECT bus_id FROM relay_lease JOIN pg_stat_activity USING (backend_start)
    WHERE pg_stat_activity.pid = relay_lease.backend AND until > now()
"""


class RelayProgress(Struct, frozen=True, kw_only=True):
    """The event at `position`, whose id is `event_id`, stands in the stream of `bus_id` with the number `sequence`."""

    bus_id: str
    sequence: int
    position: int
    event_id: str


class LeaseLost(Exception):
    """Another process leads."""


class Lease:
    """The lease of one candidate; it ends when `connection` does, or when it is not renewed for `LEASE_S`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._holder = uuid4()

    @property
    def has_ended(self) -> bool:
        """Say whether the session is over that the lease lives in."""
        ended: bool = self._connection.is_closed()
        return ended

    async def take(self) -> bool:
        """Take the lease, or renew it; says whether it is held."""
        return bool(await self._connection.fetchval(TAKE, self._holder, LEASE_S))

    async def save_progress(self, progress: RelayProgress) -> None:
        """Keep to which NATS the log is carried, and how far it is at least."""
        await self._connection.execute(
            NOTE, self._holder, progress.bus_id, progress.sequence, progress.position, progress.event_id
        )

    async def read_progress(self) -> RelayProgress | None:
        """Give what was noted last, by whichever process; None when nothing was carried yet."""
        row = await self._connection.fetchrow(CARRIED, self._holder)
        return RelayProgress(**row) if row else None

    async def renew(self) -> None:
        """Hold it for longer; raises `LeaseLost`."""
        if not await self.take():
            raise LeaseLost


async def leader_bus_id(pool: asyncpg.Pool) -> str | None:
    """Give the id of the NATS that a living leader carries the log to; None when there is none, or none is known."""
    bus_id: str | None = await pool.fetchval(BUS_OF_LEADER, timeout=QUESTION_TIMEOUT_S)
    return bus_id
