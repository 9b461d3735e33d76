"""Types of the fields of requests to `/v1`, beside those of `contracts.api.request_fields`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.request_fields import MAX_REFUND_CENTAVOS, MAX_VALUE_CENTAVOS, READER, Code, Reader, every_fault
from contracts.api.types import MERCHANT_SCOPES, MerchantScope
from contracts.subjects import MERCHANT_SLUG

_NO_SLUG = Code("invalid_slug")
_NO_ORIGIN = Code("invalid_origin")

MerchantNamed = Annotated[
    str,
    Meta(
        max_length=64,
        pattern=rf"^(?:{MERCHANT_SLUG.pattern})$(?!\n)",
        extra={
            READER: Reader(
                "text",
                missing=Code("missing_merchant"),
                wrong_type=_NO_SLUG,
                out_of_bounds=_NO_SLUG,
                malformed=_NO_SLUG,
            )
        },
    ),
]


MerchantText = Annotated[
    str,
    Meta(
        max_length=120,
        pattern=r"^[^\x00-\x1f\x7f-\x9f]+$",
        extra=every_fault("invalid_merchant", reading="merchant_text"),
    ),
]
Colour = Annotated[str, Meta(pattern="^#[0-9A-Fa-f]{6}$", extra=every_fault("invalid_colour", reading="colour"))]
Document = Annotated[
    str,
    Meta(max_length=20, pattern="^[0-9A-Za-z ./-]+$", extra=every_fault("invalid_document", reading="document")),
]
Telephone = Annotated[
    str,
    Meta(max_length=30, pattern="^[+0-9 ().-]+$", extra=every_fault("invalid_phone", "merchant", reading="telephone")),
]
ContactEmail = Annotated[
    str, Meta(max_length=77, pattern="^[^@ ]+@[^@ ]+$", extra=every_fault("invalid_email", reading="contact_email"))
]
Origin = Annotated[
    str, Meta(pattern="^https?://[^/?#@ ]{1,290}$", extra=every_fault("invalid_origin", reading="origin"))
]
Origins = Annotated[
    list[Origin],
    Meta(
        max_length=20,
        extra={
            READER: Reader(
                "exact",
                missing=_NO_ORIGIN,
                wrong_type=_NO_ORIGIN,
                out_of_bounds=Code("too_many_origins"),
                malformed=_NO_ORIGIN,
            )
        },
    ),
]
KeyScope = Annotated[MerchantScope, Meta(extra=every_fault("unknown_scope", "of_merchant"))]
KeyScopes = Annotated[
    list[KeyScope],
    Meta(min_length=1, max_length=len(MERCHANT_SCOPES), extra=every_fault("unknown_scope", "of_merchant")),
]


Centavos = Annotated[int, Meta(ge=1, le=MAX_VALUE_CENTAVOS, extra=every_fault("invalid_centavos"))]
RefundCentavos = Annotated[int, Meta(ge=1, le=MAX_REFUND_CENTAVOS, extra=every_fault("invalid_centavos"))]


class NoFields(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of a request that says everything in its address; the body may be absent."""


class MerchantQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """The query of a request that names nothing but the merchant."""

    merchant: Annotated[
        MerchantNamed | None, Meta(description="The slug of the merchant; required for a key of the hub.")
    ] = None
