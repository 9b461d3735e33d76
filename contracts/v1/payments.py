"""Bodies of `/v1/payments`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.api.payment_page import PaymentPage
from contracts.api.types import Address, Alert, Currency
from contracts.v1.types import (
    AttemptId,
    Centavos,
    DisputedCentavos,
    HeldCentavos,
    MerchantSlug,
    Method,
    Moment,
    PaymentId,
    Provider,
    Reference,
    RefundedCentavos,
    Status,
    StatusDetail,
)


class OrderItem(Struct, kw_only=True):
    """One line of an order."""

    name: Annotated[str, Meta(description="The name of the product.")]
    quantity: Annotated[int, Meta(ge=1, description="The quantity.")]
    unit_price_centavos: Annotated[Centavos, Meta(description="The unit price, in centavos.")]


class Attempt(Struct, kw_only=True):
    """One attempt to pay; amounts are in the attempt's currency. Disputed and lost money is neither held nor refunded.

    The held, refunded and disputed amounts of a payment are sums over the attempts in the charge's currency.
    """

    object: Annotated[Literal["attempt"], Meta(description="Always `attempt`.")]
    id: AttemptId
    status: Annotated[Status, Meta(description="The status of the attempt, in the words of the payment's status.")]
    status_detail: Annotated[
        str | None, Meta(description="The provider's reason for the status; null if the provider sends none.")
    ]
    amount_centavos: Annotated[Centavos, Meta(description="The amount of the attempt, in centavos.")]
    held_centavos: HeldCentavos
    refunded_centavos: RefundedCentavos
    disputed_centavos: DisputedCentavos
    currency: Currency
    paid_at: Annotated[Moment | None, Meta(description="When the money came; null if it did not.")]


class Payment(Struct, kw_only=True):
    """A payment, as the hub knows it. Reading a payment asks no provider."""

    object: Annotated[Literal["payment"], Meta(description="Always `payment`.")]
    id: PaymentId
    merchant: MerchantSlug
    method: Method
    provider: Provider
    status: Status
    status_detail: StatusDetail
    amount_centavos: Annotated[Centavos, Meta(description="The amount of the charge, in centavos.")]
    held_centavos: HeldCentavos
    refunded_centavos: RefundedCentavos
    disputed_centavos: DisputedCentavos
    fee_centavos: Annotated[None, Meta(description="Reserved for the provider's fee; always null.")]
    currency: Currency
    reference: Reference
    title: Annotated[str, Meta(description="The title of the order.")]
    description: Annotated[str, Meta(description="The purpose of the payment, in one line.")]
    items: Annotated[list[OrderItem], Meta(description="The lines of the order.")]
    payer_email: Annotated[
        str | None,
        Meta(
            description="The payer's e-mail address; null if it is unknown or was forgotten. `unreadable` if the hub "
            "cannot decrypt it, because the key is lost."
        ),
    ]
    metadata: Annotated[
        dict[str, str],
        Meta(
            description="The merchant's own texts; empty if there are none, if the payer was forgotten, and if the hub "
            "cannot decrypt them."
        ),
    ]
    return_url: Annotated[Address | None, Meta(description="Where the payer returns to; null if there is none.")]
    charge_id: Annotated[str | None, Meta(description="The provider's id of the charge; null while there is none.")]
    bank_payment_id: Annotated[
        str | None,
        Meta(description="The id by which the merchant's bank confirms a `pix`; null for every other method."),
    ]
    pix_code: Annotated[
        str | None, Meta(description="The Pix code as text, to copy and paste; null if the charge has none.")
    ]
    checkout_url: Annotated[Address | None, Meta(description="The provider's page to pay on; null if there is none.")]
    attempts: Annotated[list[Attempt], Meta(description="Every attempt, in the order in which the hub observed them.")]
    alerts: Annotated[list[Alert], Meta(description="The open alerts of the payment, the oldest first.")]
    created_at: Annotated[Moment, Meta(description="When the payment was opened.")]
    updated_at: Annotated[Moment, Meta(description="When the hub recorded the newest event of the payment.")]
    paid_at: Annotated[Moment | None, Meta(description="When the payment was paid; null if it is not paid.")]
    expires_at: Annotated[Moment | None, Meta(description="Until when it can be paid; null without an end.")]
    verified_at: Annotated[
        Moment | None,
        Meta(
            description="When the hub last asked the provider: in a complete search of the account, or about this "
            "payment. The payment shows all that the answer told. Null before, in the answer to a creation, and for "
            "`pix`."
        ),
    ]
    next_check_at: Annotated[
        Moment | None,
        Meta(description="When the hub asks the provider again, at the latest. Null for `pix`, which it cannot ask."),
    ]
    live_mode: Annotated[bool, Meta(description="False if no money moves: at a simulated provider or in test mode.")]
    payment_page: Annotated[PaymentPage, Meta(description="The page on which the payer pays.")]
