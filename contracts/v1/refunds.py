"""Bodies of the refunds of a payment."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api import request_fields as fields
from contracts.api.types import Currency, RefundState
from contracts.v1.lists import HasMore, ListObject, Next
from contracts.v1.request_fields import RefundCentavos
from contracts.v1.types import AttemptId, Centavos, Moment, PaymentId


class RefundCreation(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to refund `amount_centavos`, or with `all` all held money; one of the two is required.

    `all` refunds every attempt in the charge's currency.
    """

    amount_centavos: Annotated[
        RefundCentavos | UnsetType, Meta(description="The amount to refund, in centavos of the attempt's currency.")
    ] = UNSET
    all: Annotated[
        bool | UnsetType, Meta(description="True refunds everything.", extra=fields.every_fault("invalid_all"))
    ] = UNSET
    attempt_id: Annotated[
        fields.Identifier | UnsetType,
        Meta(
            description="The attempt to refund. Required with `amount_centavos` if several attempts hold money, and to "
            "refund an attempt in another currency."
        ),
    ] = UNSET
    reason: Annotated[fields.ShortText | None, Meta(description="The reason. The event keeps it, not encrypted.")] = (
        None
    )


class Refund(Struct, kw_only=True):
    """One refund of one attempt."""

    object: Annotated[Literal["refund"], Meta(description="Always `refund`.")]
    id: Annotated[str, Meta(description="The id of the refund.")]
    payment_id: PaymentId
    request_id: Annotated[str, Meta(description="The id of the request, which may have refunds of several attempts.")]
    attempt_id: AttemptId
    status: RefundState
    amount_centavos: Annotated[Centavos, Meta(description="The refunded amount, in centavos.")]
    currency: Currency
    reason: Annotated[str | None, Meta(description="The merchant's reason; null if it gave none.")]
    provider_refund_id: Annotated[str | None, Meta(description="The provider's id of the refund; null if unknown.")]
    requested_at: Annotated[Moment | None, Meta(description="When the merchant asked; null in the oldest logs.")]
    made_at: Annotated[
        Moment | None, Meta(description="When the provider made the refund; null before that, and if it sends no time.")
    ]


class RefundRequested(Struct, kw_only=True):
    """What one request refunds. If several attempts hold money, `all` makes a refund of each."""

    object: Annotated[Literal["refund_request"], Meta(description="Always `refund_request`.")]
    id: Annotated[str, Meta(description="The id of the request: the `request_id` of its refunds.")]
    payment_id: PaymentId
    refunds: Annotated[list[Refund], Meta(description="The refund of each attempt.")]


class RefundList(Struct, kw_only=True):
    """Refunds of a payment, in the order in which they were requested."""

    object: ListObject
    data: Annotated[list[Refund], Meta(description="The refunds, the oldest first.")]
    has_more: HasMore
    next: Next
