"""What migrations do to a database that an older version has used."""

from __future__ import annotations

import asyncpg

from extrato.store.migrations import migrate


async def test_the_timeline_of_an_older_version_goes_with_its_checkpoint(empty_database_url: str):
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
        assert await connection.fetch("SELECT * FROM checkpoints") == [("payment_details", 4, 7)]
    finally:
        await connection.close()
