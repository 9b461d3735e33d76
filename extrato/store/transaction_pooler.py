"""Detects a pooler that shares one connection of PostgreSQL among clients, such as PgBouncer in transaction mode.

Behind such a pooler, advisory locks of a session, LISTEN and prepared statements do not work.
"""

from __future__ import annotations

from typing import Final

import asyncpg

TRANSACTION_POOLER: Final = (
    "EXTRATO_DATABASE_URL is a pooler that shares PostgreSQL's connections among clients, like PgBouncer with "
    "pool_mode=transaction. The hub needs separate connections: use pool_mode=session, or PostgreSQL's own address."
)
ATTEMPTS: Final = 3
OWN_PID: Final = "SELECT pg_backend_pid()"


async def is_transaction_pooler(database_url: str, *, timeout_s: float) -> bool:
    """Return whether two sessions at this address may share a process of PostgreSQL; raises asyncpg's errors.

    PostgreSQL names the process of a session when the client connects. A pooler names its own number. In session mode
    it changes only this number; in transaction mode it assigns each transaction a free process.
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
    """Return whether one process served both sessions, or two processes served the first session."""
    before = await _pid(first)
    async with second.transaction():
        # The process of this transaction cannot serve the first session. Asking that session then would block.
        return await second.fetchval(OWN_PID) == before or await _pid(first) != before


async def _pid(connection: asyncpg.Connection) -> int:
    # Without a transaction, two processes could serve the two steps of this query.
    async with connection.transaction():
        pid: int = await connection.fetchval(OWN_PID)
    return pid


async def _connect(database_url: str, timeout_s: float) -> asyncpg.Connection:
    return await asyncpg.connect(database_url, timeout=timeout_s, command_timeout=timeout_s, statement_cache_size=0)
