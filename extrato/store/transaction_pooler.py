"""Finds a pooler that lends one connection of PostgreSQL to several clients, such as PgBouncer in transaction mode.

Behind one, a session's advisory lock is anybody's, LISTEN hears nothing, and prepared statements are not found.
"""

from __future__ import annotations

from typing import Final

import asyncpg

TRANSACTION_POOLER: Final = (
    "EXTRATO_DATABASE_URL leads to a pooler that lends PostgreSQL's connections to several clients, like PgBouncer "
    "with pool_mode=transaction: the hub needs one for each, with pool_mode=session or PostgreSQL's own address."
)
ATTEMPTS: Final = 3
OWN_PID: Final = "SELECT pg_backend_pid()"


async def is_transaction_pooler(database_url: str, *, timeout_s: float) -> bool:
    """Say whether two sessions at this address may have the same process of PostgreSQL; raises what asyncpg raises.

    PostgreSQL tells each client at its greeting which process serves it. A pooler tells a number of its own, and
    in session mode that is all; otherwise it gives a process that is free to the next that asks.
    """
    first = await _connect(database_url, timeout_s)
    try:
        if await _pid(first) == first.get_server_pid():
            return False
        second = await _connect(database_url, timeout_s)
        try:
            for _ in range(ATTEMPTS):
                if await _share(first, second):
                    return True
            return False
        finally:
            second.terminate()
    finally:
        first.terminate()


async def _share(first: asyncpg.Connection, second: asyncpg.Connection) -> bool:
    """Say whether a process was seen to serve both, or two processes to serve the first."""
    before = await _pid(first)
    async with second.transaction():
        # A process that this transaction holds cannot serve the first one meanwhile, so it is asked only if it is not.
        return await second.fetchval(OWN_PID) == before or await _pid(first) != before


async def _pid(connection: asyncpg.Connection) -> int:
    # Without a transaction the two steps of this query could go to two processes.
    async with connection.transaction():
        pid: int = await connection.fetchval(OWN_PID)
    return pid


async def _connect(database_url: str, timeout_s: float) -> asyncpg.Connection:
    return await asyncpg.connect(database_url, timeout=timeout_s, command_timeout=timeout_s, statement_cache_size=0)
