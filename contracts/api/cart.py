"""Bodies of the cart route: a Pix through Mercado Pago for an order."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.links import Items, PricedItems
from contracts.api.payment_page import PaymentPage
from contracts.api.types import (
    Address,
    Description,
    ExpiresAt,
    ExternalReference,
    OpenedAt,
    OrderTotal,
    PaymentId,
    PixCode,
    PixPageUrl,
    Status,
    StatusCheckUrl,
    StatusLabel,
    Success,
    Title,
)


class CartCustomer(Struct, kw_only=True, forbid_unknown_fields=True):
    """The payer. Mercado Pago requires the e-mail address; the hub sends the other fields to Mercado Pago only.

    Send the `cpf` of a person or the `cnpj` of a company, with or without its mask, but not both.
    """

    email: Annotated[fields.CustomerEmail, Meta(description="The payer's e-mail address.")]
    name: Annotated[fields.Title | None, Meta(description="The payer's name.")] = None
    phone: Annotated[fields.Phone | None, Meta(description="Area code and number, such as (81) 98765-4321.")] = None
    cpf: Annotated[fields.Cpf | None, Meta(description="The CPF of a person; its check digits must match.")] = None
    cnpj: Annotated[fields.Cnpj | None, Meta(description="The CNPJ of a company; its check digits must match.")] = None


class CartCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request for a Pix through Mercado Pago, for an order.

    If both `expires_in_minutes` and `expiration_minutes` are sent, they must be equal.
    """

    padaria_slug: Annotated[fields.Slug, Meta(description="The merchant's slug.")]
    items: Annotated[Items, Meta(description="The lines of the order.")]
    customer: Annotated[CartCustomer, Meta(description="The payer.", extra=fields.every_fault("invalid_customer"))]
    expires_in_minutes: Annotated[
        fields.PixMinutes | None, Meta(description="For how many minutes the Pix can be paid; by default 30.")
    ] = None
    expiration_minutes: Annotated[
        fields.PixMinutes | None, Meta(description="The older name of `expires_in_minutes`.")
    ] = None
    title: Annotated[
        fields.Title | None, Meta(description="The order's title; by default “Pedido” and the merchant's name.")
    ] = None
    description: Annotated[
        fields.Text | None, Meta(description="The purpose of the payment; by default the lines of the order.")
    ] = None


class CartPix(Struct, kw_only=True):
    """The code of a Pix: as text, as a PNG in base64, and as a page of Mercado Pago."""

    qr_code: PixCode
    qr_code_base64: Annotated[str, Meta(description="The code as a picture: a PNG in base64.")]
    ticket_url: Annotated[
        Address | None, Meta(description="Mercado Pago's page with the code; null if Mercado Pago sends none.")
    ]


class CartCreated(Struct, kw_only=True):
    """The Pix was created. Send the payer to `payment_url`."""

    success: Success
    payment_id: PaymentId
    mp_payment_id: Annotated[str | None, Meta(description="Mercado Pago's id of this Pix.")]
    status: Status
    status_label: StatusLabel
    title: Title
    total: OrderTotal
    items: PricedItems
    description: Description
    external_reference: ExternalReference
    pix: Annotated[CartPix, Meta(description="The Pix code.")]
    expires_at: ExpiresAt
    payment_url: PixPageUrl
    status_check_url: StatusCheckUrl
    created_at: OpenedAt
    payment_page: Annotated[PaymentPage, Meta(description="The way of the payer.")]
