"""Pauses that a provider asked for: calls with a throttled credential wait until the pause ends."""

from __future__ import annotations

import hashlib
import time
from typing import Final

from cachetools import FIFOCache

REMEMBERED: Final = 10_000

# The access token, and the kind of call: `read` or `write`.
CooldownKey = tuple[str, str]


class Cooldowns:
    """The cooldowns of this process. When there are too many, the oldest is dropped."""

    def __init__(self) -> None:
        self._until_s: FIFOCache[bytes, float] = FIFOCache(REMEMBERED)

    def start(self, key: CooldownKey, duration_s: float) -> None:
        """Pause the calls of `key` for `duration_s`."""
        self._until_s[_digest(key)] = time.monotonic() + duration_s

    def left_s(self, key: CooldownKey) -> float:
        """Return the remaining pause in seconds; zero when calls are allowed."""
        if not self._until_s:
            return 0.0
        name = _digest(key)
        left_s = self._until_s.get(name, 0.0) - time.monotonic()
        if left_s <= 0:
            self._until_s.pop(name, None)
        return max(0.0, left_s)


def _digest(key: CooldownKey) -> bytes:
    return hashlib.sha256("\n".join(key).encode()).digest()
