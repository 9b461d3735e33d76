"""`extrato migrate`: prints the missing migrations with their classes, and applies them as their role."""

from __future__ import annotations

import asyncpg

from extrato.store.migrations import CLASSES
from tests.commands import run_command
from tests.conftest import services_url

CUT_OFF = "0010_payer_token_cut_off"


async def run(environment, *words):
    said = await run_command(("migrate", *words), lines="", environment=environment)
    return said.code, said.out.splitlines(), said.errors


async def test_migrations_are_printed_and_then_applied_with_the_rights_of_services(empty_database_url):
    services = services_url(empty_database_url)
    environment = {"EXTRATO_DATABASE_URL": services, "EXTRATO_MIGRATION_DATABASE_URL": empty_database_url}

    code, lines, errors = await run(environment, "--dry-run")
    assert (code, errors) == (0, "")
    assert lines == [f"{name} ({kind}): missing" for name, kind in CLASSES.items()]
    assert f"{CUT_OFF} (coordinated): missing" in lines

    code, lines, errors = await run(environment)
    assert (code, errors) == (0, "")
    assert lines[:-1] == [f"{name} ({kind}): applied" for name, kind in CLASSES.items()]
    assert lines[-1] == f"{len(CLASSES)} migrations applied."
    connection = await asyncpg.connect(services)
    assert await connection.fetchval("SELECT count(*) FROM stored_events") == 0
    await connection.close()

    up_to_date = (0, ["The schema is up to date."], "")
    assert await run(environment) == await run(environment, "--dry-run") == up_to_date


async def test_one_migration_is_counted_as_one(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("DELETE FROM schema_migrations WHERE name = '0016_api_key_uses'")
    await connection.execute("DROP TABLE api_key_uses")
    await connection.close()
    code, lines, errors = await run({"EXTRATO_DATABASE_URL": database_url})
    assert (code, errors) == (0, "")
    assert lines[-1] == "1 migration applied."


async def test_migration_of_a_newer_version_is_refused_in_one_sentence(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO schema_migrations VALUES ('9001_later')")
    await connection.close()
    for words in ((), ("--dry-run",)):
        code, lines, errors = await run({"EXTRATO_DATABASE_URL": database_url}, *words)
        assert (code, lines) == (1, [])
        assert errors.startswith("extrato: The database has the migration 9001_later of a newer version: ")


async def test_rolling_migration_of_a_newer_version_is_printed(database_url):
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO schema_migrations (name, class) VALUES ('9001_later', 'rolling')")
    await connection.close()
    said = (0, ["9001_later (rolling): applied by a newer version", "The schema is up to date."], "")
    environment = {"EXTRATO_DATABASE_URL": database_url}
    assert await run(environment) == await run(environment, "--dry-run") == said


async def test_database_must_be_named():
    assert await run({}) == (1, [], "extrato: EXTRATO_DATABASE_URL must be the address of PostgreSQL.\n")
