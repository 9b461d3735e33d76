"""Types of the fields of requests to `/v1`, beside those of `contracts.api.request_fields`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.request_fields import MAX_REFUND_CENTAVOS, MAX_VALUE_CENTAVOS, READER, Code, Reader, every_fault
from contracts.subjects import MERCHANT_SLUG

_NO_SLUG = Code("invalid_slug")

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


Centavos = Annotated[int, Meta(ge=1, le=MAX_VALUE_CENTAVOS, extra=every_fault("invalid_centavos"))]
RefundCentavos = Annotated[int, Meta(ge=1, le=MAX_REFUND_CENTAVOS, extra=every_fault("invalid_centavos"))]


class NoFields(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of a request that says everything in its address; the body may be absent."""


class MerchantQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """The query of a request that names nothing but the merchant."""

    merchant: Annotated[
        MerchantNamed | None, Meta(description="The slug of the merchant; required for a key of the hub.")
    ] = None
