"""A token bucket of one process."""

from __future__ import annotations

import time


class TokenBucket:
    """Allows `per_minute` on average, and after a pause up to `burst` at once, by default `per_minute`."""

    def __init__(self, per_minute: int, *, burst: int | None = None) -> None:
        self._per_minute = per_minute
        self._most = per_minute if burst is None else burst
        self._left = float(self._most)
        self._counted_at = time.monotonic()

    @property
    def wait_s(self) -> float:
        """Return the seconds until one token is available; zero when one is."""
        self._refill()
        return max(0.0, (1 - self._left) * 60 / self._per_minute)

    def left_and_reset_s(self) -> tuple[int, float]:
        """Return how many tokens are available at once, and the seconds until all are; without one, until the next."""
        self._refill()
        left = int(self._left)
        return left, ((self._most if left else 1) - self._left) * 60 / self._per_minute

    def take(self, count: int = 1) -> bool:
        """Take `count` tokens if that many are available; False takes none."""
        self._refill()
        if self._left < count:
            return False
        self._left -= count
        return True

    def _refill(self) -> None:
        now = time.monotonic()
        earned = (now - self._counted_at) * self._per_minute / 60
        self._left, self._counted_at = min(self._most, self._left + earned), now
