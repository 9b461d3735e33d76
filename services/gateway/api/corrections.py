"""Closing a payment that was not paid, and giving money back for one that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import uuid5

from contracts.api import PaymentCancelled, Refunded
from extrato.domain.errors import Refused
from extrato.domain.money import parse_reais, to_reais
from extrato.domain.payment.identifiers import stream_id
from extrato.errors import ProviderRefused, Transient
from extrato.use_cases.cancel_payment import cancel_payment
from extrato.use_cases.hub import load_payment
from extrato.use_cases.refund_payment import refund_payment
from services.gateway import lookup
from services.gateway.api.views import label
from services.gateway.http import fields
from services.gateway.http.answers import json_answer
from services.gateway.http.context import cause_of, gateway_of
from services.gateway.http.door import json_object, read_body
from services.gateway.http.sentences import Bilingual

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.hub import LoadedPayment

MESSAGES: Final = {
    "made": "Estorno realizado",
    "requested": "Estorno solicitado; será concluído em instantes",
}


async def cancel(request: web.Request) -> web.Response:
    """`POST /payments/api/{payment_id}/cancel/`: close it; 202 while the provider has not said yes."""
    gateway = gateway_of(request)
    loaded = await lookup.find_payment(request)
    cause = cause_of(request, actor="api_key")
    try:
        loaded = await cancel_payment(gateway.hub, loaded.payment_id, cause=cause)
    except Transient:
        loaded = await load_payment(gateway.hub, loaded.payment_id)
        if loaded.payment.cancellation == "none":
            raise
        if loaded.payment.cancellation == "requested":
            return json_answer(_cancelled(loaded, "Cancelamento solicitado; será concluído em instantes"), status=202)
    return json_answer(_cancelled(loaded, "Pagamento cancelado"))


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
    """`POST /payments/api/{payment_id}/refund/`: give back `amount`, or all that is left; 202 until it is done.

    With an Idempotency-Key, asking again gives the money back once. Without a body, or with an empty one, it is all.
    """
    gateway = gateway_of(request)
    loaded = await lookup.find_payment(request)
    body = (await json_object(request))[0] if request.body_exists and await read_body(request) else {}
    unknown = set(body) - {"amount", "mp_payment_id"}
    if unknown:
        # An amount that is misspelt, or null, must not become a refund of everything.
        raise Refused("unknown_field", f"Campo desconhecido: '{min(unknown)[:40]}'", min(unknown))
    wanted = parse_reais(body["amount"]) if "amount" in body else None
    attempt_id = fields.required_text(body, "mp_payment_id", maximum=64) if "mp_payment_id" in body else None
    refund_id = _refund_id(request, loaded.payment_id)
    cause = cause_of(request, actor="api_key")
    try:
        done = await refund_payment(
            gateway.hub,
            loaded.payment_id,
            refund_id=refund_id,
            amount_centavos=wanted,
            attempt_id=attempt_id,
            cause=cause,
        )
    except Transient:
        # Whatever is in the way: who is told to come again must not have been heard already.
        loaded = await load_payment(gateway.hub, loaded.payment_id)
        wished = loaded.payment.refunds.get(refund_id)
        if wished is None or wished.state == "refused":
            raise
        return json_answer(_refunded(loaded, refund_id), status=202 if wished.state == "requested" else 200)
    except ProviderRefused as error:
        # Its own sentence stands in the events, as the refund's `RefundRefused`.
        raise Bilingual(error.code, error.message, "O Mercado Pago recusou o estorno", refund_id) from error
    return json_answer(_refunded(done.loaded, refund_id))


def _refund_id(request: web.Request, payment_id: int) -> str:
    """Name the refund after the caller's Idempotency-Key, if there is one."""
    key = fields.idempotency_key(request.headers, route="refund", body=b"")
    if key is None:
        return str(gateway_of(request).hub.new_uuid())
    return str(uuid5(stream_id(payment_id), key.key))


def _refunded(loaded: LoadedPayment, refund_id: str) -> Refunded:
    payment = loaded.payment
    done = payment.refunds[refund_id]
    return Refunded(
        success=True,
        payment_id=loaded.payment_id,
        refund_id=refund_id,
        refund_status=done.state,
        mp_payment_id=done.attempt_id,
        amount=to_reais(done.amount_centavos),
        refunded_amount=to_reais(payment.refunded_centavos(done.attempt_id)),
        pending_amount=to_reais(payment.requested_centavos(done.attempt_id)),
        remaining_amount=to_reais(payment.refundable_centavos(done.attempt_id)),
        status=payment.status,
        status_detail=payment.status_detail,
        status_label=label(payment.status),
        message=MESSAGES[done.state],
    )
