"""Migrations of a database that an older version used."""

from __future__ import annotations

import asyncpg

from extrato.store.event_log import EventLog
from extrato.store.migrations import migrate
from tests.integration.store.examples import append_to


async def test_migration_drops_the_timeline_with_its_checkpoint(empty_database_url: str):
    await migrate(empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    try:
        await connection.execute("""
            DELETE FROM schema_migrations WHERE name = '0006_no_payment_timeline';
            CREATE TABLE payment_timeline (position bigint PRIMARY KEY);
            INSERT INTO checkpoints VALUES ('payment_timeline', 2, 7), ('payment_details', 4, 7);
        """)

        assert await migrate(empty_database_url) == ["0006_no_payment_timeline"]

        assert await connection.fetchval("SELECT to_regclass('payment_timeline')") is None
        assert await connection.fetch("SELECT read_model, version, position FROM checkpoints") == [
            ("payment_details", 4, 7)
        ]
    finally:
        await connection.close()


async def test_migration_stores_the_cut_off_of_old_tokens(empty_database_url: str):
    await migrate(empty_database_url)
    async with asyncpg.create_pool(empty_database_url, min_size=1, max_size=1) as pool:
        assert await pool.fetch("SELECT * FROM payer_token_cut_off") == [(0,)]
        await pool.execute("""
            DELETE FROM schema_migrations WHERE name = '0010_payer_token_cut_off';
            DROP TABLE payer_token_cut_off
        """)
        log = EventLog(pool)
        written = await log.append(append_to(events=7))

        assert await migrate(empty_database_url) == ["0010_payer_token_cut_off"]

        assert await pool.fetch("SELECT * FROM payer_token_cut_off") == [(written[-1],)]
        await log.close()
