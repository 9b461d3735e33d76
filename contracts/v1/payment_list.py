"""The query and the answer of the list of payments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from contracts.api.request_fields import MAX_REFUND_CENTAVOS, EndToEndId, Identifier, ShortText, every_fault
from contracts.api.types import one_of
from contracts.payment_status import ALERT_NAMES, KNOWN
from contracts.providers import PROVIDERS
from contracts.v1.lists import HasMore, ListObject, ListQuery, Next
from contracts.v1.payments import Payment
from contracts.v1.types import METHODS

NEWEST_FIRST: Final = "newest_first"
ORDERS: Final = (NEWEST_FIRST, "oldest_first")


def _word_of(words: tuple[str, ...], code: str) -> Meta:
    """Make the bounds of a parameter that has one of a few words."""
    pattern = f"^(?:{'|'.join(words)})$(?!\\n)"
    return Meta(pattern=pattern, extra=every_fault(code), extra_json_schema=one_of(*words))


# A provider may invent a status, and payments with it can be listed.
_Status = Annotated[
    str,
    Meta(pattern=r"^[a-z_]{1,40}$(?!\n)", extra=every_fault("invalid_status", "of_payment"), examples=sorted(KNOWN)),
]
_Method = Annotated[str, _word_of(METHODS, "invalid_method")]
_Provider = Annotated[str, _word_of(PROVIDERS, "invalid_provider")]
_Alert = Annotated[str, _word_of(tuple(sorted(ALERT_NAMES)), "invalid_alert")]
_Order = Annotated[str, _word_of(ORDERS, "invalid_order")]
_Time = Annotated[datetime, Meta(tz=True, extra=every_fault("invalid_time", reading="instant"))]
_Centavos = Annotated[int, Meta(ge=0, le=MAX_REFUND_CENTAVOS, extra=every_fault("invalid_centavos"))]


class PaymentListQuery(ListQuery, kw_only=True, forbid_unknown_fields=True):
    """The filters of the list: a payment is listed if it matches all of them."""

    status: Annotated[_Status | None, Meta(description="The status of the payment.")] = None
    method: Annotated[_Method | None, Meta(description="How the payer pays.")] = None
    provider: Annotated[_Provider | None, Meta(description="The provider that holds the charge.")] = None
    created_from: Annotated[_Time | None, Meta(description="The payment was opened at this time or later.")] = None
    created_to: Annotated[_Time | None, Meta(description="The payment was opened before this time.")] = None
    paid_from: Annotated[_Time | None, Meta(description="The payment was paid at this time or later.")] = None
    paid_to: Annotated[_Time | None, Meta(description="The payment was paid before this time.")] = None
    amount_min: Annotated[_Centavos | None, Meta(description="The amount is at least this, in centavos.")] = None
    amount_max: Annotated[_Centavos | None, Meta(description="The amount is at most this, in centavos.")] = None
    reference: Annotated[Identifier | None, Meta(description="The merchant's own order number, exactly.")] = None
    e2e_id: Annotated[EndToEndId | None, Meta(description="The EndToEndId of a transfer of a direct Pix.")] = None
    charge_id: Annotated[
        ShortText | None, Meta(description="The provider's id of the charge, or of an attempt to pay it.")
    ] = None
    alert: Annotated[_Alert | None, Meta(description="The name of an alert that is open.")] = None
    q: Annotated[
        ShortText | None,
        Meta(
            description="Words of the description, the reference and the items' names. The payment has all of them, in "
            "any order. Accents and capitals are ignored. A word must be whole."
        ),
    ] = None
    order: Annotated[_Order, Meta(description="The order of the list, by the time of opening.")] = NEWEST_FIRST


class FoundPayments(Struct, kw_only=True):
    """A page of payments. It may be shorter than `limit`, also empty, while `has_more` is true."""

    object: ListObject
    data: Annotated[list[Payment], Meta(description="The payments, in the order of the list.")]
    has_more: HasMore
    next: Next
