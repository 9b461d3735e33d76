"""All records in memory, found by their keys, and written through to the database."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from services.sandbox.state.order_names import order_name, refund_name
from services.sandbox.state.records import MerchantOrder, Payment, Preference
from services.sandbox.state.search_index import SearchIndex

if TYPE_CHECKING:
    from services.sandbox.state.clock import Clock
    from services.sandbox.state.database import Database

# Ids grow with time at this pace even when nothing happens, so that a sandbox whose data were deleted does
# not give the old ids to other payments; it also makes them 11 digits long, as real ones are.
_IDS_PER_SECOND = 50
_MAX_ID_DIGITS = 18


class Store:
    """Finds and saves preferences, merchant orders and payments."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Load everything that the database holds."""
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
            self.search_index.note(payment)

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
        """Forget all records, here and in the database."""
        self._forget()
        self._database.clear()

    def next_id(self) -> int:
        """Return a fresh number for a payment, a merchant order, a refund or a notice."""
        return self._database.next_id(at_least=self._clock.now_ms() * _IDS_PER_SECOND // 1000)

    def save_preference(self, preference: Preference) -> None:
        """Remember a preference, in place of its earlier form."""
        known = self.preferences.get(preference.preference_id)
        if known is not None and known.external_reference != preference.external_reference:
            self._preferences_of_reference[known.external_reference or ""].remove(known.preference_id)
        self._index_preference(preference)
        self._database.put("preferences", preference.preference_id, preference)

    def save_order(self, order: MerchantOrder) -> None:
        """Remember a merchant order."""
        self._index_order(order)
        self._database.put("orders", order.order_id, order)

    def save_payment(self, payment: Payment, *, is_searchable: bool = True) -> None:
        """Remember a payment, in place of its earlier state; a change that no search can see is not searchable."""
        known = self.payments.get(payment.payment_id)
        if known is not None and known.version != payment.version:
            self._earlier_forms[payment.payment_id] = known
        self._index_payment(payment)
        if is_searchable:
            self.search_index.note(payment)
        self._database.put("payments", payment.payment_id, payment)

    def earlier_form(self, payment: Payment) -> Payment | None:
        """Return a payment as it was before its latest change, `None` if it did not change in this process."""
        return self._earlier_forms.get(payment.payment_id)

    def roll_back(self, earlier: Payment) -> None:
        """Remember the earlier form of a payment as its present one, older instant included."""
        self._earlier_forms.pop(earlier.payment_id, None)
        self._index_payment(earlier)
        self.search_index.put_back(earlier)
        self._database.put("payments", earlier.payment_id, earlier)

    def payment_named(self, number: str) -> Payment | None:
        """Return the payment whose id a client wrote as `number`, `None` if it is no such id."""
        return self.payments.get(int(number)) if _is_id(number) else None

    def payment_of_online_order(self, order_id: str) -> Payment | None:
        """Return the payment that the Orders API shows by this `ORD…` name, `None` if there is none."""
        payment_id = self._payment_of_online_order.get(order_id)
        return None if payment_id is None else self.payments[payment_id]

    def payment_of_chargeback(self, number: str) -> Payment | None:
        """Return the payment that a chargeback is about, `None` if `number` is the id of none."""
        payment_id = self._payment_of_chargeback.get(int(number)) if _is_id(number) else None
        return None if payment_id is None else self.payments[payment_id]

    def refund_named(self, name: str) -> tuple[Payment, int] | None:
        """Return a refund's payment and its number, by that number or by the `REF…` name that an order shows."""
        payment_id, refund_id = self._refund_named.get(name, (0, 0))
        payment = self.payments.get(payment_id)
        # A payment that was rolled back may have lost the refund.
        if payment is None or all(each.refund_id != refund_id for each in payment.refunds):
            return None
        return payment, refund_id

    def order_named(self, number: str) -> MerchantOrder | None:
        """Return the merchant order whose id a client wrote as `number`, `None` if it is no such id."""
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
    """Ids are decimal and fit into 64 bits."""
    return len(text) <= _MAX_ID_DIGITS and text.isascii() and text.isdecimal()
