"""Applies the missing migrations; several processes may try at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import asyncpg

from extrato.backoff import Backoff
from extrato.errors import ExtratoError
from extrato.store.advisory_locks import MIGRATE
from extrato.store.rights import UnfitRole, grant_rights

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "migrations"

# A migration that waits for a lock makes all later queries of the table wait behind it.
LOCK_TIMEOUT_S: Final = 5.0
TRIES: Final = 3
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 5.0

# A line of a migration that cannot run in a transaction, such as CREATE INDEX CONCURRENTLY. Each of its statements ends
# with a line. A crash runs it again, so it must be repeatable.
NO_TRANSACTION: Final = "-- extrato: no transaction"

# rolling: processes of the version before work on. coordinated: stop them first. rebuild: read models are rebuilt
# beside their old tables after the start, and lists are old until then.
MigrationClass = Literal["rolling", "coordinated", "rebuild"]

# The one list of migrations; a test compares it with the files.
CLASSES: Final[dict[str, MigrationClass]] = {
    "0001_event_log": "rolling",
    "0002_hub": "rolling",
    "0003_payers": "rolling",
    "0004_hub_secrets": "rolling",
    "0005_second_looks": "rolling",
    # An older projections process still writes to the dropped table.
    "0006_no_payment_timeline": "coordinated",
    "0007_passed_over_events": "rolling",
    "0008_appends_let_vacuum_run": "rolling",
    "0009_readiness": "rolling",
    # Payers' links that an older gateway creates afterwards do not work.
    "0010_payer_token_cut_off": "coordinated",
    # An older relay does not know the lease, so two relays would publish.
    "0011_log_identity": "coordinated",
    "0012_right_sequences": "rolling",
    "0013_carried_position": "rolling",
    "0014_unverified_deliveries_by_age": "rolling",
    "0016_api_key_uses": "rolling",
    "0017_webhook_health": "rolling",
    "0018_migration_classes": "rolling",
    # An older gateway would show sealed e-mail addresses as they are, and append plain ones.
    "0020_personal_data": "coordinated",
    # The retention of an older monitor does not know holds.
    "0022_forgettings": "coordinated",
    # An older process cannot append.
    "0023_log_sealing": "coordinated",
    "0024_token_ends": "rolling",
    "0025_refused_credentials": "rolling",
    # An older process cannot append.
    "0026_key_with_tag": "coordinated",
    # An older monitor would complete a request without the text.
    "0027_forgetting": "coordinated",
    "0030_logos": "rolling",
    "0031_provider_answers": "rolling",
}

CREATE_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name       text        PRIMARY KEY,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
# Both work also before 0018_migration_classes adds the column of the class.
APPLIED: Final = "SELECT name, to_jsonb(schema_migrations) ->> 'class' FROM schema_migrations"
NOTE: Final = """
    INSERT INTO schema_migrations SELECT * FROM jsonb_populate_record(
        NULL::schema_migrations, jsonb_build_object('name', $1::text, 'class', $2::text, 'applied_at', now())
    )
"""


class UnfitSchema(ExtratoError):
    """This program cannot work with the newer schema, or a migration did not get its locks."""

    code = "unfit_schema"


class Schema(NamedTuple):
    """The migrations of a database, by name: what it lacks, and what a newer version has applied."""

    missing: list[str]
    newer: list[str]


class Migration(NamedTuple):
    """One file of the folder of migrations."""

    name: str
    sql: str
    kind: MigrationClass

    @property
    def in_transaction(self) -> bool:
        """Return False with the marker `NO_TRANSACTION`."""
        return NO_TRANSACTION not in self.sql.splitlines()


def read_migrations() -> list[Migration]:
    """Return all migrations, in their order."""
    return [
        Migration(path.stem, path.read_text(encoding="utf-8"), CLASSES[path.stem])
        for path in sorted(FOLDER.glob("*.sql"))
    ]


async def read_schema(database: asyncpg.Pool | asyncpg.Connection) -> Schema:
    """Return the state of the schema, without waiting or writing; its newer migrations are all `rolling`.

    Raises `UnfitSchema` when a newer migration has another class, or none.
    """
    applied: dict[str, str | None] = {}
    if await database.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL"):
        applied = dict(await database.fetch(APPLIED))
    newer = sorted(applied.keys() - CLASSES.keys())
    for name in reversed(newer):
        kind = applied[name]
        if kind is None:
            raise UnfitSchema(name=name)
        if kind != "rolling":
            raise UnfitSchema(why="not_rolling", name=name, kind=kind)
    return Schema(missing=[name for name in CLASSES if name not in applied], newer=newer)


async def migrate(
    database_url: str, *, services_url: str = "", report: Callable[[Migration], None] = lambda _: None
) -> list[str]:
    """Apply the missing migrations, each in its own transaction; return their names. `report` gets each applied one.

    With `services_url`, grant its role the rights of services; a newer version has granted its own, and they stay.
    Raises `UnfitRole` when a role lacks a right, and `UnfitSchema`.
    """
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATE)
        await connection.execute(CREATE_TABLE)
        schema = await read_schema(connection)
        for migration in read_migrations():
            if migration.name in schema.missing:
                await _apply_with_retries(connection, migration)
                report(migration)
        if services_url and not schema.newer:
            await grant_rights(connection, services_url=services_url, held_lock=MIGRATE)
    except asyncpg.InsufficientPrivilegeError as error:
        raise UnfitRole(words=str(error)) from error
    else:
        return schema.missing
    finally:
        await connection.close()


async def _apply_with_retries(connection: asyncpg.Connection, migration: Migration) -> None:
    """Apply a migration, again after a pause when other transactions hold its locks; raises `UnfitSchema`."""
    backoff = Backoff(first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S)
    for nth in range(1, TRIES + 1):
        try:
            await _apply(connection, migration)
        except asyncpg.LockNotAvailableError:
            if nth == TRIES:
                raise UnfitSchema(
                    why="locked", name=migration.name, tries=TRIES, seconds=f"{LOCK_TIMEOUT_S:g}"
                ) from None
            await backoff.pause()
        else:
            return


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    if migration.in_transaction:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {round(LOCK_TIMEOUT_S * 1000)}")
            await connection.execute(migration.sql)
            await connection.execute(NOTE, migration.name, migration.kind)
        return
    # No query waits behind these statements, so they may wait for the end of every transaction.
    for statement in migration.sql.split(";\n"):
        if statement.strip():
            await connection.execute(statement)
    await connection.execute(NOTE, migration.name, migration.kind)
