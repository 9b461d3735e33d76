"""Counts of requests and webhooks since the start or the last reset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_MAX_TOKENS = 200


@dataclass
class Stats:
    """Counts requests and webhooks; it keeps digests of tokens only."""

    requests_by_route: Counter[str] = field(default_factory=Counter)
    requests_by_token: Counter[tuple[str, str]] = field(default_factory=Counter)
    webhooks_sent: int = 0
    webhooks_failed: int = 0
    webhooks_dropped: int = 0
    webhooks_abandoned: int = 0

    def count_request(self, route: str, *, account: str, digest: str) -> None:
        """Count one provider call; beyond 200 tokens, new ones count together as `others`."""
        self.requests_by_route[route] += 1
        if (account, digest) not in self.requests_by_token and len(self.requests_by_token) >= _MAX_TOKENS:
            account, digest = "others", ""
        self.requests_by_token[account, digest] += 1

    def body(self, *, webhooks_pending: int, webhooks_retrying: int) -> dict[str, Any]:
        """Return the counts as JSON.

        `failed` counts attempts without a 200 or 201 in time, `abandoned` webhooks whose last retry failed,
        `dropped` webhooks of a time when they were switched off. `pending` counts webhooks without an acknowledgement,
        and `retrying` those of them with a failed attempt.
        """
        return {
            "requests": {
                "total": self.requests_by_route.total(),
                "by_route": dict(self.requests_by_route.most_common()),
                "by_access_token": [
                    {"account": account, "token_digest": digest, "requests": count}
                    for (account, digest), count in self.requests_by_token.most_common()
                ],
            },
            "webhooks": {
                "sent": self.webhooks_sent,
                "failed": self.webhooks_failed,
                "dropped": self.webhooks_dropped,
                "abandoned": self.webhooks_abandoned,
                "pending": webhooks_pending,
                "retrying": webhooks_retrying,
            },
        }

    def reset(self) -> None:
        """Start counting again from zero."""
        self.requests_by_route.clear()
        self.requests_by_token.clear()
        self.webhooks_sent = self.webhooks_failed = self.webhooks_dropped = self.webhooks_abandoned = 0
