"""How far each account has been swept, stored so that any process can continue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.store.unavailable import raising_unavailable
from services.monitor.schedule import Cursor

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

LOAD: Final = "SELECT high_water, deep_at AS backfilled_at FROM sweep_cursors WHERE account = $1"

ACCOUNTS: Final = "SELECT account FROM sweep_cursors"

# Two lanes may sweep one account at the same time; neither moves the cursor back. The provider has just accepted the
# account's credential. All that the sweep found is in the log already, so up to its head.
STORE: Final = """
    WITH accepted AS (
        UPDATE credentials SET refused_at = NULL
        WHERE merchant = split_part($1, '.', 1) AND provider = split_part($1, '.', 2) AND refused_at IS NOT NULL
    )
    INSERT INTO sweep_cursors AS known (account, high_water, deep_at, position)
    VALUES ($1, $2, $3, (SELECT coalesce(max(notification_id), 0) FROM stored_events))
    ON CONFLICT (account) DO UPDATE SET
        high_water = greatest(known.high_water, excluded.high_water),
        deep_at = greatest(known.deep_at, excluded.deep_at),
        (position, earlier_high_water, earlier_position) = (
            SELECT CASE WHEN is_later THEN excluded.position ELSE known.position END,
                CASE WHEN is_later THEN known.high_water ELSE known.earlier_high_water END,
                CASE WHEN is_later THEN known.position ELSE known.earlier_position END
            FROM (SELECT excluded.high_water > known.high_water) AS _ (is_later)
        )
"""

REFUSE: Final = """
    UPDATE credentials SET refused_at = $2
    WHERE merchant = split_part($1, '.', 1) AND provider = split_part($1, '.', 2)
"""


class Cursors:
    """The table `sweep_cursors`, and whether the provider refuses an account's credential."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def load(self, account: str) -> Cursor | None:
        """Return an account's cursor, or None before its first sweep; raises `StoreUnavailable`."""
        with raising_unavailable():
            row = await self._pool.fetchrow(LOAD, account)
        return Cursor(**dict(row)) if row else None

    async def accounts(self) -> list[str]:
        """Return the names of all accounts that have a cursor; raises `StoreUnavailable`."""
        with raising_unavailable():
            rows = await self._pool.fetch(ACCOUNTS)
        return [row[0] for row in rows]

    async def store(self, account: str, cursor: Cursor) -> None:
        """Move an account's cursor forward; raises `StoreUnavailable`."""
        with raising_unavailable():
            await self._pool.execute(STORE, account, cursor.high_water, cursor.backfilled_at)

    async def note_refusal(self, account: str, *, at: datetime) -> None:
        """Note that the provider refused the account's credential; raises `StoreUnavailable`."""
        with raising_unavailable():
            await self._pool.execute(REFUSE, account, at)
