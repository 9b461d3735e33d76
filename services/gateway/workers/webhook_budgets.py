"""Budgets for the webhooks of each merchant, so that neither strangers nor tenants use up another merchant's share.

Each gateway process counts alone: two processes allow twice as much together.
"""

from __future__ import annotations

from typing import Final

from cachetools import LRUCache

from extrato.token_bucket import TokenBucket
from services.gateway.http.rate_limits import MAX_REMEMBERED

# Any client can send unverified deliveries. With 4 KiB each, kept for seven days, this is 80 MiB for a merchant.
UNVERIFIED_PER_MINUTE: Final = 2
UNVERIFIED_BURST: Final = 60
# About sixty deliveries a second of the size that Mercado Pago sends.
BODY_BYTES_PER_MINUTE: Final = 1 << 20
REPEATS_PER_MINUTE: Final = 60


class WebhookBudget:
    """One merchant's budgets.

    `unverified` counts the unverified deliveries to store, `body_bytes` the bytes of verified bodies to store, and
    `repeats` the repeated verified deliveries for which the provider is asked again.
    """

    def __init__(self) -> None:
        self.unverified = TokenBucket(UNVERIFIED_PER_MINUTE, burst=UNVERIFIED_BURST)
        self.body_bytes = TokenBucket(BODY_BYTES_PER_MINUTE)
        self.repeats = TokenBucket(REPEATS_PER_MINUTE)


class WebhookBudgets:
    """The budgets of this process. Beyond `MAX_REMEMBERED` the least recently used go."""

    def __init__(self) -> None:
        self._budgets: LRUCache[str, WebhookBudget] = LRUCache(MAX_REMEMBERED)

    def of(self, merchant: str) -> WebhookBudget:
        """Return the budgets of a registered merchant."""
        budget = self._budgets.get(merchant)
        if budget is None:
            budget = self._budgets[merchant] = WebhookBudget()
        return budget
