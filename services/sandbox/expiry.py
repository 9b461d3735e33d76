"""Cancels payments that nobody paid in time (`cancelled` / `expired`), and tells the merchant.

Source: mercadopago docs, "Cancellations": an unpaid Pix or boleto is cancelled at its due date.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from typing import TYPE_CHECKING

from services.sandbox.lifecycle import move

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.sandbox.clock import Clock
    from services.sandbox.records import Payment
    from services.sandbox.store import Store


class ExpiryJob:
    """Sleeps until the next due date; a due date is checked again when it comes, as it may have moved."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Watch every open payment of the store."""
        self._store = store
        self._clock = clock
        self._due: list[tuple[int, int]] = []
        self._changed = asyncio.Event()
        for payment in store.payments.values():
            self.watch(payment)

    def watch(self, payment: Payment) -> None:
        """Remember when an open payment falls due."""
        due_ms = self._due_ms(payment)
        if due_ms is not None:
            heapq.heappush(self._due, (due_ms, payment.payment_id))
            self._changed.set()

    async def run(self, record: Callable[[Payment], None]) -> None:
        """Expire payments for ever, passing each to `record`."""
        while True:
            now_ms = self._clock.now_ms()
            while self._due and self._due[0][0] <= now_ms:
                _, payment_id = heapq.heappop(self._due)
                payment = self._store.payments.get(payment_id)
                due_ms = None if payment is None else self._due_ms(payment)
                if payment is not None and due_ms is not None and due_ms <= now_ms:
                    record(move(payment, "cancelled", detail="expired", now_ms=now_ms))
            await self._wait()

    def _due_ms(self, payment: Payment) -> int | None:
        if payment.expires_ms is None or payment.status != "pending":
            return None
        return self._clock.arrival_ms(payment.created_ms, payment.expires_ms)

    async def _wait(self) -> None:
        self._changed.clear()
        wait_s = None if not self._due else max(0, self._due[0][0] - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
