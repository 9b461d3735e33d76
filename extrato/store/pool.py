"""The pool of connections to PostgreSQL. It leaves a server that became read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg
from asyncpg.pool import PoolAcquireContext

if TYPE_CHECKING:
    from types import TracebackType

CONNECT_TIMEOUT_S: Final = 5.0
COMMAND_TIMEOUT_S: Final = 30.0
MAX_QUERIES: Final = 50_000
MAX_IDLE_S: Final = 300.0


class Pool(asyncpg.Pool):  # type: ignore[misc]
    """A pool of at most `connections`; `await` opens the first one.

    A demoted primary keeps its connections, while the next primary answers at the same address. So the first write
    that fails as read-only expires every connection of the pool. Other errors keep them: new connections do not help a
    server without free disk, memory or connections.
    """

    __slots__ = ()

    def __init__(self, database_url: str, *, connections: int) -> None:
        super().__init__(
            database_url,
            min_size=1,
            max_size=connections,
            max_queries=MAX_QUERIES,
            max_inactive_connection_lifetime=MAX_IDLE_S,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            command_timeout=COMMAND_TIMEOUT_S,
            timeout=CONNECT_TIMEOUT_S,
            reset=_leave_as_it_is,
        )

    def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext:
        """Return a context manager of one connection."""
        return _Acquired(self, timeout)


class _Acquired(PoolAcquireContext):  # type: ignore[misc]
    __slots__ = ()

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
            await self.pool.expire_connections()
        await super().__aexit__(kind, error, trace)


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """Save the round trip of a reset: the hub leaves no setting, lock or cursor on a pooled connection."""
