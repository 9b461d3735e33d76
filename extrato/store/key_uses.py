"""When each API key was last used, to within some minutes. It is information only, and a write may be lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from extrato.errors import StoreUnavailable
from extrato.store.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

# Sorted, so that two gateways never deadlock. A use that another gateway wrote within a minute is not written again.
WRITE: Final = """
    INSERT INTO api_key_uses (holder, key_id, last_used_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
    ON CONFLICT (holder, key_id) DO UPDATE SET last_used_at = excluded.last_used_at
    WHERE api_key_uses.last_used_at < excluded.last_used_at - interval '1 minute'
"""
READ: Final = "SELECT key_id, last_used_at FROM api_key_uses WHERE holder = $1"

KeyName = tuple[str, str]
"""The holder and the id of a key."""


async def write_uses(pool: asyncpg.Pool, uses: Mapping[KeyName, float]) -> None:
    """Write the time of each key's last use, in seconds since 1970; raises an error of `DATABASE_ERRORS`."""
    rows = sorted(uses.items())
    if rows:
        moments = [datetime.fromtimestamp(used_at, UTC) for _, used_at in rows]
        await pool.execute(WRITE, [name[0] for name, _ in rows], [name[1] for name, _ in rows], moments)


async def read_uses(pool: asyncpg.Pool, holder: str) -> dict[str, datetime]:
    """Return the time of last use of a holder's keys, by their ids; raises `StoreUnavailable`."""
    try:
        return {row["key_id"]: row["last_used_at"] for row in await pool.fetch(READ, holder)}
    except DATABASE_UNAVAILABLE as error:
        raise StoreUnavailable from error
