"""The commands of a payment; each carries the time, the identifiers and the provider's answer that it needs."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from contracts.events import (
    ChargeCreated,
    ChargeRefused,
    PaymentOpened,
    RefundAccepted,
    RefundMade,
    RefundRefused,
)


class CreatePayment(Struct, frozen=True, kw_only=True):
    """Record the intent, with its charge when the hub computes the charge."""

    intent: PaymentOpened


class RecordCharge(Struct, frozen=True, kw_only=True):
    """Record the provider's answer to the intent, and start a watch until `watch_until`."""

    charge: ChargeCreated | ChargeRefused
    watch_until: datetime | None


class RecordObservation(Struct, frozen=True, kw_only=True):
    """Record a provider's answer about one attempt.

    `external_reference` comes from the provider's answer; None if the answer has none. `asked_at` is the time of the
    request, by the hub's clock. `by_id` says that the hub requested this attempt by its id, not by a search.
    """

    attempt_id: str
    status: str
    status_detail: str | None
    amount_centavos: int
    currency: str
    external_reference: str | None
    refunded_centavos: int
    observed_at: datetime
    paid_at: datetime | None
    payer_email: str | None
    evidence: str | None
    asked_at: datetime
    by_id: bool


class ConfirmByBank(Struct, frozen=True, kw_only=True):
    """Record that the merchant's bank received `amount_centavos` for a Pix without a provider.

    `end_to_end_id` names the transfer; None if the bank does not send it. Without it, a confirmation of a recorded
    amount counts as a repetition. `paid_at` is when the payer paid; None if the bank does not send it. Then the bank
    may take `grace` to confirm.
    """

    amount_centavos: int
    end_to_end_id: str | None
    received_at: datetime
    paid_at: datetime | None
    grace: timedelta
    evidence: str | None


class Expire(Struct, frozen=True, kw_only=True):
    """Close the payment if it has expired at `now`."""

    now: datetime


class RequestCancellation(Struct, frozen=True):
    """Record that the merchant wants to cancel the payment."""


class CompleteCancellation(Struct, frozen=True, kw_only=True):
    """Cancel the payment, after the provider closed the charge and was asked for its status.

    `charge_id` is the closed charge, None when there was none. A charge that was created meanwhile is still open.
    """

    charge_id: str | None


class RefuseCancellation(Struct, frozen=True, kw_only=True):
    """Record that the provider refuses to cancel the payment."""

    code: str
    reason: str


class RequestRefund(Struct, frozen=True, kw_only=True):
    """Record that the merchant requests a refund; an amount of None is all held money.

    `attempt_id` is the attempt to refund. None means every attempt for a full refund, and the only attempt with held
    money for an amount. `known_refunds` are the provider's ids of each attempt's refunds at this moment, as far as the
    provider lists them.
    """

    wish_id: str
    attempt_id: str | None
    amount_centavos: int | None
    reason: str | None
    known_refunds: dict[str, tuple[str, ...]]
    now: datetime


class RecordRefund(Struct, frozen=True, kw_only=True):
    """Record the provider's answer to a requested refund."""

    answer: RefundAccepted | RefundMade | RefundRefused


class AcceptMoney(Struct, frozen=True):
    """Record that the merchant accepts the held money as the payment, although it is late or too little."""


class RecordReturn(Struct, frozen=True, kw_only=True):
    """Record that the merchant's bank returned money of a direct Pix; `return_id` is the bank's id of the return.

    `end_to_end_id` is the returned transfer; None means the only transfer with held money.
    """

    return_id: str
    end_to_end_id: str | None
    amount_centavos: int
    returned_at: datetime


class ResolveAlert(Struct, frozen=True, kw_only=True):
    """Record that the merchant resolved an alert."""

    alert: str
    reason: str


class StartWatch(Struct, frozen=True, kw_only=True):
    """Ask the monitor to check the payment often, from `now` until `now + duration`."""

    now: datetime
    duration: timedelta


class ForgetPayer(Struct, frozen=True, kw_only=True):
    """Record that the key of the payment's personal data is destroyed."""

    reason: str
    requested_by: str
    requested_at: datetime


class HideText(Struct, frozen=True):
    """Record that the merchant's text of the payment is not shown."""


class HoldPayment(Struct, frozen=True, kw_only=True):
    """Record a hold until `until`, or without an end."""

    reason: str
    until: datetime | None


class ReleasePayment(Struct, frozen=True):
    """Record the end of the hold."""


CommandToOpened = (
    RecordCharge
    | RecordObservation
    | ConfirmByBank
    | Expire
    | RequestCancellation
    | CompleteCancellation
    | RefuseCancellation
    | RequestRefund
    | RecordRefund
    | AcceptMoney
    | RecordReturn
    | ResolveAlert
    | StartWatch
    | ForgetPayer
    | HideText
    | HoldPayment
    | ReleasePayment
)
Command = CreatePayment | CommandToOpened
