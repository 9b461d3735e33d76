"""Bodies of payment links: made, checked, listed, told as a timeline."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.corrections import Attempts
from contracts.api.types import (
    Address,
    AmountDue,
    CheckoutUrl,
    Count,
    Description,
    DisputedAmount,
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
    one_of,
)
from contracts.envelope import ACTORS
from contracts.events import PAYMENT_EVENTS


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

    nome: Annotated[str, Meta(description="The name of the product.")]
    quantidade: Annotated[int, Meta(ge=1, description="How many of it.")]
    preco_unitario: Annotated[Reais, Meta(description="The price of one, in reais.")]
    subtotal: Annotated[Reais, Meta(description="The price of all of them, in reais.")]


PricedItems = Annotated[list[PricedItem], Meta(description="The lines of the order.")]


class LinkCreated(Struct, kw_only=True):
    """The link exists. `secure_checkout_url` is the one to hand to a payer."""

    success: Success
    payment_id: PaymentId
    preference_id: Annotated[str, Meta(description="Mercado Pago's id of the link.")]
    checkout_url: Annotated[
        Address, Meta(description="Mercado Pago's checkout itself, which stays open after the payment was paid.")
    ]
    secure_checkout_url: Annotated[
        Address, Meta(description="The way to the checkout through the hub, with the token of the payer.")
    ]
    status_check_url: StatusCheckUrl
    sandbox_url: Annotated[
        Address | None, Meta(description="Mercado Pago's checkout for test accounts; null where there is none.")
    ]
    title: Title
    total: OrderTotal
    items: PricedItems
    description: Description
    status: Status
    external_reference: ExternalReference
    created_at: OpenedAt


class PaymentStatus(Struct, kw_only=True):
    """How a payment stands.

    `synced` says whether there is a provider that was asked and answered, `status_changed` whether that moved the
    payment. What is held, was refunded and is disputed is summed over the attempts in the charge's currency;
    `checkout_url` is null while money is held that does not pay the charge. `alerts` name what somebody has to look
    into: `partially_paid`, `overpaid`, `duplicate_payment`, `late_payment`, `mismatched_payment` (another currency, or
    another charge's reference), `wrong_confirmation`, `provider_contradicts` (what was approved was never
    paid, the provider says now) and `refund_reversed`. A payer is told of neither alerts nor single attempts.
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
    updated_at: Annotated[Moment, Meta(description="When the hub recorded the newest event of it.")]
    synced: Annotated[bool, Meta(description="Whether there is a provider that was asked and answered.")]
    synced_at: Annotated[Moment | None, Meta(description="When the provider answered last; null where it did not.")]
    status_changed: Annotated[bool, Meta(description="Whether the answer of the provider moved the payment.")]
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
    status_filter: Annotated[
        str, Meta(description="The status that was asked for, in small letters; `all` for every one.")
    ]
    payments: Annotated[list[ListedPayment], Meta(description="The payments, the newest first.")]


class PadariaNamed(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names a merchant."""

    padaria_slug: Annotated[fields.Slug, Meta(description="The merchant's slug.")]


class MovedPayment(Struct, kw_only=True):
    """A payment whose status a synchronisation moved."""

    payment_id: PaymentId
    old_status: Annotated[Status, Meta(description="The status before.")]
    new_status: Annotated[Status, Meta(description="The status after.")]
    amount: AmountDue
    description: Description


class Synced(Struct, kw_only=True):
    """What asking the provider about every open payment of a merchant brought.

    `total_pending` counts what may still be paid or move and has a provider to ask. `synced_count` is less when the
    provider did not answer for some, or not in time.
    """

    success: Success
    padaria: MerchantName
    synced_count: Annotated[int, Meta(ge=0, description="About how many the provider answered.")]
    approved_count: Annotated[int, Meta(ge=0, description="How many became `approved` by it.")]
    total_pending: Annotated[
        int, Meta(ge=0, description="How many may still be paid or move and have a provider to ask.")
    ]
    updated_payments: Annotated[list[MovedPayment], Meta(description="The payments whose status moved, by number.")]


EVENT_NAMES: Final = tuple(event.__name__ for event in PAYMENT_EVENTS)


class TimelineItem(Struct, kw_only=True):
    """One event of a payment, with its place in the log and where it came from."""

    position: Annotated[int, Meta(ge=1, description="The place of the event in the log.")]
    version: Annotated[int, Meta(ge=1, description="The place of the event in the payment, counted from 1.")]
    type: Annotated[str, Meta(description="The name of the event.", extra_json_schema=one_of(*EVENT_NAMES))]
    time: Annotated[datetime, Meta(description="When it happened, by the provider where it told that.")]
    recorded_at: Annotated[datetime, Meta(description="When the hub recorded it.")]
    event_id: Annotated[str, Meta(description="The id of the event.", extra_json_schema={"format": "uuid"})]
    source: Annotated[str, Meta(description="Who caused it.", extra_json_schema=one_of(*ACTORS))]
    source_id: Annotated[
        str | None, Meta(description="Which API key or delivery it was; null where the source is only one.")
    ]
    correlation_id: Annotated[str, Meta(description="Names the request or delivery through everything that it caused.")]
    causation_id: Annotated[
        str | None, Meta(description="The event or message that led to it; null where there is none.")
    ]
    data: Annotated[
        Any, Meta(description="The event itself, in the shape that the AsyncAPI document has under its name.")
    ]


class Timeline(Struct, kw_only=True):
    """Everything that happened to a payment, in order."""

    success: Success
    payment_id: PaymentId
    count: Count
    events: Annotated[list[TimelineItem], Meta(description="The events, the oldest first.")]
