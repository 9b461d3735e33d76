"""The records of the simulated Mercado Pago: preferences, merchant orders, payments, refunds and chargebacks."""

from __future__ import annotations

from typing import Any

import msgspec


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """A payment link: the merchant's terms as sent, checked but not converted."""

    preference_id: str
    collector_id: int
    created_ms: int
    updated_ms: int | None = None
    total_centavos: int
    opens_ms: int | None = None
    closes_ms: int | None = None
    payments_due_ms: int | None = None
    terms: dict[str, Any]

    @property
    def external_reference(self) -> str | None:
        """The merchant's own reference for this link, or `None`."""
        return self.terms.get("external_reference") or None


class MerchantOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order that groups all attempts to pay one preference."""

    order_id: int
    preference_id: str
    collector_id: int
    created_ms: int


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A full or partial refund.

    `status` is `in_process` (amount reserved), `approved`, `rejected` or `cancelled`.
    """

    refund_id: int
    amount_centavos: int
    created_ms: int
    status: str = "approved"


class Chargeback(msgspec.Struct, frozen=True, kw_only=True):
    """A payer's dispute at the bank about the whole payment."""

    chargeback_id: int
    created_ms: int


class OnlineOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an order that its payment does not have; an order is a view of a payment.

    `expiration_time` is the ISO 8601 duration as sent; `is_test` is true for the order of a test user.
    """

    expiration_time: str | None = None
    is_test: bool = False


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to pay, by one method; a later attempt is another payment.

    `version` counts its changes. `order_id` is the merchant order; only payments of the Orders API have
    `online_order`.
    """

    payment_id: int
    collector_id: int
    created_ms: int
    updated_ms: int
    version: int = 1
    approved_ms: int | None = None
    expires_ms: int | None = None
    status: str
    status_detail: str
    method_id: str
    type_id: str
    amount_centavos: int
    fee_centavos: int = 0
    currency_id: str = "BRL"
    captured: bool = True
    binary_mode: bool = False
    installments: int = 1
    description: str | None = None
    external_reference: str | None = None
    notification_url: str | None = None
    statement_descriptor: str | None = None
    callback_url: str | None = None
    preference_id: str | None = None
    order_id: int | None = None
    online_order: OnlineOrder | None = None
    payer: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    additional_info: dict[str, Any] = {}
    qr_code: str | None = None
    ticket_hash: str | None = None
    refunds: tuple[Refund, ...] = ()
    chargeback: Chargeback | None = None

    @property
    def refunded_centavos(self) -> int:
        """The sum of approved refunds."""
        return self._sum_of_refunds("approved")

    @property
    def refundable_centavos(self) -> int:
        """The amount that is neither refunded nor reserved by a refund in process."""
        return self.amount_centavos - self._sum_of_refunds("approved", "in_process")

    @property
    def ended_refunds(self) -> tuple[Refund, ...]:
        """The refunds that are not in process; by default the API shows only these."""
        return tuple(refund for refund in self.refunds if refund.status != "in_process")

    @property
    def chargeback_detail(self) -> str:
        """The status of the chargeback; a payment that left `charged_back` is reimbursed."""
        return self.status_detail if self.status == "charged_back" else "reimbursed"

    @property
    def is_open(self) -> bool:
        """True while the payer or the provider can still decide this attempt."""
        return self.status in {"pending", "in_process", "authorized"}

    def _sum_of_refunds(self, *statuses: str) -> int:
        return sum(refund.amount_centavos for refund in self.refunds if refund.status in statuses)
