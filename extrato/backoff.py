"""Pauses between retries."""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """Pauses that double from `first_s` to `longest_s`.

    Each pause is shortened by a random part, at most by half, so that the processes of a hub do not retry together.
    """

    def __init__(self, *, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    async def pause(self) -> None:
        """Wait after a failure. The next pause is twice as long, up to `longest_s`."""
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        await asyncio.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Begin with the first pause again, after a success."""
        self._next_s = self._first_s
