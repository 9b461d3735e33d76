"""Concurrent calls for the same thing share one result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

Key = TypeVar("Key", bound="Hashable")
Result = TypeVar("Result")


class SingleFlight(Generic[Key, Result]):
    """Runs the work of each key once at a time; `len` counts the running keys."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Task[Result]] = {}

    def __len__(self) -> int:
        """Return the number of running keys."""
        return len(self._running)

    def __contains__(self, key: Key) -> bool:
        """Return whether the work of a key is running."""
        return key in self._running

    async def run(self, key: Key, work: Callable[[], Coroutine[None, None, Result]]) -> Result:
        """Join the running work of this key, or start it. Returns its result and raises its errors.

        A cancelled caller does not cancel the work for the others.
        """
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(work())
            task.add_done_callback(lambda done: self._end(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Cancel all running work, and wait until it has ended."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, key: Key, done: asyncio.Task[Result]) -> None:
        del self._running[key]
        if not done.cancelled():
            # The waiting callers raise the error. When none waits, reading it here avoids asyncio's warning.
            done.exception()
