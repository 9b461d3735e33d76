"""A home of an older version with one database role: the hub upgrades it to two roles."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from extrato.store.event_log import EventLog
from extrato.store.migrations import migrate
from services.cli.embedded.postgres import EmbeddedPostgres
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild
from tests.homes import make_older, put_database_in
from tests.integration.store.examples import append_to

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READ_MODELS_OWNED_BY = """
    SELECT tableowner::text, count(*) FROM pg_tables WHERE tablename = ANY ($1::text[]) GROUP BY 1
"""


async def test_home_with_one_database_role_upgrades_to_two(home: Path, start_hub: Callable):
    names = [read_model.name for read_model in READ_MODELS]
    await asyncio.to_thread(put_database_in, home)
    async with EmbeddedPostgres(home, fsync=False) as server:
        await migrate(server.url)
        async with asyncpg.create_pool(server.url, min_size=1, max_size=2) as pool:
            log = EventLog(pool)
            await log.append(append_to())
            for read_model in READ_MODELS:
                await rebuild(read_model, database_url=server.url, log=log)
            # The next start rebuilds the older read models, which drops and renames tables.
            await pool.execute("UPDATE checkpoints SET version = 0")
            assert await pool.fetch(READ_MODELS_OWNED_BY, names) == [("extrato", len(names))]
    await asyncio.to_thread(make_older, home)

    async with start_hub(home) as hub:
        link = await hub.link()
        assert (await hub.check(link["payment_id"]))["status"] == "pending"
        assert await hub.rows(READ_MODELS_OWNED_BY, names) == [("extrato_services", len(names))]
        assert await hub.is_served()
