"""The types of fields that several answers of `/v1` share, beside those of `contracts.api.types`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

from contracts.api.types import one_of
from contracts.payment_status import KNOWN
from contracts.providers import PROVIDERS
from contracts.subjects import MERCHANT_SLUG

MethodName = Literal["pix", "mercado_pago_pix", "mercado_pago_checkout"]
METHODS: Final[tuple[MethodName, ...]] = get_args(MethodName)
DOCUMENT_TYPES: Final = ("cnpj", "cpf")
LOGO_TYPES: Final = ("image/png", "image/webp")
"""The media types in which the hub serves logos."""

LOGO_UPLOADS: Final = ("image/png", "image/jpeg", "image/webp")
"""The media types of a picture that the hub redraws as a logo."""

MAX_POSITION_LENGTH: Final = 64
"""The maximum length of a position of the log as `/v1` shows it."""

Centavos = Annotated[int, Meta(ge=0, description="An amount in whole centavos.")]
Moment = Annotated[
    datetime, Meta(tz=True, description="A time in UTC, by RFC 3339.", examples=["2026-01-12T13:00:00Z"])
]
PaymentId = Annotated[str, Meta(description="The id of the payment.", pattern="^[1-9][0-9]{0,14}$", examples=["15"])]
MerchantSlug = Annotated[
    str,
    Meta(description="The slug of the merchant.", pattern=f"^{MERCHANT_SLUG.pattern}$", examples=["padaria-do-marcos"]),
]
Method = Annotated[
    str,
    Meta(
        description="How the payer pays: `pix` to the merchant's own key, or a Pix or the checkout of Mercado Pago.",
        extra_json_schema=one_of(*METHODS),
    ),
]
Provider = Annotated[
    str,
    Meta(
        description="The provider that holds the charge; `pix` if the hub made the charge itself.",
        extra_json_schema=one_of(*PROVIDERS),
    ),
]
# The list is open: a provider may invent a status.
Status = Annotated[
    str,
    Meta(
        description="The status. Known statuses: "
        + ", ".join(f"`{status}`" for status in sorted(KNOWN))
        + ". A provider may send another one: treat it as under review.",
        examples=sorted(KNOWN),
    ),
]
StatusDetail = Annotated[
    str | None,
    Meta(description="The reason for the status; null if there is none.", examples=["accredited"]),
]
AttemptId = Annotated[
    str,
    Meta(
        description="The provider's id of the attempt. For `pix` it is the transfer's EndToEndId, or the id of the "
        "charge while the bank has not named the transfer."
    ),
]
Reference = Annotated[str | None, Meta(description="The merchant's own order number; null if it gave none.")]
HeldCentavos = Annotated[Centavos, Meta(description="The money of the payment that the merchant has, in centavos.")]
RefundedCentavos = Annotated[Centavos, Meta(description="The money that was refunded to the payer, in centavos.")]
DisputedCentavos = Annotated[
    Centavos, Meta(description="The money in an open dispute of the payer's bank or of the provider, in centavos.")
]
