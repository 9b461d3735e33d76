"""`POST /v1/payments`: creates payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.v1 import MerchantQuery, PaymentCreation
from extrato.use_cases.create_payment import create_payment
from services.gateway.gateway import gateway_of
from services.gateway.http import fields
from services.gateway.http.caller import caller_of, cause_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response, replayed
from services.gateway.request_body import read_request
from services.gateway.v1.merchant_of import merchant_of
from services.gateway.v1.new_payment import new_payment
from services.gateway.v1.shown_payment import shown_payment

if TYPE_CHECKING:
    from aiohttp import web


async def create(request: web.Request) -> web.Response:
    """`POST /v1/payments`: create a payment with its charge."""
    gateway = gateway_of(request)
    query, body, raw = await read_request(request, MerchantQuery, PaymentCreation)
    merchant = await merchant_of(request, query.merchant)
    wanted = new_payment(body, merchant, caller_of(request), now=gateway.hub.now())
    key = fields.idempotency_key(request.headers, route="v1/payments", body=raw)
    created = await create_payment(
        gateway.hub, merchant, wanted, idempotency_key=key, cause=cause_of(request, actor="api_key")
    )
    note_position(request, created.loaded.position)
    address = f"{gateway.settings.public_url}/v1/payments/{created.loaded.payment_id}"
    headers = {"Location": address, **replayed(is_repeated=created.is_repeated)}
    return json_response(await shown_payment(gateway, created.loaded), status=201, headers=headers)
