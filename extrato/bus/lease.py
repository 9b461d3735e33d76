"""The lease of the leading relay, and its progress: one process at a time publishes the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid4

from msgspec import Struct

from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    import asyncpg

LEASE_S: Final = 15.0
RENEW_S: Final = 5.0
QUESTION_TIMEOUT_S: Final = 5.0

# A killed process ends its session. A frozen one keeps its session, but does not renew the lease.
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
PUBLISHED: Final = "SELECT coalesce(max(position), 0) FROM relay_lease"
BUS_OF_LEADER: Final = """
    SELECT bus_id FROM relay_lease JOIN pg_stat_activity USING (backend_start)
    WHERE pg_stat_activity.pid = relay_lease.backend AND until > now()
"""


class RelayProgress(Struct, frozen=True, kw_only=True):
    """The event `event_id` at `position` has the number `sequence` in the stream of the NATS `bus_id`."""

    bus_id: str
    sequence: int
    position: int
    event_id: str


class LeaseLost(Exception):
    """Another process holds the lease."""


class Lease:
    """The lease of one process; it ends with `connection`, or `LEASE_S` after its last renewal."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._holder = uuid4()

    @property
    def has_ended(self) -> bool:
        """Whether the session of the lease is closed."""
        ended: bool = self._connection.is_closed()
        return ended

    async def take(self) -> bool:
        """Take or renew the lease; return whether this process holds it."""
        return bool(await self._connection.fetchval(TAKE, self._holder, LEASE_S))

    async def save_progress(self, progress: RelayProgress) -> None:
        """Save which NATS carries the log, and up to which event at least."""
        await self._connection.execute(
            NOTE, self._holder, progress.bus_id, progress.sequence, progress.position, progress.event_id
        )

    async def read_progress(self) -> RelayProgress | None:
        """Return the last saved progress of any process; None before the first."""
        row = await self._connection.fetchrow(CARRIED, self._holder)
        return RelayProgress(**row) if row else None

    async def renew(self) -> None:
        """Renew the lease; raises `LeaseLost`."""
        if not await self.take():
            raise LeaseLost


async def published_position(pool: asyncpg.Pool) -> int:
    """Return the last saved position of any leader; 0 before the first. Raises `StoreUnavailable`."""
    with raising_unavailable():
        position: int = await pool.fetchval(PUBLISHED, timeout=QUESTION_TIMEOUT_S)
    return position


async def leader_bus_id(pool: asyncpg.Pool) -> str | None:
    """Return the id of the NATS that the present leader publishes on; None without a leader or a known id."""
    bus_id: str | None = await pool.fetchval(BUS_OF_LEADER, timeout=QUESTION_TIMEOUT_S)
    return bus_id
