"""Payment ids from a sequence of PostgreSQL, many at once under load."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from extrato.store.batcher import Batcher
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

FETCH: Final = "SELECT nextval('payment_numbers') FROM generate_series(1, $1)"
FETCH_TIMEOUT_S: Final = 5.0
SPARE_FOR_EACH: Final = 4
MAX_SPARE: Final = 256


class PaymentIds:
    """Returns small integers, each once among all processes."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._spare: deque[int] = deque()
        self._batcher: Batcher[None, int] = Batcher(self._fetch, max_items=512)

    async def next_payment_id(self) -> int:
        """Return the next id; raises `StoreUnavailable` and `Overloaded`."""
        return self._spare.popleft() if self._spare else await self._batcher.submit(None)

    def discard_spare(self) -> None:
        """Drop the ids that were fetched ahead: a log that went back assigns them again."""
        self._spare.clear()

    async def _fetch(self, wanted: Sequence[None]) -> list[int | Exception]:
        with raising_unavailable("nothing_created"):
            # Under load it fetches more ids than callers wait for; a process that ends then leaves a gap.
            spare = min(SPARE_FOR_EACH * len(wanted), MAX_SPARE) if len(wanted) > 1 else 0
            count = len(wanted) + spare
            rows = await self._pool.fetch(FETCH, count, timeout=FETCH_TIMEOUT_S)
        self._spare.extend(row[0] for row in rows[len(wanted) :])
        return [row[0] for row in rows[: len(wanted)]]
