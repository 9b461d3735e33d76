"""One migrated database for a folder of tests, and an empty log in it for each of them.

Emptying tables takes a tenth of the time of a database of each test's own.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EMPTY = "TRUNCATE stored_events, evidence RESTART IDENTITY"


@asynccontextmanager
async def new_database(postgres_url: str, *, template: str, name: str) -> AsyncIterator[str]:
    """A copy of `template` for the time of the context; gives its URL."""
    await execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
