"""Translates between the hub and Mercado Pago's Orders API: a Pix as an order, and the state of an order.

Amounts are texts in reais. An order is one attempt: its id is the attempt's id until the ordinary payment id is known.
The path of `ticket_url` holds that id while the order can be paid.
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
from extrato.values import Payer

if TYPE_CHECKING:
    from extrato.providers.port import ChargeRequest

MIN_LIFETIME_MINUTES: Final = 30
ORDER_ID: Final = re.compile(r"ORD[A-Za-z0-9]{8,61}")
PAYMENT_ID_IN_TICKET: Final = re.compile(r"/payments/([0-9]{6,20})/ticket")
BRAZIL: Final = frozenset({None, "BR", "BRA"})

# A payment's status for each status of an order; a status that is not listed here stays unchanged.
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
    """The id belongs to an order, not to a payment."""
    return ORDER_ID.fullmatch(text) is not None


def order_body(request: ChargeRequest) -> dict[str, Any]:
    """Return the body of a Pix order. The API has no field for a webhook URL; it calls the URL set for the account."""
    amount = to_decimal_text(request.amount_centavos)
    payment: dict[str, Any] = {"amount": amount, "payment_method": {"id": "pix", "type": "bank_transfer"}}
    if request.expires_at is not None:
        # Counted from the opening, because a repeated key with another body is refused (idempotency_key_already_used).
        minutes = math.ceil((request.expires_at - request.opened_at).total_seconds() / 60)
        payment["expiration_time"] = f"PT{max(minutes, MIN_LIFETIME_MINUTES)}M"
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
    """Translate a new order; raises `missing_code_error` for one without a Pix code."""
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
    """Decode the bytes of one order; raises `ProviderMisunderstood` for an unknown shape."""
    return read(answer, Order)


def to_observation(answer: bytes) -> Observation:
    """Translate the bytes of one order; raises `ProviderMisunderstood` for an unknown shape."""
    order = read_order(answer)
    status = STATUSES.get(order.status, order.status)
    observed_at = in_utc(order.last_updated_date or order.created_date)
    currency = order.currency or ("BRL" if order.country_code in BRAZIL else f"of {order.country_code}")
    made = [refund for refund in order.transactions.refunds if refund_state(refund.status) == "made"]
    refunded = sum(centavos(refund.amount) for refund in made)
    amount = centavos(order.total_amount)
    if status == "approved" and (order.status_detail == "refunded" or refunded >= amount):
        # Mercado Pago shows a fully refunded order under both statuses.
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
        payer=Payer(),
        answer=answer,
    )


def refund_body(order: Order, amount_centavos: int) -> dict[str, Any] | None:
    """Return the body of a refund of an order's only payment: None for all of it, otherwise an amount.

    The body is the same every time, because a repeated key with another body is refused.
    """
    if centavos(order.total_amount) == amount_centavos:
        return None
    if len(order.transactions.payments) != 1:
        raise ProviderMisunderstood(order.id, why="not_one_payment")
    payment_id = order.transactions.payments[0].id
    return {"transactions": [{"id": payment_id, "amount": to_decimal_text(amount_centavos)}]}
