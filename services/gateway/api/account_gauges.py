"""The webhooks and the call budgets of all accounts, for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.scrape import MEASURED_WITHIN_S, Measurement
from extrato.store.webhook_health import count_failing
from services.gateway.metrics import PROVIDER_BUDGET_LEFT, WEBHOOK_ACCOUNTS_FAILING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from extrato.use_cases.hub import Hub

Accounts = tuple["Mapping[str, int]", "Mapping[str, float]"]


def measure_accounts(pool: asyncpg.Pool, hub: Hub) -> Measurement[Accounts]:
    """Return the measurement of every remote provider's accounts."""

    async def read() -> Accounts:
        failing = await count_failing(pool, timeout_s=MEASURED_WITHIN_S)
        return failing, await hub.budgets.lowest_ratios(timeout_s=MEASURED_WITHIN_S)

    def show(found: Accounts | None) -> None:
        WEBHOOK_ACCOUNTS_FAILING.clear()
        PROVIDER_BUDGET_LEFT.clear()
        if found is None:
            return
        failing, left = found
        for provider in hub.providers.remote:
            WEBHOOK_ACCOUNTS_FAILING.labels(provider).set(failing.get(provider, 0))
            PROVIDER_BUDGET_LEFT.labels(provider).set(left.get(provider, 1.0))

    return Measurement(read, show)
