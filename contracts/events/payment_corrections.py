"""What is done about a payment afterwards: money is taken or given back, the charge is closed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class MoneyAccepted(Struct, frozen=True, kw_only=True):
    """The merchant takes what is held, `amount_centavos`, as the payment, though it came late or is too little."""

    schema_version: ClassVar[int] = 1

    amount_centavos: int


class PixReturned(Struct, frozen=True, kw_only=True):
    """The merchant's bank gave money of a direct Pix back; `return_id` is the bank's name of that."""

    schema_version: ClassVar[int] = 1

    return_id: str
    attempt_id: str
    amount_centavos: int
    returned_at: datetime


class CancellationRequested(Struct, frozen=True, kw_only=True):
    """The merchant wants the payment closed. The provider has not said yes yet: this is the intent."""

    schema_version: ClassVar[int] = 1


class CancellationRefused(Struct, frozen=True, kw_only=True):
    """The payment could not be closed, because it was paid in time or the provider said no."""

    schema_version: ClassVar[int] = 1

    code: str
    reason: str


class PaymentCancelled(Struct, frozen=True, kw_only=True):
    """The merchant closed the payment; no way to pay it is left open that the hub knows of."""

    schema_version: ClassVar[int] = 1


class RefundRequested(Struct, frozen=True, kw_only=True):
    """The merchant gives money back for one attempt. The provider has not done it yet: this is the intent.

    `refund_id` is the hub's; the provider is given it as its idempotency key. `wish_id` is what the merchant asked
    for: one wish to give all back makes a refund of each attempt, and `is_all` says so. `reason` is the merchant's,
    for the books. `requested_at` tells this refund from one that the merchant made elsewhere before; None where that
    was not noted. `known_refunds` are the provider's ids of the attempt's refunds just before: none of them is this
    one. None where the provider did not tell.
    """

    schema_version: ClassVar[int] = 3

    refund_id: str
    wish_id: str
    attempt_id: str
    amount_centavos: int
    is_all: bool
    reason: str | None
    requested_at: datetime | None
    known_refunds: tuple[str, ...] | None


class RefundAccepted(Struct, frozen=True, kw_only=True):
    """The provider took the refund and has not made it yet; `provider_refund_id` is its id, where it told one."""

    schema_version: ClassVar[int] = 1

    refund_id: str
    provider_refund_id: str | None


class RefundMade(Struct, frozen=True, kw_only=True):
    """The provider made the refund; `provider_refund_id` is its id of it, where it told one.

    `made_at` is the provider's time, and later than an observation that does not show the refund yet; None in older
    logs.
    """

    schema_version: ClassVar[int] = 2

    refund_id: str
    provider_refund_id: str | None
    made_at: datetime | None


class RefundRefused(Struct, frozen=True, kw_only=True):
    """The provider said no to the refund; no money moved."""

    schema_version: ClassVar[int] = 1

    refund_id: str
    code: str
    reason: str


class RefundReversed(Struct, frozen=True, kw_only=True):
    """The provider tells that less of an attempt was given back than it did before: the money is held again."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    before_centavos: int
    after_centavos: int
    observed_at: datetime
