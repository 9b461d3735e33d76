"""Databases for tests: one a test, or one a worker that is emptied for each test.

Emptying tables takes a fifth of the computing of a database of each test's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Every table that a migration has made, whichever it is; and a new log has another identity.
EMPTY = """
    DO $$
    BEGIN
        EXECUTE (
            SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY'
            FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
        );
    END $$;
    ALTER SEQUENCE payment_numbers RESTART;
    INSERT INTO log_identity DEFAULT VALUES;
    INSERT INTO log_epochs (epoch, last_common, reason) VALUES (1, 0, 'first')
"""
_TRIES = 100


@contextlib.asynccontextmanager
async def new_database(postgres_url: str, *, name: str, template: str = "template1") -> AsyncIterator[str]:
    """A copy of `template` for the time of the context; gives its URL."""
    await execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    await _drop(postgres_url, name)


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _drop(postgres_url: str, name: str) -> None:
    """Drop it with whatever is still connected; only a cleaning process of the server itself has to be waited for."""
    for _ in range(_TRIES):
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            return await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")
        await asyncio.sleep(0.05)
    raise AssertionError(f"the server is still cleaning {name}")
