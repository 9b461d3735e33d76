"""The webhooks and the call budgets of all accounts, for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.store.webhook_health import count_failing
from services.gateway.metrics import PROVIDER_BUDGET_LEFT, WEBHOOK_ACCOUNTS_FAILING

if TYPE_CHECKING:
    from extrato.use_cases.hub import Hub

WITHIN_S: Final = 2.0


async def set_account_gauges(pool: asyncpg.Pool, hub: Hub) -> None:
    """Set the gauges of every remote provider; without an answer from PostgreSQL they are empty, not outdated."""
    WEBHOOK_ACCOUNTS_FAILING.clear()
    PROVIDER_BUDGET_LEFT.clear()
    try:
        failing = await count_failing(pool, timeout_s=WITHIN_S)
        left = await hub.budgets.lowest_ratios(timeout_s=WITHIN_S)
    except (*DATABASE_UNAVAILABLE, asyncpg.PostgresError):
        return
    for provider in hub.providers.remote:
        WEBHOOK_ACCOUNTS_FAILING.labels(provider).set(failing.get(provider, 0))
        PROVIDER_BUDGET_LEFT.labels(provider).set(left.get(provider, 1.0))
