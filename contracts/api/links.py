"""Bodies of payment links: creation, check, list, timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.corrections import Attempts
from contracts.api.payment_page import PaymentPage
from contracts.api.types import (
    Actor,
    Address,
    AmountDue,
    CausationId,
    CheckoutUrl,
    CorrelationId,
    Count,
    Description,
    DisputedAmount,
    EventFields,
    EventId,
    EventName,
    EventVersion,
    ExternalReference,
    HeldAmount,
    MerchantName,
    Moment,
    NewestAttemptId,
    OpenAlerts,
    OpenedAt,
    OrderTotal,
    PaidAt,
    PayerEmail,
    PaymentId,
    PreferenceId,
    Reais,
    RefundedAmount,
    Status,
    StatusCheckUrl,
    StatusDetail,
    StatusLabel,
    Success,
    Title,
)


class LinkItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of an order: a product of the merchant, or any name with a unit price in reais."""

    nome: Annotated[fields.ProductName, Meta(description="The product's name.")]
    quantidade: Annotated[fields.Quantity, Meta(description="The quantity.")]
    preco_unitario: Annotated[
        fields.UnitPrice | None,
        Meta(description="The unit price, in reais; by default the merchant's price of the product."),
    ] = None
    id: Annotated[Any, Meta(description="The reference system's number of the product. The hub ignores it.")] = None


Items = Annotated[
    list[Annotated[LinkItem, Meta(extra=fields.every_fault("invalid_item"))]],
    Meta(min_length=1, max_length=100, extra=fields.non_empty_list("invalid_items", "too_many_items")),
]


class LinkCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request for a payment link."""

    padaria_slug: Annotated[fields.Slug, Meta(description="The merchant's slug.")]
    items: Annotated[Items, Meta(description="The lines of the order.")]
    title: Annotated[
        fields.Title | None, Meta(description="The order's title; by default “Pedido” and the merchant's name.")
    ] = None
    description: Annotated[
        fields.Text | None, Meta(description="The purpose of the payment; by default the lines of the order.")
    ] = None
    payer_email: Annotated[fields.Email | None, Meta(description="The payer's e-mail address.")] = None
    expires_in_minutes: Annotated[
        fields.Minutes | None, Meta(description="For how many minutes the link can be paid; by default a day.")
    ] = None


class PricedItem(Struct, kw_only=True):
    """One line of an order with its price in reais."""

    nome: Annotated[str, Meta(description="The name of the product.")]
    quantidade: Annotated[int, Meta(ge=1, description="The quantity.")]
    preco_unitario: Annotated[Reais, Meta(description="The unit price, in reais.")]
    subtotal: Annotated[Reais, Meta(description="The price of the line, in reais.")]


PricedItems = Annotated[list[PricedItem], Meta(description="The lines of the order.")]


class LinkCreated(Struct, kw_only=True):
    """The link was created. Send the payer to `secure_checkout_url`."""

    success: Success
    payment_id: PaymentId
    preference_id: Annotated[str, Meta(description="Mercado Pago's id of the link.")]
    checkout_url: Annotated[
        Address, Meta(description="Mercado Pago's checkout itself, which stays open after the payment is paid.")
    ]
    secure_checkout_url: Annotated[
        Address, Meta(description="The payer link: it leads through the hub to the checkout, with the payer's token.")
    ]
    status_check_url: StatusCheckUrl
    sandbox_url: Annotated[
        Address | None, Meta(description="Mercado Pago's checkout for test accounts; null if there is none.")
    ]
    title: Title
    total: OrderTotal
    items: PricedItems
    description: Description
    status: Status
    external_reference: ExternalReference
    created_at: OpenedAt
    payment_page: Annotated[PaymentPage, Meta(description="The way of the payer.")]


class PaymentStatus(Struct, kw_only=True):
    """The state of a payment.

    The held, refunded and disputed amounts are sums over the attempts in the charge's currency. `checkout_url` is null
    while the payment holds money that does not pay the charge. `alerts` are situations that a person must look at:
    `partially_paid`, `overpaid`, `duplicate_payment`, `late_payment`, `mismatched_payment` (another currency, or
    another charge's reference), `wrong_confirmation`, `provider_contradicts` (the provider withdrew an approval) and
    `refund_reversed`. For a payer, `alerts` and `attempts` are empty.
    """

    success: Success
    payment_id: PaymentId
    mp_payment_id: NewestAttemptId
    preference_id: PreferenceId
    external_reference: ExternalReference
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    amount: AmountDue
    description: Description
    checkout_url: CheckoutUrl
    padaria_name: MerchantName
    payer_email: PayerEmail
    paid_at: PaidAt
    created_at: OpenedAt
    updated_at: Annotated[Moment, Meta(description="When the hub recorded the newest event of the payment.")]
    synced: Annotated[bool, Meta(description="True if the hub asked a provider and the provider answered.")]
    synced_at: Annotated[Moment | None, Meta(description="When the provider answered; null if it did not.")]
    status_changed: Annotated[bool, Meta(description="True if the provider's answer changed the status.")]
    held_amount: HeldAmount
    refunded_amount: RefundedAmount
    disputed_amount: DisputedAmount
    attempts: Attempts
    alerts: OpenAlerts


class ListedPayment(Struct, kw_only=True):
    """A payment in a list; `alerts` are those of `PaymentStatus`."""

    payment_id: PaymentId
    mp_payment_id: NewestAttemptId
    preference_id: PreferenceId
    status: Status
    status_label: StatusLabel
    amount: AmountDue
    description: Description
    checkout_url: CheckoutUrl
    payer_email: PayerEmail
    paid_at: PaidAt
    created_at: OpenedAt
    alerts: OpenAlerts


class PaymentList(Struct, kw_only=True):
    """Payments of a merchant, the newest first."""

    success: Success
    padaria: MerchantName
    count: Count
    status_filter: Annotated[str, Meta(description="The requested status, in lower case; `all` for every status.")]
    payments: Annotated[list[ListedPayment], Meta(description="The payments, the newest first.")]


class PadariaNamed(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request about a merchant's payments."""

    padaria_slug: Annotated[fields.Slug, Meta(description="The merchant's slug.")]


class MovedPayment(Struct, kw_only=True):
    """A payment whose status a synchronisation changed."""

    payment_id: PaymentId
    old_status: Annotated[Status, Meta(description="The status before.")]
    new_status: Annotated[Status, Meta(description="The status after.")]
    amount: AmountDue
    description: Description


class Synced(Struct, kw_only=True):
    """The result of a synchronisation of a merchant's open payments.

    `synced_count` is less than `total_pending` if the provider did not answer about some payments in time.
    """

    success: Success
    padaria: MerchantName
    synced_count: Annotated[int, Meta(ge=0, description="The number of payments that the provider answered about.")]
    approved_count: Annotated[int, Meta(ge=0, description="The number of payments that became `approved`.")]
    total_pending: Annotated[
        int,
        Meta(ge=0, description="The number of payments at a provider that may still be paid or change their status."),
    ]
    updated_payments: Annotated[list[MovedPayment], Meta(description="The payments whose status changed, by number.")]


class TimelineItem(Struct, kw_only=True):
    """One event of a payment, with its place in the log and its cause."""

    position: Annotated[int, Meta(ge=1, description="The place of the event in the log.")]
    version: EventVersion
    type: EventName
    time: Annotated[datetime, Meta(description="When the event happened, by the provider's clock if it sent a time.")]
    recorded_at: Annotated[datetime, Meta(description="When the hub recorded the event.")]
    event_id: EventId
    source: Actor
    source_id: Annotated[
        str | None, Meta(description="The id of the API key or webhook delivery; null for other sources.")
    ]
    correlation_id: CorrelationId
    causation_id: CausationId
    data: EventFields


class Timeline(Struct, kw_only=True):
    """Everything that happened to a payment, in order."""

    success: Success
    payment_id: PaymentId
    count: Count
    events: Annotated[list[TimelineItem], Meta(description="The events, the oldest first.")]
