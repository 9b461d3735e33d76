"""How long ago the accounts of each lane were searched, from the stored cursors, which all processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

from extrato.errors import StoreUnavailable
from extrato.scrape import Measurement
from extrato.store.unavailable import raising_unavailable
from services.monitor.metrics import SWEEP_AGE_S
from services.monitor.schedule import FAST, QUIET, SLOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extrato.values import Clock

WITHIN_S: Final = 2.0

# An account enters a lane with its oldest payment there. A disconnected account is never searched.
OLDEST: Final = """
    WITH open AS (
        SELECT merchant, provider, watch_until IS NOT NULL AND watch_until > $1 AS is_watched, opened_at
        FROM open_payments WHERE charged AND provider = ANY ($2::text[])
    ), accounts AS (
        SELECT is_watched, merchant, provider, min(opened_at) AS since FROM open GROUP BY 1, 2, 3
        UNION ALL
        SELECT NULL, merchant, provider, high_water FROM credentials JOIN sweep_cursors
            ON account = merchant || '.' || provider
        WHERE provider = ANY ($2::text[])
    )
    SELECT is_watched, min(greatest(since, high_water)) AS searched_at
    FROM accounts JOIN credentials USING (merchant, provider)
        LEFT JOIN sweep_cursors ON account = merchant || '.' || provider
    GROUP BY is_watched
"""
LANES: Final = {True: FAST, False: SLOW, None: QUIET}


def measure_sweep_ages(pool: asyncpg.Pool, *, providers: Sequence[str], now: Clock) -> Measurement[dict[str, float]]:
    """Return the measurement of the accounts of these providers, by the hub's clock."""

    async def read() -> dict[str, float]:
        present = now()
        try:
            with raising_unavailable():
                rows = await pool.fetch(OLDEST, present, providers, timeout=WITHIN_S)
        except asyncpg.UndefinedTableError as error:
            raise StoreUnavailable(why="not_built") from error
        ages_s = dict.fromkeys(LANES.values(), 0.0)
        for is_watched, searched_at in rows:
            ages_s[LANES[is_watched]] = max(0.0, (present - searched_at).total_seconds())
        return ages_s

    return Measurement(read, _show)


def _show(ages_s: dict[str, float] | None) -> None:
    SWEEP_AGE_S.clear()
    for lane, age_s in (ages_s or {}).items():
        SWEEP_AGE_S.labels(lane).set(age_s)
