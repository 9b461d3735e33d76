"""The index of `GET /v1/payments/search`, which may lag behind the payments."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.sandbox.state.clock import Clock
    from services.sandbox.state.records import Payment

MAX_LAG_MS = 600_000


class SearchIndex:
    """The searchable state of each merchant's payments, in the order of their last change.

    Real search results lag by minutes in captures. Changes therefore wait until `catch_up` makes those visible that
    are older than the lag.
    """

    def __init__(self, clock: Clock) -> None:
        """Start empty."""
        self._clock = clock
        self._waiting: deque[tuple[int, Payment]] = deque()
        self._visible: defaultdict[int, dict[int, Payment]] = defaultdict(dict)

    def add(self, payment: Payment) -> None:
        """Add a changed payment; a later `catch_up` makes it visible."""
        self._waiting.append((self._clock.now_ms(), payment))
        self.catch_up(lag_ms=MAX_LAG_MS)

    def catch_up(self, *, lag_ms: int) -> None:
        """Make every change visible that is at least `lag_ms` old."""
        visible_until_ms = self._clock.now_ms() - lag_ms
        while self._waiting and self._waiting[0][0] <= visible_until_ms:
            _, payment = self._waiting.popleft()
            of_merchant = self._visible[payment.collector_id]
            of_merchant.pop(payment.payment_id, None)
            of_merchant[payment.payment_id] = payment

    def restore(self, payment: Payment) -> None:
        """Make an earlier form of a payment visible at once, at the position of its older time."""
        self._waiting = deque(each for each in self._waiting if each[1].payment_id != payment.payment_id)
        of_merchant = self._visible[payment.collector_id] | {payment.payment_id: payment}
        by_change = sorted(of_merchant.items(), key=lambda item: item[1].updated_ms)
        self._visible[payment.collector_id] = dict(by_change)

    def latest_changes(self, collector_id: int) -> Iterator[Payment]:
        """Yield the merchant's visible payments, the last changed first."""
        return reversed(self._visible[collector_id].values())

    def visible(self, collector_id: int, payment_id: int) -> Payment | None:
        """Return the visible state of one payment, or `None`."""
        return self._visible[collector_id].get(payment_id)
