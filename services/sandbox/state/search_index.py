"""What `GET /v1/payments/search` can see, which may lag behind the payments themselves."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.sandbox.state.clock import Clock
    from services.sandbox.state.records import Payment

MAX_LAG_MS = 600_000


class SearchIndex:
    """Keeps, for each merchant, the searchable state of its payments in the order of their last change.

    Real lists were seen to lag minutes behind the objects, so a change can be withheld: `catch_up` lets the
    changes through that are older than the lag.
    """

    def __init__(self, clock: Clock) -> None:
        """Start empty."""
        self._clock = clock
        self._waiting: deque[tuple[int, Payment]] = deque()
        self._visible: defaultdict[int, dict[int, Payment]] = defaultdict(dict)

    def note(self, payment: Payment) -> None:
        """Take in a changed payment; it becomes visible by the next `catch_up` that its age allows."""
        self._waiting.append((self._clock.now_ms(), payment))
        self.catch_up(lag_ms=MAX_LAG_MS)

    def catch_up(self, *, lag_ms: int) -> None:
        """Make every change visible that happened at least `lag_ms` ago."""
        visible_until_ms = self._clock.now_ms() - lag_ms
        while self._waiting and self._waiting[0][0] <= visible_until_ms:
            _, payment = self._waiting.popleft()
            of_merchant = self._visible[payment.collector_id]
            of_merchant.pop(payment.payment_id, None)
            of_merchant[payment.payment_id] = payment

    def put_back(self, payment: Payment) -> None:
        """Show an earlier form of a payment at once, at the place that its older instant gives it."""
        self._waiting = deque(each for each in self._waiting if each[1].payment_id != payment.payment_id)
        of_merchant = self._visible[payment.collector_id] | {payment.payment_id: payment}
        by_change = sorted(of_merchant.items(), key=lambda item: item[1].updated_ms)
        self._visible[payment.collector_id] = dict(by_change)

    def latest_changes(self, collector_id: int) -> Iterator[Payment]:
        """Yield the merchant's payments as far as visible, the last changed first."""
        return reversed(self._visible[collector_id].values())

    def visible(self, collector_id: int, payment_id: int) -> Payment | None:
        """Return one payment as far as visible."""
        return self._visible[collector_id].get(payment_id)
