"""A bound on how often something may happen."""

from __future__ import annotations

import time


class Allowance:
    """Allows `per_minute` on average, and as many at once after a quiet minute."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._counted_at = time.monotonic()

    def take(self) -> bool:
        """Use one up, if there is one."""
        now = time.monotonic()
        earned = (now - self._counted_at) * self._per_minute / 60
        self._left, self._counted_at = min(self._per_minute, self._left + earned), now
        if self._left < 1:
            return False
        self._left -= 1
        return True
