"""When providers last answered about a payment, in any process, so that `/v1` can say when a payment was verified."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.batcher import Batcher
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

TIMEOUT_S: Final = 5.0
MAX_BATCH: Final = 500

# In the order of the payments, so that two processes never deadlock.
NOTE: Final = """
    INSERT INTO provider_answers AS known (payment_id, account, answered_at, position)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::bigint[])
    ON CONFLICT (payment_id) DO UPDATE SET answered_at = excluded.answered_at, position = excluded.position
    WHERE known.answered_at < excluded.answered_at
"""


class ProviderAnswer(Struct, frozen=True, kw_only=True):
    """The payment that a provider was asked about at `asked_at`; `position` is that of its last event after the answer.

    `account` is `<merchant>.<provider>`.
    """

    payment_id: int
    account: str
    asked_at: datetime
    position: int


class ProviderAnswers:
    """Writes the answers of this process; answers that come together are one write."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._batcher: Batcher[ProviderAnswer, None] = Batcher(
            self._write, max_items=MAX_BATCH, keys=lambda answer: (answer.payment_id,)
        )

    async def note(self, answer: ProviderAnswer) -> None:
        """Note an answer; an older one than the known one has no effect. Raises `StoreUnavailable` and `Overloaded`."""
        await self._batcher.submit(answer)

    async def close(self) -> None:
        """Write the accepted answers; further ones are rejected."""
        await self._batcher.close()

    async def _write(self, answers: Sequence[ProviderAnswer]) -> Sequence[None]:
        ordered = sorted(answers, key=lambda answer: answer.payment_id)
        columns = zip(*((each.payment_id, each.account, each.asked_at, each.position) for each in ordered), strict=True)
        with raising_unavailable():
            await self._pool.execute(NOTE, *map(list, columns), timeout=TIMEOUT_S)
        return [None] * len(answers)
