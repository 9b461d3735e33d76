"""A log on the test's database. Which database that is, each folder says: one that is emptied, or its own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from extrato.store.event_log import EventLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=6) as pool:
        yield pool


@pytest.fixture
async def log(pool: asyncpg.Pool) -> AsyncIterator[EventLog]:
    log = EventLog(pool)
    yield log
    await log.close()
