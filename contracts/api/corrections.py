"""Bodies of the routes that cancel, refund, accept money and close alerts."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api import request_fields as fields


class PaymentCancelled(Struct, kw_only=True):
    """The payment is closed; with status 202 the wish is recorded and will be carried out."""

    success: bool
    payment_id: int
    status: str
    status_detail: str | None
    status_label: str
    message: str


class PaidAttempt(Struct, kw_only=True):
    """One attempt to pay; amounts are in its own currency.

    `held_amount` is what the provider holds of it; what is disputed or lost is neither held nor refunded.
    """

    mp_payment_id: str
    status: str
    status_detail: str | None
    amount: float
    held_amount: float
    refunded_amount: float
    currency: str


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

    refund_id: str
    refund_status: str
    mp_payment_id: str
    amount: float
    currency: str


class Refunded(Struct, kw_only=True):
    """What was asked to give back, and what became of it.

    `refund_status` is `made` with status 200, and `requested` with 202, when something will still be carried out.
    `refunds` has one of each attempt; `refund_id` names them all, and `mp_payment_id` is the only attempt there is.
    `amount` is what was asked for and not refused. Of the attempts that it is of, `pending_amount` is asked for and not
    answered, and `remaining_amount` may still be given back. The other amounts are of the payment.
    """

    success: bool
    payment_id: int
    refund_id: str
    refund_status: str
    refunds: list[RefundOfAttempt]
    mp_payment_id: str | None
    amount: float
    refunded_amount: float
    pending_amount: float
    remaining_amount: float
    held_amount: float
    disputed_amount: float
    attempts: list[PaidAttempt]
    status: str
    status_detail: str | None
    status_label: str
    message: str


class MoneyTaken(Struct, kw_only=True):
    """Late or short money is taken as the payment."""

    success: bool
    payment_id: int
    status: str
    status_detail: str | None
    status_label: str
    held_amount: float
    alerts: list[str]
    message: str


class AlertReason(Struct, kw_only=True, forbid_unknown_fields=True):
    """Says what was done about an alert."""

    reason: Annotated[fields.Text, Meta(description="What was done about the alert.")]


class AlertClosed(Struct, kw_only=True):
    """The alert is closed; `alerts` are those that are still open."""

    success: bool
    payment_id: int
    alert: str
    alerts: list[str]
    message: str
