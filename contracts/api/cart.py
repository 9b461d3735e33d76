"""Bodies of the cart route: a Pix through Mercado Pago for an order."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from contracts.api.links import LinkItem, PricedItem


class CartCustomer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is going to pay. Mercado Pago wants the e-mail address; the rest is told to it alone, and not kept.

    A person has a `cpf`, a company a `cnpj`, with or without its mask; one of them at most.
    """

    email: str
    name: str | UnsetType = UNSET
    phone: str | UnsetType = UNSET
    cpf: str | UnsetType = UNSET
    cnpj: str | UnsetType = UNSET


class CartCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks for a Pix through Mercado Pago, for an order; it may be paid for 30 minutes to 30 days.

    `expiration_minutes` is the older name of `expires_in_minutes`; where both are given, they must be equal.
    """

    padaria_slug: str
    items: list[LinkItem]
    customer: CartCustomer
    expires_in_minutes: int | UnsetType = UNSET
    expiration_minutes: int | UnsetType = UNSET
    title: str | UnsetType = UNSET
    description: str | UnsetType = UNSET


class CartPix(Struct, kw_only=True):
    """The code of a Pix: as text, as a PNG in base64, and as a page of Mercado Pago's."""

    qr_code: str
    qr_code_base64: str
    ticket_url: str | None


class CartCreated(Struct, kw_only=True):
    """The Pix exists. `payment_url` is the page to hand to a payer."""

    success: bool
    payment_id: int
    mp_payment_id: str | None
    status: str
    status_label: str
    title: str
    total: float
    items: list[PricedItem]
    description: str
    external_reference: str
    pix: CartPix
    expires_at: str
    payment_url: str
    status_check_url: str
    created_at: str
