"""The changes of a payment by time alone: an unpaid one expires, and a test order is paid automatically.

Source: mercadopago docs, "Cancellations": an unpaid Pix or boleto is cancelled at its due date; Checkout API Orders,
"Integration test with Pix", and a probe that measured the delay.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from typing import TYPE_CHECKING, NamedTuple

from services.sandbox.state.lifecycle import move

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.sandbox.state.clock import Clock
    from services.sandbox.state.records import Payment
    from services.sandbox.state.store import Store

# The provider pays a test user's order automatically when the payer has the documented name and address.
TEST_PAYER = {"first_name": "APRO", "email": "test_user_br@testuser.com"}
TEST_PAYMENT_MS = 49_000


class Step(NamedTuple):
    """A change of a payment at a real time."""

    due_ms: int
    status: str
    detail: str | None


class Timetable:
    """Sleeps until the next step is due, and checks each step again then, because the payment may have changed."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Schedule every open payment of the store."""
        self._store = store
        self._clock = clock
        self._due: list[tuple[int, int]] = []
        self._changed = asyncio.Event()
        for payment in store.payments.values():
            self.schedule(payment)

    def schedule(self, payment: Payment) -> None:
        """Schedule the next step of an open payment."""
        step = self._next_step(payment)
        if step is not None:
            heapq.heappush(self._due, (step.due_ms, payment.payment_id))
            self._changed.set()

    async def run(self, record: Callable[[Payment], None]) -> None:
        """Take due steps until cancelled, and pass each changed payment to `record`."""
        while True:
            now_ms = self._clock.now_ms()
            while self._due and self._due[0][0] <= now_ms:
                _, payment_id = heapq.heappop(self._due)
                payment = self._store.payments.get(payment_id)
                step = None if payment is None else self._next_step(payment)
                if payment is not None and step is not None and step.due_ms <= now_ms:
                    record(move(payment, step.status, detail=step.detail, now_ms=now_ms))
            await self._wait()

    def _next_step(self, payment: Payment) -> Step | None:
        if payment.status != "pending":
            return None
        steps = []
        if payment.expires_ms is not None:
            steps.append(Step(self._clock.arrival_ms(payment.created_ms, payment.expires_ms), "cancelled", "expired"))
        if _pays_itself(payment):
            paid_ms = payment.created_ms + TEST_PAYMENT_MS
            steps.append(Step(self._clock.arrival_ms(payment.created_ms, paid_ms), "approved", None))
        return min(steps, key=lambda step: step.due_ms, default=None)

    async def _wait(self) -> None:
        self._changed.clear()
        wait_s = None if not self._due else max(0, self._due[0][0] - self._clock.now_ms()) / 1000
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._changed.wait()


def _pays_itself(payment: Payment) -> bool:
    if payment.online_order is None or not payment.online_order.is_test:
        return False
    return all(payment.payer.get(name) == value for name, value in TEST_PAYER.items())
