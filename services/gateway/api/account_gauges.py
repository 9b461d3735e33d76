"""The webhooks and the call budgets of all accounts, for `/metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.scrape import MEASURED_WITHIN_S, Measurement
from extrato.store.webhook_health import FailingShare, count_failing
from services.gateway.metrics import PROVIDER_BUDGET_LEFT, WEBHOOK_ACCOUNTS, WEBHOOK_ACCOUNTS_FAILING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from extrato.use_cases.hub import Hub

NONE: Final = FailingShare(failing=0, judged=0)

Accounts = tuple["Mapping[str, FailingShare]", "Mapping[str, float]"]


def measure_accounts(pool: asyncpg.Pool, hub: Hub) -> Measurement[Accounts]:
    """Return the measurement of every remote provider's accounts."""

    async def read() -> Accounts:
        failing = await count_failing(pool, now=hub.now(), timeout_s=MEASURED_WITHIN_S)
        return failing, await hub.budgets.lowest_ratios(timeout_s=MEASURED_WITHIN_S)

    def show(found: Accounts | None) -> None:
        WEBHOOK_ACCOUNTS.clear()
        WEBHOOK_ACCOUNTS_FAILING.clear()
        PROVIDER_BUDGET_LEFT.clear()
        if found is None:
            return
        failing, left = found
        for provider in hub.providers.remote:
            share = failing.get(provider, NONE)
            WEBHOOK_ACCOUNTS.labels(provider).set(share.judged)
            WEBHOOK_ACCOUNTS_FAILING.labels(provider).set(share.failing)
            PROVIDER_BUDGET_LEFT.labels(provider).set(left.get(provider, 1.0))

    return Measurement(read, show)
