"""Who carries the log to the bus: one process at a time, for as long as it lives and moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

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

NAME_BUS: Final = "UPDATE relay_lease SET bus_id = $2 WHERE holder = $1"
BUS_OF_LEADER: Final = """
    SELECT bus_id FROM relay_lease JOIN pg_stat_activity USING (backend_start)
    WHERE pg_stat_activity.pid = relay_lease.backend AND until > now()
"""


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

    async def name_bus(self, bus_id: str) -> None:
        """Say to which NATS the log is carried."""
        await self._connection.execute(NAME_BUS, self._holder, bus_id)

    async def renew(self) -> None:
        """Hold it for longer; raises `LeaseLost`."""
        if not await self.take():
            raise LeaseLost


async def bus_of_leader(pool: asyncpg.Pool) -> str | None:
    """Give the id of the NATS that a living leader carries the log to; None when there is none, or none is known."""
    bus_id: str | None = await pool.fetchval(BUS_OF_LEADER, timeout=QUESTION_TIMEOUT_S)
    return bus_id
