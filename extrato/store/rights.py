"""The rights of the services' role, where another role runs the migrations."""

from __future__ import annotations

from typing import Final

import asyncpg

from extrato.errors import ExtratoError

ORDINARY: Final = "SELECT, INSERT, UPDATE, DELETE"

# The one list of tables that migrations create, with the services' rights. Services only append to the log. Retention
# deletes evidence.
TABLES: Final = {
    "schema_migrations": "SELECT",
    "stored_events": "SELECT, INSERT",
    "evidence": "SELECT, INSERT, DELETE",
    "credentials": ORDINARY,
    "webhook_deliveries": ORDINARY,
    "sweep_cursors": ORDINARY,
    "provider_answers": ORDINARY,
    "checkpoints": ORDINARY,
    "payers": ORDINARY,
    "payment_keys": "SELECT, INSERT, UPDATE",
    "person_tags": "SELECT, INSERT, DELETE",
    "forgettings": "SELECT, INSERT, UPDATE",
    "holds": ORDINARY,
    "hub_secrets": ORDINARY,
    "second_looks": ORDINARY,
    "passed_over": ORDINARY,
    "readiness": ORDINARY,
    "payer_token_cut_off": "SELECT",
    "api_key_uses": "SELECT, INSERT, UPDATE",
    "logos": ORDINARY,
    "webhook_health": ORDINARY,
    "webhook_findings": ORDINARY,
    "provider_budgets": ORDINARY,
    "log_identity": "SELECT",
    "log_epochs": "SELECT, INSERT",
    "relay_lease": "SELECT, INSERT, UPDATE",
    "log_sealing": "SELECT",
}
SEQUENCES: Final = ("stored_events_notification_id_seq", "payment_numbers")

# Services may create functions in the schema. With this search path, the migrations' role never calls one of them.
ONLY_THE_CATALOG: Final = "SET LOCAL search_path = pg_catalog, pg_temp"

IS_MEMBER: Final = "SELECT pg_has_role(current_user, $1::name, 'MEMBER')"

# Services create the read models, some with further tables such as `statement_lines`. Tables from a time with one role
# still belong to the migrations' role.
FOREIGN_READ_MODELS: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'
      AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
      AND relname <> ALL ($2::name[]) AND (
          relname = ANY ($3::name[]) OR right(relname, 7) = '_shadow'
          OR EXISTS (SELECT FROM unnest($3::name[]) AS of (read_model) WHERE starts_with(relname, of.read_model || '_'))
      )
"""
FUNCTIONS: Final = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = $1::text::regnamespace
      AND proowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
"""

# A superuser, a member of the owner's role, and the owner of the schema or the database can rewrite the log too.
MAY_REWRITE: Final = """
    SELECT has_table_privilege($1::name, log.oid, 'UPDATE, DELETE, TRUNCATE')
        OR pg_has_role($1::name, log.relowner, 'MEMBER') OR pg_has_role($1::name, place.nspowner, 'MEMBER')
    FROM pg_class log JOIN pg_namespace place ON place.oid = log.relnamespace
    WHERE log.oid = $2::text::regclass
"""

LACKING_ON_TABLES: Final = """
    SELECT wanted.privilege || ' on ' || wanted.name FROM unnest($1::text[], $2::text[]) AS wanted (name, privilege)
    WHERE NOT has_table_privilege(wanted.name, wanted.privilege)
"""
LACKING_ON_SEQUENCES: Final = """
    SELECT 'USAGE on ' || wanted.name FROM unnest($1::text[]) AS wanted (name)
    WHERE NOT has_sequence_privilege(wanted.name, 'USAGE')
"""


class UnfitRole(ExtratoError):
    """A database role has too few or too many rights."""

    code = "unfit_role"


async def grant_rights(migrator: asyncpg.Connection, *, services_url: str, held_lock: int) -> None:
    """Grant the role of `services_url` the rights of services and no others; one role for both is left unchanged.

    `migrator` holds the advisory lock `held_lock`. It proves that both connections reach one database. Raises
    `UnfitRole`.
    """
    services = await asyncpg.connect(services_url, timeout=10)
    try:
        if await services.fetchval("SELECT pg_try_advisory_lock($1)", held_lock):
            raise UnfitRole(why="two_databases")
        role: str = await services.fetchval("SELECT current_user")
    finally:
        await services.close()
    owner: str = await migrator.fetchval("SELECT current_user")
    if role != owner:
        async with migrator.transaction():
            await _give(migrator, owner, role)


async def _give(migrator: asyncpg.Connection, owner: str, role: str) -> None:
    schema = _quoted(await migrator.fetchval("SELECT current_schema()"))
    await migrator.execute(ONLY_THE_CATALOG)
    if not await migrator.fetchval(IS_MEMBER, role):
        raise UnfitRole(
            why="not_member", owner=owner, role=role, quoted_role=_quoted(role), quoted_owner=_quoted(owner)
        )
    to = _quoted(role)
    await migrator.execute(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {to}")
    # Services write this table of names, so FOREIGN_READ_MODELS excludes every table of a migration.
    names = [row[0] for row in await migrator.fetch(f"SELECT read_model FROM {schema}.checkpoints")]  # noqa: S608
    for row in await migrator.fetch(FOREIGN_READ_MODELS, schema, list(TABLES), names):
        await migrator.execute(f"ALTER TABLE {schema}.{_quoted(row[0])} OWNER TO {to}")
    for table, rights in TABLES.items():
        await migrator.execute(f"REVOKE ALL ON {schema}.{table} FROM {to}")
        await migrator.execute(f"GRANT {rights} ON {schema}.{table} TO {to}")
    for sequence in SEQUENCES:
        await migrator.execute(f"REVOKE ALL ON SEQUENCE {schema}.{sequence} FROM {to}")
        await migrator.execute(f"GRANT USAGE ON SEQUENCE {schema}.{sequence} TO {to}")
    for row in await migrator.fetch(FUNCTIONS, schema):
        await migrator.execute(f"GRANT EXECUTE ON FUNCTION {row[0]} TO {to}")
    if await migrator.fetchval(MAY_REWRITE, role, f"{schema}.stored_events"):
        raise UnfitRole(why="rewrites", role=role, owner=owner)


async def missing_rights(services: asyncpg.Connection) -> list[str]:
    """Return what the role of this connection lacks of `TABLES` and `SEQUENCES`, such as `INSERT on payers`."""
    wanted = [(table, right) for table, rights in TABLES.items() for right in rights.split(", ")]
    tables, rights = zip(*wanted, strict=True)
    rows = [
        *await services.fetch(LACKING_ON_TABLES, tables, rights),
        *await services.fetch(LACKING_ON_SEQUENCES, SEQUENCES),
    ]
    return [row[0] for row in rows]


async def may_rewrite_log(services: asyncpg.Connection) -> bool:
    """Return whether the role of this connection could change or delete events."""
    role: str = await services.fetchval("SELECT current_user")
    may: bool = await services.fetchval(MAY_REWRITE, role, "stored_events")
    return may


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
