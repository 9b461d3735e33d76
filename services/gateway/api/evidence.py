"""Shows the evidence of a payment to an administrator of its merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.use_cases.read_evidence import read_evidence
from services.gateway import access
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import cause_of
from services.gateway.http.responses import json_response

if TYPE_CHECKING:
    from aiohttp import web


async def show_evidence(request: web.Request) -> web.Response:
    """`GET /payments/api/{payment_id}/evidence/{digest}/`: show the original bytes of one piece of evidence."""
    payment_id, history = await access.find_history(request)
    hub, digest = gateway_of(request).hub, request.match_info["digest"]
    return json_response(await read_evidence(hub, payment_id, history, digest, cause=cause_of(request)))
