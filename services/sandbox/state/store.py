"""All records in memory, indexed by their keys, and written through to the database."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.sandbox.state.order_names import order_name, refund_name
from services.sandbox.state.records import MerchantOrder, Payment, Preference
from services.sandbox.state.search_index import SearchIndex

if TYPE_CHECKING:
    from services.sandbox.state.clock import Clock
    from services.sandbox.state.database import Database

# Ids grow with the clock at this rate, also without new records. A sandbox with deleted data therefore does not reuse
# old ids. The rate also gives 11 digits, as in real ids.
_IDS_PER_SECOND = 50
_MAX_ID_DIGITS = 18


class Store:
    """Finds and saves preferences, merchant orders and payments."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Load all records of the database."""
        self._database = database
        self._clock = clock
        self._forget()
        for preference in database.load("preferences", Preference):
            self._index_preference(preference)
        for order in database.load("orders", MerchantOrder):
            self._index_order(order)
        payments = list(database.load("payments", Payment))
        for payment in sorted(payments, key=lambda each: each.payment_id):
            self._index_payment(payment)
        for payment in sorted(payments, key=lambda each: each.updated_ms):
            self.search_index.add(payment)

    def _forget(self) -> None:
        self.preferences: dict[str, Preference] = {}
        self.orders: dict[int, MerchantOrder] = {}
        self.payments: dict[int, Payment] = {}
        self.search_index = SearchIndex(self._clock)
        self._order_of_preference: dict[str, int] = {}
        self._payment_of_online_order: dict[str, int] = {}
        self._payment_of_chargeback: dict[int, int] = {}
        self._earlier_forms: dict[int, Payment] = {}
        self._refund_named: dict[str, tuple[int, int]] = {}
        self._payments_of_preference: defaultdict[str, list[int]] = defaultdict(list)
        self._payments_of_reference: defaultdict[str, list[int]] = defaultdict(list)
        self._preferences_of_reference: defaultdict[str, list[str]] = defaultdict(list)

    def clear(self) -> None:
        """Delete all records, here and in the database."""
        self._forget()
        self._database.clear()

    def next_id(self) -> int:
        """Return a new id for a payment, a merchant order, a refund or a webhook."""
        return self._database.next_id(at_least=self._clock.now_ms() * _IDS_PER_SECOND // 1000)

    def save_preference(self, preference: Preference) -> None:
        """Save a preference, or replace its earlier form."""
        known = self.preferences.get(preference.preference_id)
        if known is not None and known.external_reference != preference.external_reference:
            self._preferences_of_reference[known.external_reference or ""].remove(known.preference_id)
        self._index_preference(preference)
        self._database.put("preferences", preference.preference_id, preference)

    def save_order(self, order: MerchantOrder) -> None:
        """Save a merchant order."""
        self._index_order(order)
        self._database.put("orders", order.order_id, order)

    def save_payment(self, payment: Payment, *, is_searchable: bool = True) -> None:
        """Save a payment, or replace its earlier form; `is_searchable=False` leaves the search index alone."""
        known = self.payments.get(payment.payment_id)
        if known is not None and known.version != payment.version:
            self._earlier_forms[payment.payment_id] = known
        self._index_payment(payment)
        if is_searchable:
            self.search_index.add(payment)
        self._database.put("payments", payment.payment_id, payment)

    def earlier_form(self, payment: Payment) -> Payment | None:
        """Return the payment before its latest change, `None` without a change in this process."""
        return self._earlier_forms.get(payment.payment_id)

    def roll_back(self, earlier: Payment) -> None:
        """Make the earlier form of a payment its current one, with its older time."""
        self._earlier_forms.pop(earlier.payment_id, None)
        self._index_payment(earlier)
        self.search_index.restore(earlier)
        self._database.put("payments", earlier.payment_id, earlier)

    def payment_named(self, number: str) -> Payment | None:
        """Return the payment with the id `number`, `None` for an unknown or malformed id."""
        return self.payments.get(int(number)) if _is_id(number) else None

    def payment_of_online_order(self, order_id: str) -> Payment | None:
        """Return the payment of the order with this `ORD…` name, or `None`."""
        payment_id = self._payment_of_online_order.get(order_id)
        return None if payment_id is None else self.payments[payment_id]

    def payment_of_chargeback(self, number: str) -> Payment | None:
        """Return the payment of the chargeback with the id `number`, or `None`."""
        payment_id = self._payment_of_chargeback.get(int(number)) if _is_id(number) else None
        return None if payment_id is None else self.payments[payment_id]

    def refund_named(self, name: str) -> tuple[Payment, int] | None:
        """Return a refund's payment and its id, by that id or by its `REF…` name."""
        payment_id, refund_id = self._refund_named.get(name, (0, 0))
        payment = self.payments.get(payment_id)
        # A reverted payment may have lost the refund.
        if payment is None or all(each.refund_id != refund_id for each in payment.refunds):
            return None
        return payment, refund_id

    def order_named(self, number: str) -> MerchantOrder | None:
        """Return the merchant order with the id `number`, `None` for an unknown or malformed id."""
        return self.orders.get(int(number)) if _is_id(number) else None

    def order_of_preference(self, preference_id: str) -> MerchantOrder | None:
        """Return the merchant order of a preference, which exists from the first attempt on."""
        order_id = self._order_of_preference.get(preference_id)
        return None if order_id is None else self.orders[order_id]

    def payments_of_preference(self, preference_id: str) -> list[Payment]:
        """Return all attempts to pay a preference, oldest first."""
        return [self.payments[each] for each in self._payments_of_preference.get(preference_id, ())]

    def payments_of_reference(self, external_reference: str) -> list[Payment]:
        """Return all payments with this external reference, of any merchant, oldest first."""
        return [self.payments[each] for each in self._payments_of_reference.get(external_reference, ())]

    def preferences_of_reference(self, external_reference: str) -> list[Preference]:
        """Return all preferences with this external reference, of any merchant, oldest first."""
        return [self.preferences[each] for each in self._preferences_of_reference.get(external_reference, ())]

    def _index_preference(self, preference: Preference) -> None:
        key = preference.preference_id
        named = self._preferences_of_reference[preference.external_reference or ""]
        if self.preferences.get(key) is None or key not in named:
            named.append(key)
        self.preferences[key] = preference

    def _index_order(self, order: MerchantOrder) -> None:
        self.orders[order.order_id] = order
        self._order_of_preference[order.preference_id] = order.order_id

    def _index_payment(self, payment: Payment) -> None:
        key = payment.payment_id
        if key not in self.payments:
            if payment.preference_id is not None:
                self._payments_of_preference[payment.preference_id].append(key)
            if payment.external_reference is not None:
                self._payments_of_reference[payment.external_reference].append(key)
            if payment.online_order is not None:
                self._payment_of_online_order[order_name(payment)] = key
        if payment.chargeback is not None:
            self._payment_of_chargeback[payment.chargeback.chargeback_id] = key
        for refund in payment.refunds:
            if str(refund.refund_id) not in self._refund_named:
                place = (key, refund.refund_id)
                self._refund_named |= {str(refund.refund_id): place, refund_name(refund): place}
        self.payments[key] = payment


def _is_id(text: str) -> bool:
    """Return True for a decimal number that fits into 64 bits."""
    return len(text) <= _MAX_ID_DIGITS and text.isascii() and text.isdecimal()
