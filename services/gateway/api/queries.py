"""Queries of the read models; the projections service owns their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts.read_models import MerchantProfile, PaymentDetails
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

TIMEOUT_S: Final = 5.0

PAYMENTS: Final = """
    SELECT document FROM payment_details WHERE merchant = $1
    ORDER BY created_at DESC, payment_id DESC LIMIT $2
"""
PAYMENTS_OF_STATUS: Final = """
    SELECT document FROM payment_details WHERE merchant = $1 AND status = $3
    ORDER BY created_at DESC, payment_id DESC LIMIT $2
"""
OPEN: Final = """
    SELECT payment_id FROM open_payments
    WHERE merchant = $1 AND provider <> 'pix' AND NOT settled ORDER BY payment_id
"""
WATCHED: Final = """
    SELECT payment_id FROM open_payments
    WHERE charged AND watch_until > $2 AND ($1::text IS NULL OR merchant = $1) ORDER BY payment_id
"""
LAST_SWEEPS: Final = """
    SELECT split_part(account, '.', 2) AS provider, high_water FROM sweep_cursors WHERE starts_with(account, $1 || '.')
"""
CHECKPOINT: Final = "SELECT position FROM checkpoints WHERE read_model = $1"
POSITIONS: Final = """
    SELECT position FROM merchant_positions WHERE merchant = $1 AND position > $2
    ORDER BY position LIMIT $3
"""

MERCHANTS: Final = "SELECT document FROM merchants WHERE slug > $1 ORDER BY slug LIMIT $2"

_profile: Final = msgspec.json.Decoder(MerchantProfile).decode
_details: Final = msgspec.json.Decoder(PaymentDetails).decode


async def payments_of(pool: asyncpg.Pool, merchant: str, *, status: str, limit: int) -> list[PaymentDetails]:
    """Return a merchant's payments of a status (`all` for every status), the newest first."""
    if status == "all":
        rows = await _fetch(pool, PAYMENTS, merchant, limit)
    else:
        rows = await _fetch(pool, PAYMENTS_OF_STATUS, merchant, limit, status)
    return [_details(row[0]) for row in rows]


async def open_payments(pool: asyncpg.Pool, merchant: str) -> list[int]:
    """Return a merchant's payments that may still change and have a provider to ask, the oldest first."""
    return [row[0] for row in await _fetch(pool, OPEN, merchant)]


async def watched_payments(pool: asyncpg.Pool, merchant: str | None, *, now: datetime) -> list[int]:
    """Return the watched payments of a merchant or (None) of all."""
    return [row[0] for row in await _fetch(pool, WATCHED, merchant, now)]


async def last_sweeps(pool: asyncpg.Pool, merchant: str) -> dict[str, datetime]:
    """Return up to when each account of a merchant was swept, by provider."""
    return {row["provider"]: row["high_water"] for row in await _fetch(pool, LAST_SWEEPS, merchant)}


async def snapshot_of(pool: asyncpg.Pool, merchant: str, *, limit: int) -> tuple[int, list[PaymentDetails]]:
    """Return a merchant's newest payments and the position of the read model, in one snapshot."""
    with raising_unavailable():
        async with (
            pool.acquire(timeout=TIMEOUT_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            position: int = await connection.fetchval(CHECKPOINT, "payment_details") or 0
            rows = await connection.fetch(PAYMENTS, merchant, limit, timeout=TIMEOUT_S)
    return position, [_details(row[0]) for row in rows]


async def positions_of(pool: asyncpg.Pool, merchant: str, *, after: int, limit: int) -> tuple[int, list[int]]:
    """Return a page of the positions of a merchant's events above `after`, and the position up to which it is complete.

    Before the table is first built, the page is empty and complete up to `after`.
    """
    with raising_unavailable():
        async with (
            pool.acquire(timeout=TIMEOUT_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            reached: int | None = await connection.fetchval(CHECKPOINT, "merchant_positions")
            if reached is None:
                return after, []
            rows = await connection.fetch(POSITIONS, merchant, after, limit, timeout=TIMEOUT_S)
    positions = [row[0] for row in rows]
    return (positions[-1] if len(positions) == limit else max(reached, after)), positions


async def merchants_after(pool: asyncpg.Pool, slug: str, *, limit: int) -> list[MerchantProfile]:
    """Return the merchants whose slug comes after `slug`, in order."""
    return [_profile(row[0]) for row in await _fetch(pool, MERCHANTS, slug, limit)]


async def _fetch(pool: asyncpg.Pool, query: str, *arguments: Any) -> list[asyncpg.Record]:
    with raising_unavailable():
        rows: list[asyncpg.Record] = await pool.fetch(query, *arguments, timeout=TIMEOUT_S)
    return rows
