"""What may be asked of a payment; time, identifiers and what providers said come in with the command."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from contracts.events import (
    ChargeCreated,
    ChargeRefused,
    PaymentOpened,
    RefundMade,
    RefundRefused,
)


class OpenPayment(Struct, frozen=True, kw_only=True):
    """Record the intent."""

    intent: PaymentOpened


class RecordCharge(Struct, frozen=True, kw_only=True):
    """Record what the provider answered to the intent, and begin to watch until `watch_until`."""

    charge: ChargeCreated | ChargeRefused
    watch_until: datetime | None


class RecordObservation(Struct, frozen=True, kw_only=True):
    """Record how a provider says that one attempt stands.

    `external_reference` is the one in the provider's answer; None where it told none.
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


class ConfirmByBank(Struct, frozen=True, kw_only=True):
    """Record that the merchant's bank received `amount_centavos` for a Pix without a provider.

    `end_to_end_id` names the transfer, where the bank tells it; without it every confirmation is taken for the same.
    `paid_at` is when the payer paid, where the bank tells that; without it `grace` is what a bank may take to confirm.
    """

    amount_centavos: int
    end_to_end_id: str | None
    received_at: datetime
    paid_at: datetime | None
    grace: timedelta
    evidence: str | None


class Expire(Struct, frozen=True, kw_only=True):
    """Close the payment if its time has run out at `now`."""

    now: datetime


class RequestCancellation(Struct, frozen=True):
    """Say that the merchant wants the payment closed."""


class CompleteCancellation(Struct, frozen=True, kw_only=True):
    """Close the payment, now that the provider has left no way to pay it and was asked how it stands.

    `charge_id` is the charge that was closed, None when there was none: one that was made meanwhile is still open.
    """

    charge_id: str | None


class RefuseCancellation(Struct, frozen=True, kw_only=True):
    """Record that the provider will not close the payment."""

    code: str
    reason: str


class RequestRefund(Struct, frozen=True, kw_only=True):
    """Say that the merchant gives money back; None is all that is left.

    `attempt_id` is the attempt that it is of; None is the one that speaks for the payment.
    """

    refund_id: str
    attempt_id: str | None
    amount_centavos: int | None
    now: datetime


class RecordRefund(Struct, frozen=True, kw_only=True):
    """Record what the provider answered to a requested refund."""

    answer: RefundMade | RefundRefused


class StartWatch(Struct, frozen=True, kw_only=True):
    """Ask the monitor to look at the payment often, from `now` until `now + duration`."""

    now: datetime
    duration: timedelta


Command = (
    OpenPayment
    | RecordCharge
    | RecordObservation
    | ConfirmByBank
    | Expire
    | RequestCancellation
    | CompleteCancellation
    | RefuseCancellation
    | RequestRefund
    | RecordRefund
    | StartWatch
)
