"""Corrections: cancel a payment, refund it, accept a wrong amount, resolve an alert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from contracts.api import (
    AlertClosed,
    AlertReason,
    MoneyTaken,
    PaymentCancelled,
    Refunded,
    RefundOfAttempt,
    RefundRequest,
)
from extrato.domain.errors import Refused
from extrato.domain.money import to_reais
from extrato.domain.payment.commands import AcceptMoney, ResolveAlert
from extrato.use_cases.cancel_payment import request_cancellation
from extrato.use_cases.payments import change_payment
from extrato.use_cases.refund_payment import RefundWish, refunds_of, request_refund, wish_id_of
from services.gateway import access
from services.gateway.api.response_bodies import attempts_of, label
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import cause_of
from services.gateway.http.responses import json_response
from services.gateway.request_body import read_body, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from extrato.domain.payment.ledger import Refund
    from extrato.use_cases.payments import LoadedPayment

MESSAGES: Final = {
    "made": "Estorno realizado",
    "requested": "Estorno solicitado; o Mercado Pago ainda vai concluí-lo",
    "partly": "Estorno realizado em parte; o Mercado Pago recusou o restante",
}


async def cancel(request: web.Request) -> web.Response:
    """`POST /payments/api/{payment_id}/cancel/`: cancel a payment; 202 until the provider confirms."""
    gateway = gateway_of(request)
    loaded = await access.find_payment(request)
    cause = cause_of(request, actor="api_key")
    loaded = await request_cancellation(gateway.hub, loaded.payment_id, cause=cause)
    if loaded.payment.cancellation == "requested":
        return json_response(_cancelled(loaded, "Cancelamento solicitado; será concluído em instantes"), status=202)
    return json_response(_cancelled(loaded, "Pagamento cancelado"))


def _cancelled(loaded: LoadedPayment, message: str) -> PaymentCancelled:
    payment = loaded.payment
    return PaymentCancelled(
        success=True,
        payment_id=loaded.payment_id,
        status=payment.status,
        status_detail=payment.status_detail,
        status_label=label(payment.status),
        message=message,
    )


async def refund(request: web.Request) -> web.Response:
    """`POST /payments/api/{payment_id}/refund/`: refund `amount` of one attempt, or `all`; 202 until it is done.

    With an Idempotency-Key, a repeated request refunds once. 502 when the provider refuses all of it.
    """
    gateway = gateway_of(request)
    loaded = await access.find_payment(request)
    has_body = request.body_exists and await read_body(request)
    body = (await read_json(request, RefundRequest))[0] if has_body else RefundRequest()
    key = fields.idempotency_key(request.headers, route="refund", body=b"")
    wish = _wish(body, wish_id=wish_id_of(gateway.hub, loaded.payment_id, key))
    cause = cause_of(request, actor="api_key")
    loaded = (await request_refund(gateway.hub, loaded.payment_id, wish, cause=cause)).loaded
    refunds = refunds_of(loaded, wish.wish_id)
    return json_response(
        _refunded(loaded, wish.wish_id, refunds), status=202 if any(each.is_open for each in refunds.values()) else 200
    )


def _wish(body: RefundRequest, *, wish_id: str) -> RefundWish:
    """Read what to refund; an absent amount never means everything."""
    is_all = body.all is True
    if is_all and body.amount is not UNSET:
        raise Refused("amount_or_all", "all", why="both")
    if not is_all and body.amount is UNSET:
        raise Refused("amount_or_all", "amount")
    return RefundWish(
        wish_id=wish_id,
        amount_centavos=body.amount or None,
        attempt_id=body.mp_payment_id or None,
        reason=body.reason,
    )


def _refunded(loaded: LoadedPayment, wish_id: str, refunds: Mapping[str, Refund]) -> Refunded:
    payment, ledger = loaded.payment, loaded.payment.ledger
    attempts = sorted({each.attempt_id for each in refunds.values()})
    states = {each.state for each in refunds.values()}
    state = "requested" if any(each.is_open for each in refunds.values()) else "made"
    total = ledger.total
    return Refunded(
        success=True,
        payment_id=loaded.payment_id,
        refund_id=wish_id,
        refund_status=state,
        refunds=[
            RefundOfAttempt(
                refund_id=name,
                refund_status=each.state,
                mp_payment_id=each.attempt_id,
                amount=to_reais(each.amount_centavos),
                currency=ledger.attempts[each.attempt_id].currency,
            )
            for name, each in refunds.items()
        ],
        mp_payment_id=attempts[0] if len(attempts) == 1 else None,
        amount=to_reais(sum(each.amount_centavos for each in refunds.values() if each.state != "refused")),
        refunded_amount=to_reais(total.refunded),
        pending_amount=to_reais(sum(map(ledger.requested_centavos, attempts))),
        remaining_amount=to_reais(sum(map(ledger.refundable_centavos, attempts))),
        held_amount=to_reais(total.held),
        disputed_amount=to_reais(total.disputed),
        attempts=attempts_of(ledger),
        status=payment.status,
        status_detail=payment.status_detail,
        status_label=label(payment.status),
        message=MESSAGES["partly" if states == {"made", "refused"} else state],
    )


async def accept(request: web.Request) -> web.Response:
    """`POST /payments/api/{payment_id}/accept/`: accept late or missing money; a repeated request has no effect."""
    loaded = await access.find_payment(request)
    decided = await change_payment(
        gateway_of(request).hub, loaded.payment_id, [AcceptMoney()], cause=cause_of(request, actor="api_key")
    )
    payment = decided.after.payment
    body = MoneyTaken(
        success=True,
        payment_id=loaded.payment_id,
        status=payment.status,
        status_detail=payment.status_detail,
        status_label=label(payment.status),
        held_amount=to_reais(payment.ledger.total.held),
        alerts=list(payment.alerts),
        message="Valor recebido aceito como pagamento",
    )
    return json_response(body)


async def resolve_alert(request: web.Request) -> web.Response:
    """`POST /payments/api/{payment_id}/alerts/{alert}/resolve/`: resolve an alert, with a reason."""
    loaded = await access.find_payment(request)
    alert = fields.alert(request.match_info["alert"])
    body, _ = await read_json(request, AlertReason)
    decided = await change_payment(
        gateway_of(request).hub,
        loaded.payment_id,
        [ResolveAlert(alert=alert, reason=body.reason)],
        cause=cause_of(request, actor="api_key"),
    )
    closed = AlertClosed(
        success=True,
        payment_id=loaded.payment_id,
        alert=alert,
        alerts=list(decided.after.payment.alerts),
        message="Alerta resolvido",
    )
    return json_response(closed)
