"""Bodies of payment links: made, checked, listed, told as a timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.corrections import PaidAttempt


class LinkItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of an order: a product of the merchant by name, or with a unit price in reais."""

    nome: Annotated[fields.ProductName, Meta(description="The product's name.")]
    quantidade: Annotated[fields.Quantity, Meta(description="How many of it.")]
    preco_unitario: Annotated[
        fields.UnitPrice | None,
        Meta(description="The price of one, in reais; without it, the merchant's price of that product."),
    ] = None
    id: Annotated[Any, Meta(description="The reference system's number of the product; any value, not read.")] = None


Items = Annotated[
    list[Annotated[LinkItem, Meta(extra=fields.every_fault("invalid_item"))]],
    Meta(min_length=1, max_length=100, extra=fields.items("invalid_items", "too_many_items")),
]


class LinkCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a payment link."""

    padaria_slug: Annotated[fields.Slug, Meta(description="The merchant's slug.")]
    items: Annotated[Items, Meta(description="The lines of the order.")]
    title: Annotated[
        fields.Title | None, Meta(description="The order's title; by default “Pedido” and the merchant's name.")
    ] = None
    description: Annotated[
        fields.Text | None, Meta(description="What is paid for; by default the lines of the order.")
    ] = None
    payer_email: Annotated[fields.Email | None, Meta(description="The payer's e-mail address.")] = None
    expires_in_minutes: Annotated[
        fields.Minutes | None, Meta(description="For how many minutes the link can be paid; by default a day.")
    ] = None


class PricedItem(Struct, kw_only=True):
    """One line of an order with its price in reais."""

    nome: str
    quantidade: int
    preco_unitario: float
    subtotal: float


class LinkCreated(Struct, kw_only=True):
    """The link exists. `secure_checkout_url` is the one to hand to a payer."""

    success: bool
    payment_id: int
    preference_id: str
    checkout_url: str
    secure_checkout_url: str
    status_check_url: str
    sandbox_url: str | None
    title: str
    total: float
    items: list[PricedItem]
    description: str
    status: str
    external_reference: str
    created_at: str


class PaymentStatus(Struct, kw_only=True):
    """How a payment stands.

    `synced` says whether there is a provider that was asked and answered, `status_changed` whether that moved the
    payment. What is held, was refunded and is disputed is summed over the attempts in the charge's currency;
    `checkout_url` is null while money is held that does not pay the charge. `alerts` name what somebody has to look
    into: `partially_paid`, `overpaid`, `duplicate_payment`, `late_payment`, `mismatched_payment` (another currency, or
    another charge's reference), `wrong_confirmation`, `provider_contradicts` (what was approved was never
    paid, the provider says now) and `refund_reversed`. A payer is told of neither alerts nor single attempts.
    """

    success: bool
    payment_id: int
    mp_payment_id: str | None
    preference_id: str | None
    external_reference: str
    status: str
    status_detail: str | None
    status_label: str
    amount: float
    description: str
    checkout_url: str | None
    padaria_name: str
    payer_email: str | None
    paid_at: str | None
    created_at: str
    updated_at: str
    synced: bool
    synced_at: str | None
    status_changed: bool
    held_amount: float
    refunded_amount: float
    disputed_amount: float
    attempts: list[PaidAttempt]
    alerts: list[str]


class ListedPayment(Struct, kw_only=True):
    """A payment in a list; `alerts` are those of `PaymentStatus`."""

    payment_id: int
    mp_payment_id: str | None
    preference_id: str | None
    status: str
    status_label: str
    amount: float
    description: str
    checkout_url: str | None
    payer_email: str | None
    paid_at: str | None
    created_at: str
    alerts: list[str]


class PaymentList(Struct, kw_only=True):
    """Payments of a merchant, the newest first."""

    success: bool
    padaria: str
    count: int
    status_filter: str
    payments: list[ListedPayment]


class PadariaNamed(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names a merchant."""

    padaria_slug: Annotated[fields.Slug, Meta(description="The merchant's slug.")]


class MovedPayment(Struct, kw_only=True):
    """A payment whose status a synchronisation moved."""

    payment_id: int
    old_status: str
    new_status: str
    amount: float
    description: str


class Synced(Struct, kw_only=True):
    """What asking the provider about every open payment of a merchant brought.

    `total_pending` counts what may still be paid or move and has a provider to ask. `synced_count` is less when the
    provider did not answer for some, or not in time.
    """

    success: bool
    padaria: str
    synced_count: int
    approved_count: int
    total_pending: int
    updated_payments: list[MovedPayment]


class TimelineItem(Struct, kw_only=True):
    """One event of a payment, with its place in the log and where it came from."""

    position: int
    version: int
    type: str
    time: datetime
    recorded_at: datetime
    event_id: str
    source: str
    source_id: str | None
    correlation_id: str
    causation_id: str | None
    data: Any


class Timeline(Struct, kw_only=True):
    """Everything that happened to a payment, in order."""

    success: bool
    payment_id: int
    count: int
    events: list[TimelineItem]
