"""`/v1/payments/{payment_id}/refunds`: makes and reads refunds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from contracts.v1 import ListQuery, MerchantQuery, Refund, RefundCreation, RefundList, RefundRequested
from extrato.domain.errors import Refused
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refund_payment import RefundWish, refunds_of, request_refund, wish_id_of
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.bodies import Fault, invalid_body
from services.gateway.http.caller import cause_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response, replayed
from services.gateway.request_body import read_query, read_request
from services.gateway.v1.merchant_of import payment_of
from services.gateway.v1.pages_of import page_of
from services.gateway.v1.times import utc_or_none

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import LoadedPayment


async def create_refund(request: web.Request) -> web.Response:
    """`POST …/refunds`: refund an amount of one attempt, or everything; 202 until the provider made it.

    502 when the provider refuses all of it.
    """
    query, body, _ = await read_request(request, MerchantQuery, RefundCreation)
    loaded = await payment_of(request, query.merchant)
    hub, key = gateway_of(request).hub, fields.idempotency_key(request.headers, route="v1 refund", body=b"")
    wish = _wish(body, wish_id=wish_id_of(hub, loaded.payment_id, key))
    try:
        refunded = await request_refund(hub, loaded.payment_id, wish, cause=cause_of(request))
    except Refused as error:
        fault = await _fault_of_attempt(hub, loaded.payment_id, wish, error)
        if fault is None:
            raise
        raise invalid_body((Fault("/attempt_id", fault),)) from None
    loaded, refunds = refunded.loaded, refunds_of(refunded.loaded, wish.wish_id)
    note_position(request, loaded.position)
    shown = RefundRequested(
        object="refund_request",
        id=wish.wish_id,
        payment_id=str(loaded.payment_id),
        refunds=[_shown(loaded, refund_id) for refund_id in refunds],
    )
    status = 202 if any(each.is_open for each in refunds.values()) else 201
    return json_response(shown, status=status, headers=replayed(is_repeated=refunded.is_repeated))


def _wish(body: RefundCreation, *, wish_id: str) -> RefundWish:
    """Read what to refund; an absent amount never means everything."""
    is_all = body.all is True
    if is_all != (body.amount_centavos is UNSET):
        error = Refused("amount_or_all", "all", why="centavos")
        raise invalid_body((Fault("/all" if is_all else "/amount_centavos", error),))
    return RefundWish(
        wish_id=wish_id,
        amount_centavos=body.amount_centavos or None,
        attempt_id=body.attempt_id or None,
        reason=body.reason,
    )


async def _fault_of_attempt(hub: Hub, payment_id: int, wish: RefundWish, error: Refused) -> Refused | None:
    """Return the fault of `attempt_id` that made the rules refuse a refund, if it did; they name no field of `/v1`."""
    if error.code == "choose_attempt":
        return Refused("choose_attempt", "attempt_id", listed=error.facts["listed"])
    if error.code != "payment_not_paid" or wish.attempt_id is None:
        return None
    # The refund may have asked the provider, and found the attempt.
    attempts = (await load_payment(hub, payment_id)).payment.attempts
    return None if wish.attempt_id in attempts else Refused("unknown_attempt", "attempt_id")


async def list_refunds(request: web.Request) -> web.Response:
    """`GET …/refunds`: list the refunds of a payment, the oldest first."""
    query = read_query(request, ListQuery)
    loaded = await payment_of(request, query.merchant)
    name = f"refunds of {loaded.payment_id}"
    page, following = page_of(
        gateway_of(request), list(loaded.payment.refunds), query, name=name, merchant=loaded.merchant
    )
    note_position(request, loaded.position)
    data = [_shown(loaded, refund_id) for refund_id in page]
    return json_response(RefundList(object="list", data=data, has_more=following is not None, next=following))


async def read_refund(request: web.Request) -> web.Response:
    """`GET …/refunds/{refund_id}`: read one refund."""
    query = read_query(request, MerchantQuery)
    loaded = await payment_of(request, query.merchant)
    refund_id = request.match_info["refund_id"]
    if refund_id not in loaded.payment.refunds:
        raise Refused("refund_not_found")
    note_position(request, loaded.position)
    return json_response(_shown(loaded, refund_id))


def _shown(loaded: LoadedPayment, refund_id: str) -> Refund:
    refund = loaded.payment.refunds[refund_id]
    return Refund(
        object="refund",
        id=refund_id,
        payment_id=str(loaded.payment_id),
        request_id=refund.wish_id,
        attempt_id=refund.attempt_id,
        status=refund.state,
        amount_centavos=refund.amount_centavos,
        currency=loaded.payment.attempts[refund.attempt_id].currency,
        reason=refund.reason,
        provider_refund_id=refund.provider_refund_id,
        requested_at=utc_or_none(refund.requested_at),
        made_at=utc_or_none(refund.made_at),
    )
