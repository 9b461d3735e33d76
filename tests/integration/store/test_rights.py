"""The rights of the services' role, where another role runs the migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from extrato.store.event_log import EventLog
from extrato.store.log import LogReader
from extrato.store.migrations import migrate
from extrato.store.rights import TABLES, UnfitRole
from services.projections.read_models.registry import READ_MODELS
from services.projections.read_models.statement import STATEMENT
from services.projections.rebuild import rebuild
from tests.conftest import services_url
from tests.database import execute
from tests.integration.store.examples import append_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.projections.read_models.read_model import ReadModel

READ_MODEL = READ_MODELS[0]
LOG_AND_MIGRATIONS = ("stored_events", "schema_migrations")
REWRITING = (
    "DELETE FROM {table}",
    "TRUNCATE {table}",
    "DROP TABLE {table} CASCADE",
    "ALTER TABLE {table} ADD extra text",
    "ALTER TABLE {table} RENAME TO another",
    "ALTER TABLE {table} OWNER TO CURRENT_USER",
    "CREATE INDEX ON {table} ((1))",
    "CREATE RULE a_rule AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "CREATE TRIGGER a_trigger BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "DO 'BEGIN LOCK TABLE {table} IN EXCLUSIVE MODE; END'",
)
ROUNDABOUT = (
    "UPDATE stored_events SET state = ''",
    "UPDATE schema_migrations SET name = ''",
    "INSERT INTO schema_migrations VALUES ('9999')",
    "SET ROLE extrato",
    "SET SESSION AUTHORIZATION extrato",
    "DROP SCHEMA public CASCADE",
    "SELECT setval('stored_events_notification_id_seq', 1)",
    "ALTER SEQUENCE payment_numbers RESTART",
    """
    CREATE OR REPLACE FUNCTION append_events(
        integer[], uuid[], bigint[], text[], bytea[], integer[], bytea[], text[], bytea[], bigint[],
        integer[], bigint[], bytea[], bytea[], integer[], bigint[], bytea[]
    ) RETURNS bigint[] LANGUAGE sql AS 'SELECT NULL'
    """,
    "UPDATE evidence SET body = ''",
)
RIGHTS = """
    SELECT string_agg(privilege, ', ' ORDER BY n)
    FROM unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN}'::text[])
        WITH ORDINALITY AS p (privilege, n)
    WHERE has_table_privilege($1, $2, privilege)
"""


@pytest.fixture
async def both_urls(empty_database_url: str) -> tuple[str, str]:
    """The URLs of the owner and of services, of a database that was migrated for two roles."""
    await migrate(empty_database_url, services_url=services_url(empty_database_url))
    return empty_database_url, services_url(empty_database_url)


@pytest.fixture
async def owner(both_urls: tuple[str, str]) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(both_urls[0])
    yield connection
    connection.terminate()


@pytest.fixture
async def services(both_urls: tuple[str, str]) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(both_urls[1], min_size=1, max_size=2) as pool:
        yield pool


async def test_services_append_and_read(services: asyncpg.Pool):
    log = EventLog(services)
    append = append_to(events=2)
    assert await log.append(append) == [1, 2]
    assert [each.event for each in await log.read_stream(append.stream_id)] == [new.event for new in append.events]


async def test_services_cannot_rewrite_the_log(services: asyncpg.Pool):
    await EventLog(services).append(append_to())
    await services.execute("GRANT ALL ON stored_events, schema_migrations TO CURRENT_USER")
    refused = [each.format(table=table) for each in REWRITING for table in LOG_AND_MIGRATIONS]
    for sql in (*refused, *ROUNDABOUT):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await services.execute(sql)
    assert await EventLog(services).head() == 1


async def test_every_table_of_a_migration_has_its_rights(owner: asyncpg.Connection):
    tables = [row[0] for row in await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert {table: await owner.fetchval(RIGHTS, "extrato_services", table) for table in tables} == TABLES


async def test_other_rights_of_services_are_revoked(both_urls: tuple[str, str], owner: asyncpg.Connection):
    await owner.execute("GRANT ALL ON stored_events TO extrato_services")
    await migrate(both_urls[0], services_url=both_urls[1])
    assert await owner.fetchval(RIGHTS, "extrato_services", "stored_events") == "SELECT, INSERT"


@pytest.mark.parametrize("read_model", [READ_MODEL, STATEMENT], ids=lambda each: each.name)
async def test_old_read_models_are_handed_to_services(
    both_urls: tuple[str, str], owner: asyncpg.Connection, services: asyncpg.Pool, read_model: ReadModel
):
    await rebuild(read_model, database_url=both_urls[0], log=LogReader(services))
    await owner.execute(f"CREATE TABLE {read_model.name}_shadow (left_over int); CREATE TABLE notes (words text)")
    # Services write the checkpoints. A name that they write there must not make them own the log.
    await services.execute("INSERT INTO checkpoints VALUES ('stored_events', 1, 1), ('evidence', 1, 1)")

    await migrate(both_urls[0], services_url=both_urls[1])

    await rebuild(read_model, database_url=both_urls[1], log=LogReader(services))
    owned = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relowner = 'extrato_services'::regrole"
    tables = read_model.tables(read_model.name)
    assert sorted(row[0] for row in await services.fetch(owned)) == sorted(tables)
    # A migration may drop a read model.
    await owner.execute(f"DROP TABLE {', '.join(tables)}")


async def test_one_role_with_two_urls_keeps_its_rights(empty_database_url: str):
    await migrate(empty_database_url, services_url=f"{empty_database_url}&application_name=another")
    await execute(empty_database_url, "TRUNCATE stored_events")


async def test_urls_of_two_databases_are_refused(empty_database_url: str, database_url: str):
    with pytest.raises(UnfitRole, match="two databases"):
        await migrate(empty_database_url, services_url=services_url(database_url))


@pytest.mark.parametrize(
    "given", ["GRANT UPDATE ON stored_events TO PUBLIC", "ALTER SCHEMA public OWNER TO extrato_services"]
)
async def test_services_that_can_rewrite_the_log_are_refused(
    both_urls: tuple[str, str], owner: asyncpg.Connection, given: str
):
    await owner.execute(given)
    with pytest.raises(UnfitRole, match="extrato_services can rewrite the log"):
        await migrate(both_urls[0], services_url=both_urls[1])


async def test_role_without_migration_rights_is_refused(empty_database_url: str):
    with pytest.raises(UnfitRole, match="permission denied for schema public"):
        await migrate(services_url(empty_database_url), services_url=empty_database_url)


async def test_migrations_role_must_be_member_of_services(empty_database_url: str):
    await execute(empty_database_url, "GRANT CREATE ON SCHEMA public TO extrato_services")
    with pytest.raises(UnfitRole, match='GRANT "extrato" TO "extrato_services"'):
        await migrate(services_url(empty_database_url), services_url=empty_database_url)


async def test_migrations_role_calls_no_function_of_services(
    both_urls: tuple[str, str], owner: asyncpg.Connection, services: asyncpg.Pool
):
    await owner.execute("CREATE TABLE notes (words text)")
    await services.execute("""
        CREATE FUNCTION "right"(name, integer) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE ''called''; END';
        CREATE FUNCTION append_events() RETURNS integer LANGUAGE sql AS 'SELECT 1'
    """)
    await migrate(both_urls[0], services_url=both_urls[1])
