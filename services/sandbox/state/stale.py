"""Answers that show a payment as it was before its latest change, for some questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.sandbox.state.records import Payment


class StaleAnswers:
    """Holds the earlier form of payments, and how many questions it still answers; forgotten with the process."""

    def __init__(self) -> None:
        """Start with none."""
        self._held: dict[int, tuple[Payment, int]] = {}

    def hold(self, earlier: Payment, *, answers: int) -> None:
        """Give this form of the payment to the next questions, in place of what was held before; 0 gives it to none."""
        self._held[earlier.payment_id] = (earlier, answers)

    def answer_of(self, payment: Payment) -> Payment:
        """Return the form of the payment that answers one question."""
        earlier, left = self._held.get(payment.payment_id, (payment, 0))
        if left <= 0:
            self._held.pop(payment.payment_id, None)
            return payment
        self._held[payment.payment_id] = (earlier, left - 1)
        return earlier

    def clear(self) -> None:
        """Answer with the present form again."""
        self._held.clear()
