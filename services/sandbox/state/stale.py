"""Answers with an earlier form of a payment, for a number of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.sandbox.state.records import Payment


class StaleAnswers:
    """The earlier form of payments, and how many requests still get it; a restart forgets this."""

    def __init__(self) -> None:
        """Start without stale answers."""
        self._held: dict[int, tuple[Payment, int]] = {}

    def hold(self, earlier: Payment, *, answers: int) -> None:
        """Answer the next requests with this form, instead of the one set before; 0 ends it."""
        self._held[earlier.payment_id] = (earlier, answers)

    def answer_of(self, payment: Payment) -> Payment:
        """Return the form of the payment for one request."""
        earlier, left = self._held.get(payment.payment_id, (payment, 0))
        if left <= 0:
            self._held.pop(payment.payment_id, None)
            return payment
        self._held[payment.payment_id] = (earlier, left - 1)
        return earlier

    def clear(self) -> None:
        """End all stale answers."""
        self._held.clear()
