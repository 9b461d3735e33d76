"""What the simulated Mercado Pago remembers: preferences, merchant orders, payments, refunds and chargebacks."""

from __future__ import annotations

from typing import Any

import msgspec


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """A payment link: the merchant's terms as they were sent, checked but not reshaped."""

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
        """The merchant's own name for what is being paid, `None` when it gave none."""
        return self.terms.get("external_reference") or None


class MerchantOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The order that gathers all attempts to pay one preference."""

    order_id: int
    preference_id: str
    collector_id: int
    created_ms: int


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back, wholly or in part.

    `status` is `in_process` (reserved), `approved` (made), `rejected` or `cancelled`.
    """

    refund_id: int
    amount_centavos: int
    created_ms: int
    status: str = "approved"


class Chargeback(msgspec.Struct, frozen=True, kw_only=True):
    """A payer's demand at the bank to have the whole payment back."""

    chargeback_id: int
    created_ms: int


class OnlineOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the Orders API knows beyond the payment of which each of its orders is a view.

    `expiration_time` is the ISO 8601 duration as it was sent, `is_test` whether a test user made the order.
    """

    expiration_time: str | None = None
    is_test: bool = False


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to pay, by one method; a later attempt is another payment.

    `version` counts its changes. `order_id` names the merchant order, `online_order` is there for a payment that
    was made by the Orders API.
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
        """What has been given back so far."""
        return self._sum_of_refunds("approved")

    @property
    def refundable_centavos(self) -> int:
        """What a further refund may ask for: neither given back nor reserved by a refund in process."""
        return self.amount_centavos - self._sum_of_refunds("approved", "in_process")

    @property
    def ended_refunds(self) -> tuple[Refund, ...]:
        """The refunds that are no longer in process; only these are shown without being asked for."""
        return tuple(refund for refund in self.refunds if refund.status != "in_process")

    @property
    def chargeback_detail(self) -> str:
        """How the chargeback stands; a payment that left `charged_back` has its money again."""
        return self.status_detail if self.status == "charged_back" else "reimbursed"

    @property
    def is_open(self) -> bool:
        """Whether the payer or the provider may still decide this attempt."""
        return self.status in {"pending", "in_process", "authorized"}

    def _sum_of_refunds(self, *statuses: str) -> int:
        return sum(refund.amount_centavos for refund in self.refunds if refund.status in statuses)
