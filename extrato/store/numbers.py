"""Draws payment numbers, many at once when many are wanted."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from extrato.store.batcher import Batcher
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

DRAW: Final = "SELECT nextval('payment_numbers') FROM generate_series(1, $1)"
DRAW_TIMEOUT_S: Final = 5.0
SPARE_FOR_EACH: Final = 4
MAX_SPARE: Final = 256


class PaymentNumbers:
    """Gives small integers that were never given before, by any process."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._spare: deque[int] = deque()
        self._batcher: Batcher[None, int] = Batcher(self._draw, max_items=512)

    async def draw(self) -> int:
        """Give the next number; raises `StoreUnavailable` and `Overloaded`."""
        return self._spare.popleft() if self._spare else await self._batcher.submit(None)

    def forget(self) -> None:
        """Use none of those that were drawn ahead: a log that went back draws them again."""
        self._spare.clear()

    async def _draw(self, wanted: Sequence[None]) -> list[int | Exception]:
        with raising_unavailable("nothing_created"):
            # Under load more are drawn than are waited for; a process that ends then leaves a gap.
            spare = min(SPARE_FOR_EACH * len(wanted), MAX_SPARE) if len(wanted) > 1 else 0
            count = len(wanted) + spare
            rows = await self._pool.fetch(DRAW, count, timeout=DRAW_TIMEOUT_S)
        self._spare.extend(row[0] for row in rows[len(wanted) :])
        return [row[0] for row in rows[: len(wanted)]]
