"""The webhooks and the call budgets of all accounts, for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.store.webhook_health import count_failing
from services.gateway.metrics import WEBHOOK_ACCOUNTS_FAILING

if TYPE_CHECKING:
    from collections.abc import Iterable

WITHIN_S: Final = 2.0


async def set_account_gauges(pool: asyncpg.Pool, *, providers: Iterable[str]) -> None:
    """Set the gauges of every remote provider; without an answer from PostgreSQL they are empty, not outdated."""
    WEBHOOK_ACCOUNTS_FAILING.clear()
    try:
        failing = await count_failing(pool, timeout_s=WITHIN_S)
    except (*DATABASE_UNAVAILABLE, asyncpg.PostgresError):
        return
    for provider in providers:
        WEBHOOK_ACCOUNTS_FAILING.labels(provider).set(failing.get(provider, 0))
