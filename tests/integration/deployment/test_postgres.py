"""deploy/postgres makes the two roles on an empty PostgreSQL, and the migrations then find what they need."""

from __future__ import annotations

import asyncpg
import pytest

from extrato.store.migrations import migrate


async def test_the_hub_has_its_two_roles_and_nobody_else_connects(shipped_postgres, secrets):
    def address(name):
        return (secrets / name).read_text().strip().replace(":5432/", f":{shipped_postgres}/")

    owner_url, services_url = address("migration-database-url"), address("database-url")
    assert await migrate(owner_url, services_url=services_url)

    services = await asyncpg.connect(services_url)
    assert await services.fetchval("SELECT count(*) FROM stored_events") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await services.execute("DELETE FROM stored_events")
    await services.execute("CREATE TABLE a_read_model (id int)")
    attributes = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname LIKE 'extrato%'"
    assert {tuple(row) for row in await services.fetch(attributes)} == {
        ("extrato", False, False, False),
        ("extrato_services", False, False, False),
    }
    assert await services.fetchval("SHOW data_checksums") == "on"
    assert await services.fetchval("SHOW wal_level") == "replica"
    await services.close()

    for other in (
        services_url.replace("extrato_services:", "extrato_services:not-"),
        f"{services_url.removesuffix('extrato')}postgres",
        services_url.replace("extrato_services:", "postgres:"),
    ):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(other)
