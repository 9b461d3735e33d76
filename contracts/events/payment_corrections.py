"""Events of corrections: cancellations, refunds, returns and accepted money."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from msgspec import Struct


class MoneyAccepted(Struct, frozen=True, kw_only=True):
    """The merchant accepts the held money, `amount_centavos`, as the payment, although it is late or too little."""

    schema_version: ClassVar[int] = 1

    amount_centavos: int


class PixReturned(Struct, frozen=True, kw_only=True):
    """The merchant's bank returned money of a direct Pix to the payer; `return_id` is the bank's id of the return."""

    schema_version: ClassVar[int] = 1

    return_id: str
    attempt_id: str
    amount_centavos: int
    returned_at: datetime


class CancellationRequested(Struct, frozen=True, kw_only=True):
    """The merchant asked to cancel the payment. This is the intent: the provider has not confirmed it yet."""

    schema_version: ClassVar[int] = 1


class CancellationRefused(Struct, frozen=True, kw_only=True):
    """The payment could not be cancelled, because it was paid in time or the provider refused."""

    schema_version: ClassVar[int] = 1

    code: str
    reason: str


class PaymentCancelled(Struct, frozen=True, kw_only=True):
    """The payment was cancelled; the hub knows no open way to pay it."""

    schema_version: ClassVar[int] = 1


class RefundRequested(Struct, frozen=True, kw_only=True):
    """The merchant asked for a refund of one attempt. This is the intent: the provider has not made the refund yet.

    `refund_id` is the hub's id, and the provider's idempotency key. `wish_id` is the hub's id of the whole request: a
    request to refund everything has one refund for each attempt, with `is_all` true. `reason` is the merchant's, for
    the books. `requested_at` distinguishes this refund from an earlier one that the merchant made elsewhere; None in
    older logs. `known_refunds` are the provider's ids of the attempt's earlier refunds; None where the provider did not
    list them.
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
    """The provider accepted the refund but has not made it yet; `provider_refund_id` is its id, if it sent one."""

    schema_version: ClassVar[int] = 1

    refund_id: str
    provider_refund_id: str | None


class RefundMade(Struct, frozen=True, kw_only=True):
    """The provider made the refund; `provider_refund_id` is the provider's id, if it sent one.

    `made_at` is the provider's time, and later than any observation that does not show the refund yet. It is None in
    older logs.
    """

    schema_version: ClassVar[int] = 2

    refund_id: str
    provider_refund_id: str | None
    made_at: datetime | None


class RefundRefused(Struct, frozen=True, kw_only=True):
    """The provider refused the refund; no money moved."""

    schema_version: ClassVar[int] = 1

    refund_id: str
    code: str
    reason: str


class RefundReversed(Struct, frozen=True, kw_only=True):
    """The provider reports a smaller refunded amount of an attempt than before: the payment holds the money again."""

    schema_version: ClassVar[int] = 1

    attempt_id: str
    before_centavos: int
    after_centavos: int
    observed_at: datetime
