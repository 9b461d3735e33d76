"""Encrypts all secrets with the first key of the vault, in batches, while the hub runs.

Each batch is one statement, so that an interrupted rotation has re-encrypted whole rows, and the next one skips them. A
row changes only if it still has the ciphertext that was read: a concurrent change of a credential is not lost, and a
destroyed key of a payment stays destroyed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from extrato.store.payers import bound_to_payer
from extrato.store.payment_keys import bound_to_payment_key
from extrato.store.vault import bound_to_credential, bound_to_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from extrato.store.vault import Vault

BATCH: Final = 500

# Each pass finds rows that a process encrypted with the key before while the last pass ran: a few, then none.
MAX_PASSES: Final = 5


class SealedTable(Struct, frozen=True, kw_only=True):
    """A table with a column `sealed`, its primary key with the types, and the text that a row's secret is bound to."""

    name: str
    key: tuple[str, ...]
    types: tuple[str, ...]
    bound_to: Callable[..., bytes]


# The one list of tables with encrypted secrets.
SEALED_TABLES: Final = (
    SealedTable(name="credentials", key=("merchant", "provider"), types=("text", "text"), bound_to=bound_to_credential),
    SealedTable(name="payers", key=("payment_id",), types=("bigint",), bound_to=bound_to_payer),
    SealedTable(name="payment_keys", key=("payment_id",), types=("bigint",), bound_to=bound_to_payment_key),
    SealedTable(name="hub_secrets", key=("name",), types=("text",), bound_to=bound_to_secret),
)

# Called after each batch with the table, and the numbers of its rows that were read and re-encrypted in this pass.
Progress = Callable[[str, int, int], None]


class _Change(Struct, frozen=True):
    key: tuple[Any, ...]
    old: bytes
    new: bytes


async def check_all_decrypt(pool: asyncpg.Pool | asyncpg.Connection, vault: Vault, *, newest: int | None = None) -> int:
    """Decrypt every row, or the `newest` rows of each table, and return their number.

    Newest are those with the highest primary keys. Raises `InvalidVaultKey` when no key decrypts a row.
    """
    checked = 0
    for table in SEALED_TABLES:
        in_table = 0
        async for page in _pages(pool, table, newest_first=newest is not None):
            rows = page if newest is None else page[: newest - in_table]
            for key, sealed in rows:
                vault.unseal(sealed, table.bound_to(*key))
            in_table += len(rows)
            if newest is not None and in_table >= newest:
                break
        checked += in_table
    return checked


async def reencrypt_all(pool: asyncpg.Pool, vault: Vault, *, on_progress: Progress = lambda *_: None) -> int:
    """Encrypt with the first key every row that another key encrypted; return the number of these rows.

    Every process must have that key already. After the last pass no older key is needed for this database, except for
    a row that a process still encrypts with its older first key. Raises `InvalidVaultKey` at a row that no key
    decrypts; the rows before it stay re-encrypted.
    """
    total = 0
    for _ in range(MAX_PASSES):
        changed = 0
        for table in SEALED_TABLES:
            changed += await _reencrypt_table(pool, vault, table, on_progress)
        total += changed
        if not changed:
            break
    return total


async def _reencrypt_table(pool: asyncpg.Pool, vault: Vault, table: SealedTable, on_progress: Progress) -> int:
    read = changed = 0
    async for page in _pages(pool, table):
        changes = [
            _Change(key, sealed, new)
            for key, sealed in page
            if (new := vault.reseal(sealed, table.bound_to(*key))) is not None
        ]
        changed += await _change(pool, vault, table, changes)
        read += len(page)
        on_progress(table.name, read, changed)
    return changed


async def _change(pool: asyncpg.Pool, vault: Vault, table: SealedTable, changes: Sequence[_Change]) -> int:
    """Write the new ciphertexts, and return their number."""
    if not changes:
        return 0
    columns = [list(column) for column in zip(*(each.key for each in changes), strict=True)]
    rows = await pool.fetch(_update(table), *columns, [each.old for each in changes], [each.new for each in changes])
    done = {tuple(row) for row in rows}
    others = [each.key for each in changes if each.key not in done]
    return len(done) + sum([await _change_one(pool, vault, table, key) for key in others])


async def _change_one(pool: asyncpg.Pool, vault: Vault, table: SealedTable, key: tuple[Any, ...]) -> bool:
    """Re-encrypt a row that another transaction held or changed, and wait for that transaction."""
    where = _equals(table)
    async with pool.acquire() as connection, connection.transaction():
        sealed = await connection.fetchval(
            f"SELECT sealed FROM {table.name} WHERE {where} FOR UPDATE",  # noqa: S608 - the names stand above
            *key,
        )
        new = None if sealed is None else vault.reseal(sealed, table.bound_to(*key))
        if new is None:
            return False
        place = len(key) + 1
        await connection.execute(f"UPDATE {table.name} SET sealed = ${place} WHERE {where}", *key, new)  # noqa: S608
    return True


async def _pages(
    pool: asyncpg.Pool | asyncpg.Connection, table: SealedTable, *, newest_first: bool = False
) -> AsyncIterator[list[tuple[tuple[Any, ...], bytes]]]:
    """Yield the rows with a secret, in pages by primary key, so that memory is bounded."""
    width, after = len(table.key), None
    while True:
        query = _select(table, newest_first=newest_first, is_first=after is None)
        rows = await pool.fetch(query, BATCH, *(after or ()))
        if rows:
            yield [(tuple(row)[:width], row["sealed"]) for row in rows]
            after = tuple(rows[-1])[:width]
        if len(rows) < BATCH:
            return


def _select(table: SealedTable, *, newest_first: bool, is_first: bool) -> str:
    names = ", ".join(table.key)
    order = ", ".join(f"{name} {'DESC' if newest_first else 'ASC'}" for name in table.key)
    places = ", ".join(f"${place}::{kind}" for place, kind in enumerate(table.types, start=2))
    further = "" if is_first else f"AND ({names}) {'<' if newest_first else '>'} ({places})"
    return f"SELECT {names}, sealed FROM {table.name} WHERE sealed IS NOT NULL {further} ORDER BY {order} LIMIT $1"  # noqa: S608


def _update(table: SealedTable) -> str:
    """Return the statement that changes a batch of rows which still have their ciphertext.

    It leaves out rows that another transaction holds: a statement that waited for one row while it held others could
    deadlock with an append.
    """
    width, names = len(table.key), ", ".join(table.key)
    places = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(table.types, start=1))
    return f"""
        WITH given AS (
            SELECT * FROM unnest({places}, ${width + 1}::bytea[], ${width + 2}::bytea[]) AS g ({names}, old, new)
        ), free AS (
            SELECT {names}, given.new FROM {table.name} JOIN given USING ({names})
            WHERE {table.name}.sealed = given.old
            FOR UPDATE OF {table.name} SKIP LOCKED
        )
        UPDATE {table.name} AS changed SET sealed = free.new FROM free
        WHERE {" AND ".join(f"changed.{name} = free.{name}" for name in table.key)}
        RETURNING {", ".join(f"changed.{name}" for name in table.key)}
    """  # noqa: S608 - the names stand above


def _equals(table: SealedTable) -> str:
    return " AND ".join(f"{name} = ${place}" for place, name in enumerate(table.key, start=1))
