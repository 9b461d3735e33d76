"""Applies the missing migrations; several processes may try at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import asyncpg

from extrato.store.rights import UnfitRole, grant_rights

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "migrations"

# Any fixed number. The process with this advisory lock migrates; the others wait, and find nothing missing.
LOCK: Final = 7_301_984_001

CREATE_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name       text        PRIMARY KEY,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


async def migrate(database_url: str, *, services_url: str = "") -> list[str]:
    """Apply the missing migrations, each in its own transaction; return their names.

    With `services_url`, grant its role the rights of services. Raises `UnfitRole` when a role lacks a right.
    """
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute(CREATE_TABLE)
        applied = {row[0] for row in await connection.fetch("SELECT name FROM schema_migrations")}
        missing = [path for path in sorted(FOLDER.glob("*.sql")) if path.stem not in applied]
        for path in missing:
            async with connection.transaction():
                await connection.execute(path.read_text(encoding="utf-8"))
                await connection.execute("INSERT INTO schema_migrations (name) VALUES ($1)", path.stem)
        if services_url:
            await grant_rights(connection, services_url=services_url, held_lock=LOCK)
        return [path.stem for path in missing]
    except asyncpg.InsufficientPrivilegeError as error:
        raise UnfitRole(words=str(error)) from error
    finally:
        await connection.close()
