"""Databases for tests: one for each test, or one for each worker that is emptied for each test.

Emptying a database takes a fifth of the processor time of creating one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from tests.pace import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Empties every table of a migration, and gives the log another identity.
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
    INSERT INTO log_epochs (epoch, last_common, reason) VALUES (1, 0, 'first');
    INSERT INTO log_sealing (up_to, finished_at) VALUES (0, now())
"""
# Makes every write to a table fail, as with a full disk.
FILL = """
    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN
        RAISE EXCEPTION 'could not extend file "base/1/1": No space left on device' USING ERRCODE = '{sqlstate}';
    END $f$;
    DO $$
    DECLARE
        one text;
    BEGIN
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TRIGGER no_space BEFORE INSERT OR UPDATE OR DELETE ON %I '
                'EXECUTE FUNCTION no_space()', one);
        END LOOP;
    END $$
"""
MAKE_ROOM = "DROP FUNCTION no_space CASCADE"
# A session may switch off the read-only default of its database.
WRITER = {"default_transaction_read_only": "off"}
DEMOTE = "ALTER DATABASE {name} SET default_transaction_read_only = on"
DISCONNECT_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
PROMOTE = "ALTER DATABASE {name} RESET default_transaction_read_only"


@contextlib.asynccontextmanager
async def new_database(postgres_url: str, *, name: str, template: str = "template1") -> AsyncIterator[str]:
    """Create a copy of `template`, yield its URL, and drop the copy."""
    await execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    await _drop(postgres_url, name)


@contextlib.asynccontextmanager
async def demoted(url: str) -> AsyncIterator[None]:
    """Make a database read-only for clients that connect during the context, as a demoted primary does."""
    name = urlsplit(url).path.removeprefix("/")
    await execute(url, DEMOTE.format(name=name))
    try:
        await execute(url, DISCONNECT_OTHERS)
        yield
    finally:
        await execute(url, PROMOTE.format(name=name))


@contextlib.asynccontextmanager
async def full(url: str, *, sqlstate: str = "53100") -> AsyncIterator[None]:
    """Make every write to a table fail with an SQLSTATE, by default that of a full disk."""
    await execute(url, FILL.format(sqlstate=sqlstate))
    try:
        yield
    finally:
        await execute(url, MAKE_ROOM)


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url, server_settings=WRITER)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _drop(postgres_url: str, name: str) -> None:
    """Drop a database and its connections; wait only for the server's own autovacuum processes."""

    async def is_dropped() -> bool:
        with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
            await execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")
            return True
        return False

    await until(is_dropped, f"{name} is dropped")
