"""Encrypts all secrets with another key, all or nothing, while the hub runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.payers import bound_to_payer
from extrato.store.payment_keys import bound_to_payment_key
from extrato.store.vault import bound_to_credential, bound_to_secret

if TYPE_CHECKING:
    import asyncpg

    from extrato.store.vault import Vault


class SealedTable(Struct, frozen=True, kw_only=True):
    """A table with a column `sealed`, its primary key, and the text that a row's secret is bound to."""

    name: str
    key: tuple[str, ...]
    bound_to: Callable[..., bytes]


# The one list of tables with encrypted secrets.
SEALED_TABLES: Final = (
    SealedTable(name="credentials", key=("merchant", "provider"), bound_to=bound_to_credential),
    SealedTable(name="payers", key=("payment_id",), bound_to=bound_to_payer),
    SealedTable(name="payment_keys", key=("payment_id",), bound_to=bound_to_payment_key),
    SealedTable(name="hub_secrets", key=("name",), bound_to=bound_to_secret),
)


async def check_all_decrypt(pool: asyncpg.Pool, vault: Vault) -> None:
    """Decrypt every row; raises `InvalidVaultKey` when no key decrypts one."""
    for table in SEALED_TABLES:
        for row in await pool.fetch(_select(table)):
            vault.unseal(row["sealed"], table.bound_to(*(row[name] for name in table.key)))


async def reencrypt_all(pool: asyncpg.Pool, vault: Vault) -> int:
    """Encrypt every row again with the first key, in one transaction; return the number of rows.

    Every process must have that key already. A row that a process encrypts meanwhile with the key before decrypts with
    both keys, and is encrypted again by the next rotation. Raises `InvalidVaultKey` without a change.
    """
    closed = 0
    async with pool.acquire() as connection, connection.transaction():
        for table in SEALED_TABLES:
            closed += await _close_table(connection, vault, table)
    return closed


async def _close_table(connection: asyncpg.Connection, vault: Vault, table: SealedTable) -> int:
    # Locked, so that a concurrent change of a credential is not lost.
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
    return f"SELECT {names}, sealed FROM {table.name} WHERE sealed IS NOT NULL ORDER BY {names}"  # noqa: S608 - the names stand above
