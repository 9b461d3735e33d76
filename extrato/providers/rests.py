"""Who was told by a provider to wait, and is not to ask it before."""

from __future__ import annotations

import hashlib
import time
from typing import Final

from cachetools import FIFOCache

REMEMBERED: Final = 10_000

# Whose question it is, by his secret, and of what kind.
Asker = tuple[str, str]


class Rests:
    """Rests of this process; those that were begun first are forgotten when there are too many."""

    def __init__(self) -> None:
        self._until_s: FIFOCache[bytes, float] = FIFOCache(REMEMBERED)

    def begin(self, asker: Asker, duration_s: float) -> None:
        """Have somebody wait."""
        self._until_s[_digest(asker)] = time.monotonic() + duration_s

    def left_s(self, asker: Asker) -> float:
        """Give for how long somebody is still to wait; zero when he may ask."""
        if not self._until_s:
            return 0.0
        name = _digest(asker)
        left_s = self._until_s.get(name, 0.0) - time.monotonic()
        if left_s <= 0:
            self._until_s.pop(name, None)
        return max(0.0, left_s)


def _digest(asker: Asker) -> bytes:
    return hashlib.sha256("\n".join(asker).encode()).digest()
