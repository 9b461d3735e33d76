"""`/v1/payments`: reads payments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.v1 import MerchantQuery
from services.gateway.gateway import gateway_of
from services.gateway.http.positions import note_position
from services.gateway.http.responses import json_response
from services.gateway.request_body import read_query
from services.gateway.v1.merchant_of import payment_of
from services.gateway.v1.shown_payment import shown_payment

if TYPE_CHECKING:
    from aiohttp import web


async def read_payment(request: web.Request) -> web.Response:
    """`GET /v1/payments/{payment_id}`: read a payment from its stream; asks no provider."""
    query = read_query(request, MerchantQuery)
    loaded = await payment_of(request, query.merchant)
    note_position(request, loaded.position)
    return json_response(await shown_payment(gateway_of(request), loaded))
