"""The fields that the hub reads of Mercado Pago's answers, in Mercado Pago's words.

Sources: Mercado Pago's reference for preferences, payments, merchant orders and orders.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from extrato.errors import ProviderMisunderstood

DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Shape = TypeVar("Shape")


class Account(Struct, frozen=True):
    """The fields of an account."""

    id: int | str


class Preference(Struct, frozen=True):
    """The fields of a Checkout Pro preference."""

    id: str
    init_point: str
    sandbox_init_point: str | None = None
    expires: bool | None = None
    expiration_date_to: datetime | None = None


class Payer(Struct, frozen=True):
    """The fields of a payer. Only the e-mail address must have its type: the others only find the payer's payments."""

    email: str | None = None
    identification: Any = None
    phone: Any = None


class Paid(Struct, frozen=True):
    """The payer of a payment; every other field may have any shape."""

    payer: Payer | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """The fields of a payment; amounts are reais."""

    id: int | str
    status: str
    status_detail: str | None = None
    transaction_amount: Decimal
    transaction_amount_refunded: Decimal | None = None
    currency_id: str
    external_reference: str | None = None
    date_created: datetime
    date_last_updated: datetime | None = None
    date_approved: datetime | None = None
    payer: Payer | None = None


class Paging(Struct, frozen=True):
    """The position of a page in a search."""

    total: int
    limit: int
    offset: int


class SearchAnswer(Struct, frozen=True):
    """One page of a search; the payments stay undecoded, because their bytes are evidence."""

    paging: Paging
    results: list[Raw]


class TransactionData(Struct, frozen=True):
    """The code of a Pix; a refused Pix has none."""

    qr_code: str | None = None
    ticket_url: str | None = None


class PointOfInteraction(Struct, frozen=True):
    """The way in which a payer pays."""

    transaction_data: TransactionData = TransactionData()


class PixPayment(Struct, frozen=True):
    """The fields of a new Pix."""

    id: int | str
    status: str | None = None
    status_detail: str | None = None
    point_of_interaction: PointOfInteraction | None = None


class OrderPaymentMethod(Struct, frozen=True):
    """The payment method of an order; the code is present until the order is paid."""

    id: str | None = None
    qr_code: str | None = None
    ticket_url: str | None = None


class OrderPayment(Struct, frozen=True):
    """The fields of the payment inside an order."""

    id: str
    payment_method: OrderPaymentMethod = OrderPaymentMethod()


class Refund(Struct, frozen=True):
    """The fields of a refund of a payment, or inside an order; the amount is reais."""

    amount: Decimal
    id: int | str | None = None
    status: str | None = None
    date_created: datetime | None = None


class OrderTransactions(Struct, frozen=True):
    """The payments and refunds of an order."""

    payments: list[OrderPayment] = []
    refunds: list[Refund] = []


class Order(Struct, frozen=True, kw_only=True):
    """The fields of an order; amounts are reais as texts."""

    id: str
    status: str
    status_detail: str | None = None
    external_reference: str | None = None
    total_amount: Decimal
    country_code: str | None = None
    currency: str | None = None
    created_date: datetime
    last_updated_date: datetime | None = None
    transactions: OrderTransactions = OrderTransactions()


class OrderRefunded(Struct, frozen=True):
    """The answer to a refund of an order: all its refunds."""

    transactions: OrderTransactions


class MerchantOrder(Struct, frozen=True):
    """The fields of a merchant order."""

    external_reference: str | None = None


def read(answer: bytes, shape: type[Shape]) -> Shape:
    """Decode an answer; raises `ProviderMisunderstood` for an unknown shape."""
    try:
        return msgspec.json.decode(answer, type=shape)
    except DECODE_ERRORS as error:
        raise ProviderMisunderstood(why="shape", shape=shape.__name__, words=str(error)) from error
