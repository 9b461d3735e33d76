"""Mercado Pago's Orders API in the hub's words: a Pix as an order, and how an order stands.

Amounts are texts in reais. An order is one attempt: its own id is the attempt's until the ordinary payment id is
known, which the path of `ticket_url` tells as long as the order can be paid.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from contracts.events import ChargeCreated
from extrato.domain.money import to_decimal_text
from extrato.errors import ProviderMisunderstood
from extrato.providers.mercado_pago.formats import (
    centavos,
    in_utc,
    missing_code_error,
    payer_body,
    phone_body,
    refund_state,
)
from extrato.providers.mercado_pago.shapes import Order, read
from extrato.providers.port import Observation

if TYPE_CHECKING:
    from extrato.providers.port import ChargeRequest

SHORTEST_MINUTES: Final = 30
ORDER_ID: Final = re.compile(r"ORD[A-Za-z0-9]{8,61}")
PAYMENT_ID_IN_TICKET: Final = re.compile(r"/payments/([0-9]{6,20})/ticket")
BRAZIL: Final = frozenset({None, "BR", "BRA"})

# An order's status in the words of a payment's; one that Mercado Pago invents since keeps its own.
STATUSES: Final = {
    "created": "pending",
    "action_required": "pending",
    "processing": "in_process",
    "processed": "approved",
    "failed": "rejected",
    "canceled": "cancelled",
    "expired": "cancelled",
}
DETAILS: Final = {
    "waiting_transfer": "pending_waiting_transfer",
    "waiting_payment": "pending_waiting_payment",
    "in_review": "pending_review_manual",
    "canceled": "by_collector",
}


def is_order_id(text: str) -> bool:
    """Tell the id of an order from the id of a payment."""
    return ORDER_ID.fullmatch(text) is not None


def order_body(request: ChargeRequest) -> dict[str, Any]:
    """Write a Pix order. The API takes no notification address; it calls the one set for the account."""
    amount = to_decimal_text(request.amount_centavos)
    payment: dict[str, Any] = {"amount": amount, "payment_method": {"id": "pix", "type": "bank_transfer"}}
    if request.expires_at is not None:
        # Counted from the opening, for the same key with another body is refused (idempotency_key_already_used).
        minutes = math.ceil((request.expires_at - request.opened_at).total_seconds() / 60)
        payment["expiration_time"] = f"PT{max(minutes, SHORTEST_MINUTES)}M"
    phone = request.payer.phone
    return {
        "type": "online",
        "processing_mode": "automatic",
        "total_amount": amount,
        "external_reference": request.external_reference,
        "payer": payer_body(request) | ({"phone": phone_body(phone)} if phone else {}),
        "transactions": {"payments": [payment]},
    }


def to_charge(order: Order) -> ChargeCreated:
    """Translate an order that was just made; for one that is not to be paid by Pix see `missing_code_error`."""
    methods = [payment.payment_method for payment in order.transactions.payments]
    if len(methods) != 1 or not methods[0].qr_code:
        raise missing_code_error(order.id, STATUSES.get(order.status, order.status), order.status_detail)
    ticket_url = methods[0].ticket_url
    found = PAYMENT_ID_IN_TICKET.search(ticket_url or "")
    return ChargeCreated(
        charge_id=order.id,
        attempt_id=found[1] if found else order.id,
        account_id=None,
        checkout_url=ticket_url,
        sandbox_url=None,
        pix_payload=methods[0].qr_code,
    )


def read_order(answer: bytes) -> Order:
    """Read the bytes of one order; raises `ProviderMisunderstood`."""
    return read(answer, Order)


def to_observation(answer: bytes) -> Observation:
    """Translate the bytes of one order; raises `ProviderMisunderstood`."""
    order = read_order(answer)
    status = STATUSES.get(order.status, order.status)
    observed_at = in_utc(order.last_updated_date or order.created_date)
    currency = order.currency or ("BRL" if order.country_code in BRAZIL else f"of {order.country_code}")
    made = [refund for refund in order.transactions.refunds if refund_state(refund.status) == "made"]
    refunded = sum(centavos(refund.amount) for refund in made)
    amount = centavos(order.total_amount)
    if status == "approved" and (order.status_detail == "refunded" or refunded >= amount):
        # One that was given back whole was seen under both words.
        status = "refunded"
    detail = order.status_detail or ("expired" if order.status == "expired" else None)
    return Observation(
        attempt_id=order.id,
        status=status,
        status_detail=DETAILS.get(detail, detail) if detail else None,
        amount_centavos=amount,
        currency=currency,
        external_reference=order.external_reference,
        refunded_centavos=amount if status == "refunded" else min(refunded, amount),
        observed_at=observed_at,
        paid_at=observed_at if status == "approved" else None,
        payer_email=None,
        answer=answer,
    )


def refund_body(order: Order, amount_centavos: int) -> dict[str, Any] | None:
    """Write a refund of an order's only payment: of all of it without a body, and otherwise of an amount.

    The same every time, for under one key another body is refused.
    """
    if centavos(order.total_amount) == amount_centavos:
        return None
    if len(order.transactions.payments) != 1:
        raise ProviderMisunderstood(order.id, why="not_one_payment")
    payment_id = order.transactions.payments[0].id
    return {"transactions": [{"id": payment_id, "amount": to_decimal_text(amount_centavos)}]}
