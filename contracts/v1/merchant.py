"""Bodies of `/v1/merchant`."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api.request_fields import every_fault
from contracts.api.types import Address, one_of
from contracts.v1 import request_fields as fields
from contracts.v1.types import DOCUMENT_TYPES, LOGO_TYPES, MerchantSlug, Moment


class ContactChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """A change of the contact. A field that is not sent stays; null removes it."""

    phone: Annotated[
        fields.Telephone | UnsetType | None, Meta(description="The telephone, a Brazilian number with its area code.")
    ] = UNSET
    whatsapp: Annotated[
        fields.Telephone | UnsetType | None,
        Meta(description="The number at WhatsApp, a Brazilian number with its area code."),
    ] = UNSET
    email: Annotated[fields.ContactEmail | UnsetType | None, Meta(description="The e-mail address.")] = UNSET


class MerchantChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """A change of a merchant. A field that is not sent stays; null removes it, where null is allowed."""

    name: Annotated[fields.MerchantText | UnsetType, Meta(description="The merchant's name, which payers see.")] = UNSET
    city: Annotated[
        fields.MerchantText | UnsetType, Meta(description="The merchant's city, which its Pix codes contain.")
    ] = UNSET
    colour: Annotated[
        fields.Colour | UnsetType | None, Meta(description="The colour of the merchant's brand, as `#rrggbb`.")
    ] = UNSET
    document: Annotated[
        fields.Document | UnsetType | None,
        Meta(description="The CNPJ or CPF under which the merchant sells, with or without its mask."),
    ] = UNSET
    contact: Annotated[
        ContactChange | UnsetType,
        Meta(description="How payers reach the merchant.", extra=every_fault("not_an_object", "field")),
    ] = UNSET
    return_origins: Annotated[
        fields.Origins | UnsetType,
        Meta(description="All origins to which the hub may send payers back, such as `https://shop.example`."),
    ] = UNSET
    frame_origins: Annotated[
        fields.Origins | UnsetType,
        Meta(
            description="All origins whose pages may frame the hub's pages of payments, such as `https://shop.example`."
        ),
    ] = UNSET


class MerchantContact(Struct, kw_only=True):
    """How payers reach a merchant."""

    phone: Annotated[str | None, Meta(description="The telephone, as `+55`, area code and number; null if unknown.")]
    whatsapp: Annotated[
        str | None, Meta(description="The number at WhatsApp, as `+55`, area code and number; null if unknown.")
    ]
    email: Annotated[str | None, Meta(description="The e-mail address; null if unknown.")]


class MerchantLogo(Struct, kw_only=True):
    """A logo, as the hub has redrawn it."""

    url: Annotated[
        Address, Meta(description="The address of the picture. It never changes its content, and needs no API key.")
    ]
    media_type: Annotated[str, Meta(description="The kind of the picture.", extra_json_schema=one_of(*LOGO_TYPES))]
    width: Annotated[int, Meta(ge=1, description="The width in pixels.")]
    height: Annotated[int, Meta(ge=1, description="The height in pixels.")]


class MerchantDetails(Struct, kw_only=True):
    """A merchant: its name, document, contact, logo and web origins."""

    object: Annotated[Literal["merchant"], Meta(description="Always `merchant`.")]
    id: MerchantSlug
    name: Annotated[str, Meta(description="The merchant's name, which payers see.")]
    city: Annotated[str, Meta(description="The merchant's city, which its Pix codes contain.")]
    colour: Annotated[
        str | None, Meta(description="The colour of the merchant's brand, as `#rrggbb`; null if unknown.")
    ]
    document: Annotated[
        str | None,
        Meta(description="The CNPJ or CPF under which the merchant sells, without its mask; null if unknown."),
    ]
    document_type: Annotated[
        Annotated[str, Meta(extra_json_schema=one_of(*DOCUMENT_TYPES))] | None,
        Meta(description="The kind of the document; null without one."),
    ]
    contact: Annotated[MerchantContact, Meta(description="How payers reach the merchant.")]
    logo: Annotated[MerchantLogo | None, Meta(description="The logo; null if there is none.")]
    return_origins: Annotated[list[str], Meta(description="The origins to which the hub may send payers back, sorted.")]
    frame_origins: Annotated[list[str], Meta(description="The origins whose pages may frame the hub's pages, sorted.")]
    created_at: Annotated[Moment, Meta(description="When the merchant was registered.")]
