"""Group commit: one write serves many callers."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from extrato.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence

BUSY_ABOVE: Final = 4

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects items during a write, and writes them together in the next one.

    `flush` takes a batch and returns one result or one exception for each item. Two items with a common key of
    `keys` never share a batch: the later one waits, and sees the effect of the earlier one. A batch holds at most
    `max_items` and `max_bytes`. At most `max_waiting` items wait; a further one raises `Overloaded`.

    After a batch of more than `BUSY_ABOVE` items, a smaller batch waits `linger_s`: callers that just received a
    result submit again soon, and one large write costs less than two.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        max_items: int,
        max_bytes: int = 1 << 20,
        max_waiting: int = 8192,
        size: Callable[[Item], int] = lambda _: 0,
        weight: Callable[[Item], int] = lambda _: 1,
        keys: Callable[[Item], Iterable[Hashable]] = lambda _: (),
        linger_s: float = 0.0,
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting
        self._size = size
        self._weight = weight
        self._keys = keys
        self._linger_s = linger_s
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Count the items that wait for a write."""
        return len(self._waiting)

    async def submit(self, item: Item) -> Result:
        """Write `item` and return its result; raises `Overloaded`, or the write's exception."""
        if self._closed or len(self._waiting) >= self._max_waiting:
            raise Overloaded
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await future

    async def close(self) -> None:
        """Reject further items, and write the accepted ones."""
        self._closed = True
        if self._writer is not None:
            await self._writer

    async def _write_all(self) -> None:
        written = 0
        while self._waiting:
            if self._linger_s and len(self._waiting) < written > BUSY_ABOVE:
                await asyncio.sleep(self._linger_s)
            batch = self._next_batch()
            written = len(batch)
            results: Sequence[Result | Exception]
            try:
                results = await self._flush([item for item, _ in batch])
                outcomes = list(zip(batch, results, strict=True))
            except Exception as error:  # noqa: BLE001 - the callers handle it
                outcomes = [(entry, error) for entry in batch]
            for (_, future), result in outcomes:
                if future.done():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        held: list[tuple[Item, asyncio.Future[Result]]] = []
        taken: set[Hashable] = set()
        count = size = 0
        while self._waiting:
            item, future = self._waiting[0]
            count += self._weight(item)
            size += self._size(item)
            if batch and (count > self._max_items or size > self._max_bytes):
                break
            self._waiting.popleft()
            wanted = set(self._keys(item))
            (held if wanted & taken else batch).append((item, future))
            taken |= wanted
        self._waiting.extendleft(reversed(held))
        return batch
