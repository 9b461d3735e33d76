"""However many ask whether the gateway is ready, PostgreSQL is asked once a second."""

from __future__ import annotations

import asyncio

import asyncpg

from services.gateway.api import observability
from services.gateway.api.observability import Readiness


class Counting:
    """A pool that counts what it is asked."""

    def __init__(self, pool):
        self.asked = 0
        self._pool = pool

    async def fetchval(self, query):
        self.asked += 1
        return await self._pool.fetchval(query)


async def test_many_who_ask_share_one_look(database_url):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        counting = Counting(pool)
        readiness = Readiness(counting)
        assert await asyncio.gather(*(readiness.look() for _ in range(100))) == [True] * 100
        assert await readiness.look()
        assert counting.asked == 1


async def test_a_database_that_went_away_is_noticed_when_the_look_is_old(database_url, monkeypatch):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        readiness = Readiness(pool)
        assert await readiness.look()
        await pool.close()
        assert await readiness.look()
        monkeypatch.setattr(observability, "SHARED_FOR_S", 0.0)
        assert not await readiness.look()
