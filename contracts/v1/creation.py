"""The body of `POST /v1/payments`."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.v1.request_fields import Centavos
from contracts.v1.types import MethodName

MIN_LIFETIME_S: Final = 60
# Mercado Pago's documented window for a Pix begins at half an hour.
MIN_MERCADO_PAGO_PIX_S: Final = 30 * 60
MAX_LIFETIME_S: Final = 30 * 24 * 3600

Metadata = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40)],
        Annotated[str, Meta(max_length=500)],
    ],
    Meta(max_length=20, extra=fields.every_fault("invalid_metadata")),
]


class NewItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of an order: a product of the merchant, or any name with a unit price."""

    name: Annotated[fields.LineName, Meta(description="The product's name.")]
    quantity: Annotated[fields.Quantity, Meta(description="The quantity.")]
    unit_price_centavos: Annotated[
        Centavos | None,
        Meta(description="The unit price, in centavos; by default the merchant's price of the product."),
    ] = None


class NewPayer(Struct, kw_only=True, forbid_unknown_fields=True):
    """The payer, as far as the merchant knows. `mercado_pago_pix` requires the e-mail address.

    Only `mercado_pago_pix` uses the other fields: the hub sends them to Mercado Pago, and keeps them, encrypted, until
    Mercado Pago has answered. A person has a `cpf`, a company a `cnpj`.
    """

    email: Annotated[fields.Email | None, Meta(description="The payer's e-mail address.")] = None
    name: Annotated[fields.Title | None, Meta(description="The payer's name.")] = None
    phone: Annotated[fields.Phone | None, Meta(description="Area code and number, such as (81) 98765-4321.")] = None
    cpf: Annotated[fields.Cpf | None, Meta(description="The CPF of a person; its check digits must match.")] = None
    cnpj: Annotated[fields.Cnpj | None, Meta(description="The CNPJ of a company; its check digits must match.")] = None


class PaymentCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request for a payment, of `amount_centavos` or of the sum of `items`."""

    method: Annotated[
        MethodName,
        Meta(
            description="The way to pay: `pix` to the merchant's own key, or a Pix or the checkout of Mercado Pago.",
            extra=fields.every_fault("invalid_method"),
        ),
    ]
    amount_centavos: Annotated[Centavos | None, Meta(description="The amount, in centavos; instead of `items`.")] = None
    items: Annotated[
        Annotated[
            list[Annotated[NewItem, Meta(extra=fields.every_fault("invalid_item", "line"))]],
            Meta(min_length=1, max_length=100, extra=fields.non_empty_list("invalid_items", "too_many_items")),
        ]
        | None,
        Meta(description="The lines of the order, which add up to the amount; instead of `amount_centavos`."),
    ] = None
    reference: Annotated[
        fields.Identifier | None,
        Meta(description="The merchant's own number of the order, by which payments are found."),
    ] = None
    unique_reference: Annotated[
        fields.Flag | None,
        Meta(
            description="With true, an order is charged once: a second request with true and the same `reference` is "
            "answered 409 `reference_taken`, with the `payment_id` of the first payment, until that is closed unpaid."
        ),
    ] = None
    title: Annotated[
        fields.Title | None, Meta(description="The order's title; by default “Pedido” and the merchant's name.")
    ] = None
    description: Annotated[
        fields.Text | None,
        Meta(description="The purpose of the payment, which the payer sees; by default the lines of the order."),
    ] = None
    payer: Annotated[NewPayer | None, Meta(description="The payer.", extra=fields.every_fault("invalid_payer"))] = None
    expires_in_s: Annotated[
        Annotated[
            int,
            Meta(ge=MIN_LIFETIME_S, le=MAX_LIFETIME_S, extra=fields.every_fault("invalid_lifetime")),
        ]
        | None,
        Meta(
            description="For how many seconds the payment can be paid, at least 1,800 for `mercado_pago_pix`. By "
            "default a day for `mercado_pago_checkout`, and half an hour otherwise."
        ),
    ] = None
    expires_at: Annotated[
        fields.ExpiresAt | None,
        Meta(
            description="Until when the payment can be paid, by RFC 3339, within the same bounds; instead of "
            "`expires_in_s`."
        ),
    ] = None
    return_url: Annotated[
        fields.ReturnUrl | None,
        Meta(
            description="Where the payer returns to: an address on one of the merchant's `return_origins`. It gets "
            "`payment_id` and `reference` in its query, and never a status: read the payment."
        ),
    ] = None
    metadata: Annotated[
        Metadata | None,
        Meta(
            description="The merchant's own texts, encrypted like personal data and forgotten with the payer: at most "
            "20, with names of at most 40 characters and texts of at most 500."
        ),
    ] = None
