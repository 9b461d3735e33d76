"""`/merchant_orders`: get and search merchant orders, which group the attempts to pay a preference.

Source: mercadopago developer reference, "Merchant orders".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.bodies.preference import preference_body
from services.sandbox.state.clock import api_instant
from services.sandbox.state.errors import bad_request, not_found
from services.sandbox.state.json_body import answer
from services.sandbox.state.money import reais

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.accounts import Account
    from services.sandbox.state.records import MerchantOrder, Payment

_DEFAULT_LIMIT = 30
_MAX_LIMIT = 100
_FILTERS = ("status", "preference_id", "application_id", "external_reference", "site_id", "marketplace")


async def get_order(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Answer one merchant order of this merchant."""
    order = sim.store.order_named(request.match_info["order_id"])
    if order is None or order.collector_id != account.collector_id:
        raise not_found("order not found")
    return answer(_order_body(order, sim=sim, account=account))


async def search_orders(sim: Simulator, account: Account, request: web.Request) -> web.Response:
    """Search the merchant orders of this merchant, newest first."""
    query = request.query
    try:
        limit, offset = int(query.get("limit") or _DEFAULT_LIMIT), int(query.get("offset") or 0)
    except ValueError as error:
        raise bad_request("Params Error", code=1) from error
    limit, offset = max(0, min(limit, _MAX_LIMIT)), max(0, offset)
    if query.get("preference_id"):
        order = sim.store.order_of_preference(query["preference_id"])
        orders = [] if order is None else [order]
    else:
        orders = list(sim.store.orders.values())
    found = [
        body
        for order in reversed(orders)
        if order.collector_id == account.collector_id
        for body in (_order_body(order, sim=sim, account=account),)
        if all(str(body[name]) == query[name] for name in _FILTERS if query.get(name))
    ]
    return answer({"elements": found[offset : offset + limit], "next_offset": offset + limit, "total": len(found)})


def _order_body(order: MerchantOrder, *, sim: Simulator, account: Account) -> dict[str, Any]:
    preference = sim.store.preferences[order.preference_id]
    link = preference_body(preference, account=account, public_url=sim.settings.public_url, clock=sim.clock)
    payments = sim.store.payments_of_preference(order.preference_id)
    paid_centavos = sum(payment.amount_centavos for payment in payments if payment.status == "approved")
    refunded_centavos = sum(payment.refunded_centavos for payment in payments)
    is_paid = paid_centavos >= preference.total_centavos
    return {
        "id": order.order_id,
        "status": "closed" if is_paid else "expired" if link["preference_expired"] else "opened",
        "order_status": _order_status(payments, is_paid=is_paid, refunded_centavos=refunded_centavos),
        "external_reference": link["external_reference"],
        "preference_id": order.preference_id,
        "application_id": link["client_id"],
        "marketplace": link["marketplace"],
        "notification_url": link["notification_url"],
        "additional_info": link["additional_info"],
        "site_id": link["site_id"],
        "cancelled": False,
        "is_test": False,
        "date_created": api_instant(order.created_ms),
        "last_updated": api_instant(max((payment.updated_ms for payment in payments), default=order.created_ms)),
        "total_amount": reais(preference.total_centavos),
        "paid_amount": reais(paid_centavos),
        "refunded_amount": reais(refunded_centavos),
        "shipping_cost": 0,
        "payer": {"id": 1999999999, "nickname": "", "email": ""},
        "collector": {"id": account.collector_id, "nickname": account.nickname, "email": ""},
        "items": link["items"],
        "shipments": [],
        "payments": [_attempt(payment) for payment in payments],
    }


def _order_status(payments: list[Payment], *, is_paid: bool, refunded_centavos: int) -> str:
    statuses = {payment.status for payment in payments}
    if is_paid:
        return "partially_refunded" if refunded_centavos else "paid"
    for status, order_status in (
        ("approved", "partially_paid"),
        ("charged_back", "reverted"),
        ("refunded", "reverted"),
        ("in_process", "payment_in_process"),
        ("pending", "payment_in_process"),
    ):
        if status in statuses:
            return order_status
    return "payment_required"


def _attempt(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.payment_id,
        "transaction_amount": reais(payment.amount_centavos),
        "total_paid_amount": reais(payment.amount_centavos if payment.approved_ms else 0),
        "shipping_cost": 0,
        "currency_id": payment.currency_id,
        "status": payment.status,
        "status_detail": payment.status_detail,
        "operation_type": "regular_payment",
        "date_approved": api_instant(payment.approved_ms),
        "date_created": api_instant(payment.created_ms),
        "last_modified": api_instant(payment.updated_ms),
        "amount_refunded": reais(payment.refunded_centavos),
    }
