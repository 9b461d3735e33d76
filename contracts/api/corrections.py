"""Bodies of the routes that cancel, refund, accept money and close alerts."""

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
    """The payment is closed; with status 202 the wish is recorded and will be carried out."""

    success: Success
    payment_id: PaymentId
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    message: Message


class PaidAttempt(Struct, kw_only=True):
    """One attempt to pay; amounts are in its own currency.

    `held_amount` is what the provider holds of it; what is disputed or lost is neither held nor refunded.
    """

    mp_payment_id: AttemptId
    status: Annotated[Status, Meta(description="How the attempt stands, in the words of `PaymentStatus.status`.")]
    status_detail: Annotated[
        str | None,
        Meta(description="The provider's word for why it stands so; null where the provider gives no reason."),
    ]
    amount: Annotated[Reais, Meta(description="What was to be paid by this attempt.")]
    held_amount: Annotated[Reais, Meta(description="What the provider holds of it.")]
    refunded_amount: Annotated[Reais, Meta(description="What of it went back to the payer.")]
    currency: Currency


Attempts = Annotated[
    list[PaidAttempt],
    Meta(description="Every attempt to pay, in the order in which they were seen; a payer is not shown them."),
]


class RefundRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Asks to give back `amount`, or with `all` everything that is held; one of the two is required.

    `all` refunds every attempt in the charge's currency.
    """

    amount: Annotated[
        fields.RefundAmount | UnsetType, Meta(description="The amount to give back, in the attempt's currency.")
    ] = UNSET
    all: Annotated[
        bool | UnsetType,
        Meta(description="True refunds everything.", extra=fields.every_fault("invalid_all")),
    ] = UNSET
    mp_payment_id: Annotated[
        fields.Identifier | UnsetType,
        Meta(
            description="The attempt to refund. An amount needs it where several attempts hold money, and so does an "
            "attempt in another currency."
        ),
    ] = UNSET
    reason: Annotated[fields.ShortText | None, Meta(description="Why, for the books.")] = None


class RefundOfAttempt(Struct, kw_only=True):
    """One refund of one attempt: `made`, `refused`, `requested`, or `in_process` at the provider."""

    refund_id: Annotated[str, Meta(description="The hub's id of this refund.")]
    refund_status: RefundState
    mp_payment_id: AttemptId
    amount: Annotated[Reais, Meta(description="What is given back, in the currency of the attempt.")]
    currency: Currency


class Refunded(Struct, kw_only=True):
    """What was asked to give back, and what became of it.

    `refund_status` is `made` with status 200, and `requested` with 202, when something will still be carried out.
    `refunds` has one of each attempt; `refund_id` names them all, and `mp_payment_id` is the only attempt there is.
    `amount` is what was asked for and not refused. Of the attempts that it is of, `pending_amount` is asked for and not
    answered, and `remaining_amount` may still be given back. The other amounts are of the payment.
    """

    success: Success
    payment_id: PaymentId
    refund_id: Annotated[str, Meta(description="The hub's id of the wish, which may be of several refunds.")]
    refund_status: Annotated[
        str,
        Meta(
            description="`requested` while a refund is not made or refused yet.",
            extra_json_schema=one_of("made", "requested"),
        ),
    ]
    refunds: Annotated[list[RefundOfAttempt], Meta(description="The refund of each attempt.")]
    mp_payment_id: Annotated[
        AttemptId | None, Meta(description="The attempt that money is given back of; null where there are several.")
    ]
    amount: Annotated[Reais, Meta(description="The amount of the wish that was not refused.")]
    refunded_amount: RefundedAmount
    pending_amount: Annotated[Reais, Meta(description="The amount of open refunds of the attempts in this wish.")]
    remaining_amount: Annotated[Reais, Meta(description="The amount of these attempts that can still be refunded.")]
    held_amount: HeldAmount
    disputed_amount: DisputedAmount
    attempts: Attempts
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    message: Message


class MoneyTaken(Struct, kw_only=True):
    """Late or short money is taken as the payment."""

    success: Success
    payment_id: PaymentId
    status: Status
    status_detail: StatusDetail
    status_label: StatusLabel
    held_amount: HeldAmount
    alerts: OpenAlerts
    message: Message


class AlertReason(Struct, kw_only=True, forbid_unknown_fields=True):
    """Says what was done about an alert."""

    reason: Annotated[fields.Text, Meta(description="What was done about the alert.")]


class AlertClosed(Struct, kw_only=True):
    """The alert is closed; `alerts` are those that are still open."""

    success: Success
    payment_id: PaymentId
    alert: Annotated[Alert, Meta(description="The alert that was closed.")]
    alerts: OpenAlerts
    message: Message
