"""The pool of connections to PostgreSQL, which leaves a server that has become read-only."""

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

    A primary that was demoted keeps its connections, and the new primary answers under the same address. So the
    first write that is refused as read-only has every connection of the pool replaced. After other refusals they
    stay: a server that is short of disk, memory or connections is not helped by new ones.
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
        """Give a context that holds one connection."""
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
    """Spare a round trip after every query: nobody leaves a setting, a lock or a cursor on a pooled connection."""
