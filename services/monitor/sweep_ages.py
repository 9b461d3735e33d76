"""How long ago the accounts of each lane were searched, and how many the provider refuses, over all processes.

The ages are about the hub. An account with a refused credential is left out, because only its merchant can help: its
age would grow without end, and hide an account that the hub does not search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.errors import StoreUnavailable
from extrato.scrape import Measurement
from extrato.store.refused_accounts import REFUSED_FOR, RefusedShare, count_refused
from extrato.store.unavailable import raising_unavailable
from services.monitor.metrics import ACCOUNTS_REFUSED, ACCOUNTS_SWEPT, SWEEP_AGE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extrato.values import Clock

WITHIN_S: Final = 2.0

# An account enters a lane with its oldest payment there, or when its credential was stored. A disconnected account is
# never searched.
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
    SELECT is_watched, min(greatest(since, high_water, recorded_at)) AS searched_at
    FROM accounts JOIN credentials USING (merchant, provider)
        LEFT JOIN sweep_cursors ON account = merchant || '.' || provider
    WHERE refused_at IS NULL OR refused_at <= $3
    GROUP BY is_watched
"""
LANES: Final = {True: FAST, False: SLOW, None: QUIET}


def measure_sweep_ages(pool: asyncpg.Pool, *, providers: Sequence[str], now: Clock) -> Measurement[dict[str, float]]:
    """Return the measurement of the accounts of these providers, by the hub's clock."""

    async def read() -> dict[str, float]:
        present = now()
        try:
            with raising_unavailable():
                rows = await pool.fetch(OLDEST, present, providers, present - REFUSED_FOR, timeout=WITHIN_S)
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


def measure_refused_accounts(
    pool: asyncpg.Pool, *, providers: Sequence[str], now: Clock
) -> Measurement[dict[str, RefusedShare]]:
    """Return the measurement of the accounts of these providers, by the hub's clock."""

    def show(found: dict[str, RefusedShare] | None) -> None:
        ACCOUNTS_REFUSED.clear()
        ACCOUNTS_SWEPT.clear()
        if found is None:
            return
        for provider in providers:
            share = found.get(provider, RefusedShare(refused=0, swept=0))
            ACCOUNTS_REFUSED.labels(provider).set(share.refused)
            ACCOUNTS_SWEPT.labels(provider).set(share.swept)

    return Measurement(lambda: count_refused(pool, now=now(), timeout_s=WITHIN_S), show)
