"""Accounts whose credential the provider refuses: a fault of their merchants, unless it concerns many accounts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

REFUSED_FOR: Final = timedelta(minutes=45)
"""How long a refusal counts. Sweeps repeat it each quarter of an hour at least, so an older one proves nothing."""

# A sweep searches accounts with a cursor; an account that was refused from the start has none.
COUNT: Final = """
    SELECT provider, count(*) FILTER (WHERE refused_at > $1) AS refused, count(*) AS swept
    FROM credentials
    WHERE refused_at > $1 OR EXISTS (SELECT FROM sweep_cursors WHERE account = merchant || '.' || provider)
    GROUP BY provider
"""


class RefusedShare(Struct, frozen=True, kw_only=True):
    """How many of the swept accounts of a provider have a refused credential."""

    refused: int
    swept: int


async def count_refused(pool: asyncpg.Pool, *, now: datetime, timeout_s: float) -> dict[str, RefusedShare]:
    """Return the share of each provider with a swept account; raises the database's errors."""
    rows: Sequence[asyncpg.Record] = await pool.fetch(COUNT, now - REFUSED_FOR, timeout=timeout_s)
    return {row["provider"]: RefusedShare(refused=row["refused"], swept=row["swept"]) for row in rows}
