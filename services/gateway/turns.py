"""Bounds how many long answers are sent at once, so that one holder's slow clients leave turns to the others."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Turns:
    """At most `together` turns at once, of which one holder has at most `of_one`; the others wait."""

    def __init__(self, *, together: int, of_one: int) -> None:
        self._together = asyncio.Semaphore(together)
        self._of_one = of_one
        # A request that waits or has a turn keeps the semaphore of its holder alive.
        self._by_holder: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def take(self, holder: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it inside."""
        own = self._by_holder.get(holder)
        if own is None:
            own = self._by_holder[holder] = asyncio.Semaphore(self._of_one)
        async with own, self._together:
            yield
