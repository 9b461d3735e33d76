"""Sets the gauge of the days that the access tokens of each provider are still valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.scrape import MEASURED_WITHIN_S, Measurement
from extrato.store.token_ends import days_left
from services.gateway.metrics import PROVIDER_TOKEN_DAYS

if TYPE_CHECKING:
    from collections.abc import Collection

    import asyncpg


def measure_tokens(pool: asyncpg.Pool, providers: Collection[str]) -> Measurement[dict[str, float]]:
    """Return the measurement; a provider without a known end of a token has no value."""

    async def read() -> dict[str, float]:
        return await days_left(pool, providers, timeout_s=MEASURED_WITHIN_S)

    def show(found: dict[str, float] | None) -> None:
        PROVIDER_TOKEN_DAYS.clear()
        for provider, days in (found or {}).items():
            PROVIDER_TOKEN_DAYS.labels(provider).set(max(0.0, days))

    return Measurement(read, show)
