"""`/v1/payments`: reads, verifies and cancels payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from contracts.v1 import MerchantQuery, NoFields
from extrato.use_cases.cancel_payment import request_cancellation
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.http.etags import note_covered
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response, replayed
from services.gateway.request_body import read_query, read_request
from services.gateway.v1.merchant_of import payment_of
from services.gateway.v1.repetitions import is_repeated
from services.gateway.v1.shown_payment import shown_payment

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.payments import LoadedPayment


async def read_payment(request: web.Request) -> web.Response:
    """`GET /v1/payments/{payment_id}`: read a payment from its stream; asks no provider."""
    query = read_query(request, MerchantQuery)
    loaded = await payment_of(request, query.merchant)
    note_position(request, loaded.position)
    payment = await shown_payment(gateway_of(request), loaded)
    note_covered(request, replace(payment, verified_at=None, next_check_at=None))
    return json_response(payment)


async def verify(request: web.Request) -> web.Response:
    """`POST /v1/payments/{payment_id}/verify`: ask the provider; raises its error if it does not answer."""
    query, _, _ = await read_request(request, MerchantQuery, NoFields, may_lack_body=True)
    loaded = await payment_of(request, query.merchant)
    repeated = await is_repeated(request, loaded, what="verify")
    checked = await gateway_of(request).provider_checks.check(loaded, cause=cause_of(request))
    if checked.failure is not None:
        raise checked.failure
    return await _shown(request, checked.loaded, is_repeated=repeated)


async def cancel(request: web.Request) -> web.Response:
    """`POST /v1/payments/{payment_id}/cancel`: cancel a payment; 202 until the provider confirms."""
    query, _, _ = await read_request(request, MerchantQuery, NoFields, may_lack_body=True)
    loaded = await payment_of(request, query.merchant)
    repeated = await is_repeated(request, loaded, what="cancel")
    loaded = await request_cancellation(gateway_of(request).hub, loaded.payment_id, cause=cause_of(request))
    status = 202 if loaded.payment.cancellation == "requested" else 200
    return await _shown(request, loaded, is_repeated=repeated, status=status)


async def _shown(request: web.Request, loaded: LoadedPayment, *, is_repeated: bool, status: int = 200) -> web.Response:
    note_position(request, loaded.position)
    body = await shown_payment(gateway_of(request), loaded)
    return json_response(body, status=status, headers=replayed(is_repeated=is_repeated))
