"""Closes everything that is sealed with another key, all of it or nothing, while the hub goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.payers import bound_to_payer
from extrato.store.vault import bound_to_credential, bound_to_secret

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.vault import Vault


class SealedTable(Struct, frozen=True, kw_only=True):
    """A table with a column `sealed`: what names a row, and what its content is bound to."""

    name: str
    key: tuple[str, ...]
    bound_to: Callable[..., bytes]


# The one list of where something sealed lies.
SEALED_TABLES: Final = (
    SealedTable(name="credentials", key=("merchant", "provider"), bound_to=bound_to_credential),
    SealedTable(name="payers", key=("payment_id",), bound_to=bound_to_payer),
    SealedTable(name="hub_secrets", key=("name",), bound_to=bound_to_secret),
)


async def check_all_decrypt(pool: asyncpg.Pool, vault: Vault) -> None:
    """Open every sealed row; raises `InvalidVaultKey` when one does not open with any key."""
    for table in SEALED_TABLES:
        for row in await pool.fetch(_select(table)):
            vault.unseal(row["sealed"], table.bound_to(*(row[name] for name in table.key)))


async def reencrypt_all(pool: asyncpg.Pool, vault: Vault) -> int:
    """Open every sealed row and close it with the key that closes, in one transaction; gives how many there are.

    Every process must know that key already. What a process closes meanwhile with the key before it stays open to
    all who know both, and is closed anew the next time. Raises `InvalidVaultKey`, and then nothing has changed.
    """
    closed = 0
    async with pool.acquire() as connection, connection.transaction():
        for table in SEALED_TABLES:
            closed += await _close_table(connection, vault, table)
    return closed


async def _close_table(connection: asyncpg.Connection, vault: Vault, table: SealedTable) -> int:
    # Locked, so that a credential that is being replaced at this moment is not set back.
    rows = await connection.fetch(f"{_select(table)} FOR UPDATE")
    where = " AND ".join(f"{name} = ${place}" for place, name in enumerate(table.key, start=2))
    update = await connection.prepare(f"UPDATE {table.name} SET sealed = $1 WHERE {where}")  # noqa: S608 - as above
    for row in rows:
        key = [row[name] for name in table.key]
        bound_to = table.bound_to(*key)
        await update.fetch(vault.seal(vault.unseal(row["sealed"], bound_to), bound_to), *key)
    return len(rows)


def _select(table: SealedTable) -> str:
    names = ", ".join(table.key)
    return f"SELECT {names}, sealed FROM {table.name} ORDER BY {names}"  # noqa: S608 - the names stand above
