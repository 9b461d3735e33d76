"""Pauses between retries."""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """Pauses that double from `first_s` to `longest_s`.

    Each is shortened at random, to half at the least, so that the processes of a hub do not retry at the same moment.
    """

    def __init__(self, *, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    async def pause(self) -> None:
        """Wait after a failure; each pause is longer than the one before, up to `longest_s`."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        await asyncio.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Start with the first pause again."""
        self._next_s = self._first_s
