"""When the access tokens of connected accounts end, if that is known. No query needs the vault's key."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Collection

    import asyncpg

# One look at the index for each provider, however many accounts it has.
DAYS_LEFT: Final = """
    SELECT named.provider, extract(epoch FROM earliest.token_expires_at - now())::float8 / 86400
    FROM unnest($1::text[]) AS named (provider)
    CROSS JOIN LATERAL (
        SELECT token_expires_at FROM credentials
        WHERE credentials.provider = named.provider AND token_expires_at IS NOT NULL
        ORDER BY token_expires_at LIMIT 1
    ) AS earliest
"""
EARLIEST: Final = """
    SELECT merchant || '.' || provider AS account, token_expires_at AS expires_at,
        extract(epoch FROM token_expires_at - now())::float8 / 86400 AS days_left
    FROM credentials WHERE token_expires_at IS NOT NULL ORDER BY token_expires_at, merchant LIMIT 1
"""
OF_MERCHANT: Final = """
    SELECT provider, token_expires_at FROM credentials WHERE merchant = $1 AND token_expires_at IS NOT NULL
"""


class TokenEnd(Struct, frozen=True, kw_only=True):
    """The end of an account's access token. The account is `merchant.provider`; after the end `days_left` is negative.

    The days are counted to the clock of PostgreSQL.
    """

    account: str
    expires_at: datetime
    days_left: float


async def days_left(pool: asyncpg.Pool, providers: Collection[str], *, timeout_s: float) -> dict[str, float]:
    """Return the fewest days left of each provider that has a token with a known end; raises the database's errors."""
    rows = await pool.fetch(DAYS_LEFT, list(providers), timeout=timeout_s)
    return {row[0]: row[1] for row in rows}


async def earliest_token_end(connection: asyncpg.Connection) -> TokenEnd | None:
    """Return the end that comes first, None when no end is known; raises the database's errors."""
    row = await connection.fetchrow(EARLIEST)
    return None if row is None else TokenEnd(**dict(row))


async def token_ends_of(pool: asyncpg.Pool | asyncpg.Connection, merchant: str) -> dict[str, datetime]:
    """Return the known ends of a merchant's tokens, by provider; raises `StoreUnavailable`."""
    with raising_unavailable():
        return dict(await pool.fetch(OF_MERCHANT, merchant))
