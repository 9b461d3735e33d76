"""Those who ask for the same thing at the same time share one answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

Key = TypeVar("Key", bound="Hashable")
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Result]):
    """Runs the work for a key once at a time; `len` counts what runs at present."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Task[Result]] = {}

    def __len__(self) -> int:
        """Count the works that run."""
        return len(self._running)

    def __contains__(self, key: Key) -> bool:
        """Say whether the work for a key runs."""
        return key in self._running

    async def run(self, key: Key, work: Callable[[], Coroutine[None, None, Result]]) -> Result:
        """Give what the work that runs for this key gives, or begin it; raises its error.

        A caller that is cancelled does not end the work for the others.
        """
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel what runs, and wait until it has ended."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, key: Key, done: asyncio.Task[Result]) -> None:
        del self._running[key]
        if not done.cancelled():
            # An error belongs to those who wait; when all of them are gone, it is seen here.
            done.exception()
