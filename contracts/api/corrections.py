"""Bodies of the routes that cancel, refund, accept money and resolve alerts."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api import request_fields as fields
from contracts.api.types import (
    Alert,
    AttemptId,
    Currency,
    DisputedAmount,
    HeldAmount,
    Message,
    OpenAlerts,
    PaymentId,
    Reais,
    RefundedAmount,
    RefundState,
    Status,
    StatusDetail,
    StatusLabel,
    Success,
    one_of,
)


class PaymentCancelled(Struct, kw_only=True):
    """The payment is cancelled. With HTTP status 202 the cancellation is recorded, and the hub completes it later."""

    success: Success
    payment_id: PaymentId
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    message: Message


class PaidAttempt(Struct, kw_only=True):
    """One attempt; amounts are in the attempt's currency.

    `held_amount` is the money that the merchant has. Disputed or lost money is neither held nor refunded.
    """

    mp_payment_id: AttemptId
    status: Annotated[Status, Meta(description="The status of the attempt, in the words of `PaymentStatus.status`.")]
    status_detail: Annotated[
        str | None,
        Meta(description="The provider's reason for the status; null if the provider sends none."),
    ]
    amount: Annotated[Reais, Meta(description="The amount of the attempt.")]
    held_amount: Annotated[Reais, Meta(description="The amount that the merchant has.")]
    refunded_amount: Annotated[Reais, Meta(description="The amount that was refunded to the payer.")]
    currency: Currency


Attempts = Annotated[
    list[PaidAttempt],
    Meta(description="Every attempt, in the order in which the hub observed them; empty for a payer."),
]


class RefundRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to refund `amount`, or with `all` the whole held amount; one of the two is required.

    `all` refunds every attempt in the charge's currency.
    """

    amount: Annotated[
        fields.RefundAmount | UnsetType, Meta(description="The amount to refund, in the attempt's currency.")
    ] = UNSET
    all: Annotated[
        bool | UnsetType,
        Meta(description="True refunds everything.", extra=fields.every_fault("invalid_all")),
    ] = UNSET
    mp_payment_id: Annotated[
        fields.Identifier | UnsetType,
        Meta(
            description="The attempt to refund. Required with `amount` if several attempts hold money, and to refund "
            "an attempt in another currency."
        ),
    ] = UNSET
    reason: Annotated[fields.ShortText | None, Meta(description="The reason, for the books.")] = None


class RefundOfAttempt(Struct, kw_only=True):
    """One refund of one attempt: `requested`, `in_process` at the provider, `made` or `refused`."""

    refund_id: Annotated[str, Meta(description="The hub's id of this refund.")]
    refund_status: RefundState
    mp_payment_id: AttemptId
    amount: Annotated[Reais, Meta(description="The refunded amount, in the attempt's currency.")]
    currency: Currency


class Refunded(Struct, kw_only=True):
    """A refund and its progress.

    `refund_status` is `made` with HTTP status 200, and `requested` with 202 while the hub still has to complete a
    refund. `refunds` has one refund for each attempt, and `refund_id` is the id of all of them together. `amount` is
    the requested amount without refused refunds. `pending_amount` and `remaining_amount` are of the attempts in
    `refunds`; the other amounts are of the whole payment.
    """

    success: Success
    payment_id: PaymentId
    refund_id: Annotated[str, Meta(description="The hub's id of this request, which may have several refunds.")]
    refund_status: Annotated[
        str,
        Meta(
            description="`requested` while a refund is neither made nor refused.",
            extra_json_schema=one_of("made", "requested"),
        ),
    ]
    refunds: Annotated[list[RefundOfAttempt], Meta(description="The refund of each attempt.")]
    mp_payment_id: Annotated[AttemptId | None, Meta(description="The refunded attempt; null if there are several.")]
    amount: Annotated[Reais, Meta(description="The requested amount, without refused refunds.")]
    refunded_amount: RefundedAmount
    pending_amount: Annotated[Reais, Meta(description="The amount of open refunds of the attempts in `refunds`.")]
    remaining_amount: Annotated[Reais, Meta(description="The amount of these attempts that can still be refunded.")]
    held_amount: HeldAmount
    disputed_amount: DisputedAmount
    attempts: Attempts
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    message: Message


class MoneyTaken(Struct, kw_only=True):
    """The merchant accepted late or short money as the payment."""

    success: Success
    payment_id: PaymentId
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    held_amount: HeldAmount
    alerts: OpenAlerts
    message: Message


class AlertReason(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to resolve an alert."""

    reason: Annotated[fields.Text, Meta(description="What was done about the alert.")]


class AlertClosed(Struct, kw_only=True):
    """The alert is resolved; `alerts` are those that are still open."""

    success: Success
    payment_id: PaymentId
    alert: Annotated[Alert, Meta(description="The resolved alert.")]
    alerts: OpenAlerts
    message: Message
