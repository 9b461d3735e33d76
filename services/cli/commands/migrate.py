"""`extrato migrate`: applies the missing migrations as their role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg

from extrato.process import CannotStart
from extrato.settings import MIGRATION_DATABASE_URL, Settings
from extrato.store.migrations import Schema, read_migrations, read_schema
from extrato.store.migrations import migrate as apply_migrations
from services.cli import preflight

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping


def migrate_options(parser: ArgumentParser) -> None:
    """Add the arguments of `migrate`."""
    parser.add_argument("--dry-run", action="store_true", help="print the missing migrations without applying them")


async def migrate(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Apply the missing migrations and print each with its class; raises `CannotStart`, `UnfitRole`, `UnfitSchema`."""
    settings = Settings.from_environment(environment)
    if not settings.database_url:
        raise CannotStart("EXTRATO_DATABASE_URL must be the address of PostgreSQL.")
    url, setting = settings.database_url, "EXTRATO_DATABASE_URL"
    if settings.migration_database_url:
        url, setting = settings.migration_database_url, MIGRATION_DATABASE_URL
    await preflight.check_database(url, setting=setting)
    try:
        schema = await _read_schema(url)
        for name in schema.newer:
            print(f"{name} (rolling): applied by a newer version")
        if arguments.dry_run:
            _print_missing(schema)
            return
        services_url = settings.database_url if settings.migration_database_url else ""
        applied = await apply_migrations(
            url,
            services_url=services_url,
            report=lambda migration: print(f"{migration.name} ({migration.kind}): applied", flush=True),
        )
    except asyncpg.PostgresError as error:
        raise CannotStart(f"PostgreSQL refuses a migration: {error}.") from error
    if not applied:
        print("The schema is up to date.")
    elif len(applied) == 1:
        print("1 migration applied.")
    else:
        print(f"{len(applied)} migrations applied.")


async def _read_schema(url: str) -> Schema:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()


def _print_missing(schema: Schema) -> None:
    for migration in read_migrations():
        if migration.name in schema.missing:
            alone = "" if migration.in_transaction else ", without a transaction"
            print(f"{migration.name} ({migration.kind}{alone}): missing")
    if not schema.missing:
        print("The schema is up to date.")
