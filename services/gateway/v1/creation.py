"""`POST /v1/payments`: creates payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.v1 import MerchantQuery, PaymentCreation
from extrato.domain.errors import Refused
from extrato.use_cases.create_payment import create_payment, repeated_creation
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response, replayed
from services.gateway.request_body import read_request
from services.gateway.v1.merchant_of import merchant_of
from services.gateway.v1.new_payment import new_payment
from services.gateway.v1.shown_payment import PlainData, created_payment

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.create_payment import Created


async def create(request: web.Request) -> web.Response:
    """`POST /v1/payments`: create a payment with its charge."""
    gateway = gateway_of(request)
    query, body, raw = await read_request(request, MerchantQuery, PaymentCreation)
    merchant = await merchant_of(request, query.merchant)
    key = fields.idempotency_key(request.headers, route="v1/payments", body=raw)
    cause = cause_of(request, actor="api_key")
    try:
        wanted = new_payment(body, merchant, caller_of(request), now=gateway.hub.now())
    except Refused:
        # A price, an origin or the time may be another one than at the first request, which a repetition gets anyway.
        repeated = await repeated_creation(gateway.hub, merchant, key, cause=cause)
        if repeated is None:
            raise
        return await _answer(request, repeated)
    created = await create_payment(gateway.hub, merchant, wanted, idempotency_key=key, cause=cause)
    sent = None if created.is_repeated else PlainData(wanted.payer.email, wanted.metadata)
    return await _answer(request, created, sent=sent)


async def _answer(request: web.Request, created: Created, *, sent: PlainData | None = None) -> web.Response:
    gateway = gateway_of(request)
    note_position(request, created.loaded.position)
    address = f"{gateway.settings.public_url}/v1/payments/{created.loaded.payment_id}"
    headers = {"Location": address, **replayed(is_repeated=created.is_repeated)}
    return json_response(await created_payment(gateway, created.loaded, sent=sent), status=201, headers=headers)
