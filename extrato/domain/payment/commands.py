"""What may be asked of a payment; time, identifiers and what providers said come in with the command."""

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
    """Record the intent, with its charge where the hub computes that itself."""

    intent: PaymentOpened


class RecordCharge(Struct, frozen=True, kw_only=True):
    """Record what the provider answered to the intent, and begin to watch until `watch_until`."""

    charge: ChargeCreated | ChargeRefused
    watch_until: datetime | None


class RecordObservation(Struct, frozen=True, kw_only=True):
    """Record how a provider says that one attempt stands.

    `external_reference` is the one in the provider's answer; None where it told none. `asked_at` is when it was asked,
    by the hub's clock, and `by_id` says that it was asked for this attempt, and not for whatever it finds.
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

    `end_to_end_id` names the transfer, where the bank tells it; without it a confirmation
    of an amount that is recorded already counts as a repetition.
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
    """Say that the merchant gives money back; an amount of None is all that is held.

    `attempt_id` is the attempt that it is of; None is every attempt for all, and the only one that holds money for an
    amount. `known_refunds` are the provider's ids of each attempt's refunds at this moment, where it told them.
    """

    wish_id: str
    attempt_id: str | None
    amount_centavos: int | None
    reason: str | None
    known_refunds: dict[str, tuple[str, ...]]
    now: datetime


class RecordRefund(Struct, frozen=True, kw_only=True):
    """Record what the provider answered to a requested refund."""

    answer: RefundAccepted | RefundMade | RefundRefused


class AcceptMoney(Struct, frozen=True):
    """Say that the merchant takes the late or short money that is held as the payment."""


class RecordReturn(Struct, frozen=True, kw_only=True):
    """Record that the merchant's bank gave money of a direct Pix back; `return_id` is the bank's name of that.

    `end_to_end_id` is the transfer that it is of; None is the only one that holds money.
    """

    return_id: str
    end_to_end_id: str | None
    amount_centavos: int
    returned_at: datetime


class ResolveAlert(Struct, frozen=True, kw_only=True):
    """Say that the merchant has looked into an alert."""

    alert: str
    reason: str


class StartWatch(Struct, frozen=True, kw_only=True):
    """Ask the monitor to look at the payment often, from `now` until `now + duration`."""

    now: datetime
    duration: timedelta


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
)
Command = CreatePayment | CommandToOpened
