"""What the webhooks of one merchant may cost, so that a stranger or a neighbour uses up no other merchant's share.

Each gateway counts for itself, so several allow as many times as much together.
"""

from __future__ import annotations

from typing import Final

from cachetools import LRUCache

from services.gateway.http.limits import REMEMBERED, Allowance

# Anybody can send what cannot be verified. With 4 KiB each and seven days, that is 80 MiB for a merchant.
UNVERIFIED_PER_MINUTE: Final = 2
UNVERIFIED_AT_ONCE: Final = 60
# About sixty deliveries a second of the size that Mercado Pago sends.
BODY_BYTES_PER_MINUTE: Final = 1 << 20
REPEATS_PER_MINUTE: Final = 60


class WebhookBudget:
    """What is left of one merchant's share.

    `unverified`: deliveries to keep although they cannot be believed. `body_bytes`: of the bodies of
    verified deliveries, to keep. `repeats`: of verified deliveries, to ask the provider about once more.
    """

    def __init__(self) -> None:
        self.unverified = Allowance(UNVERIFIED_PER_MINUTE, at_once=UNVERIFIED_AT_ONCE)
        self.body_bytes = Allowance(BODY_BYTES_PER_MINUTE)
        self.repeats = Allowance(REPEATS_PER_MINUTE)


class WebhookBudgets:
    """The budgets of this process; the longest unused are forgotten."""

    def __init__(self) -> None:
        self._budgets: LRUCache[str, WebhookBudget] = LRUCache(REMEMBERED)

    def of(self, merchant: str) -> WebhookBudget:
        """Give the budget of a merchant that exists."""
        budget = self._budgets.get(merchant)
        if budget is None:
            budget = self._budgets[merchant] = WebhookBudget()
        return budget
