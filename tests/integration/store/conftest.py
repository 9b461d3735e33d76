"""An empty log for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from extrato.store.event_log import EventLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    return emptied_database_url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=6) as pool:
        yield pool


@pytest.fixture
async def log(pool: asyncpg.Pool) -> AsyncIterator[EventLog]:
    log = EventLog(pool)
    yield log
    await log.close()
