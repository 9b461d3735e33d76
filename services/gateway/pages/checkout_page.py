"""The safe way to a provider's checkout: nobody pays twice, or pays a link that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from extrato.domain.errors import Refused
from extrato.domain.payment.state import Charged
from services.gateway import access
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import caller_of
from services.gateway.pages.asking import ask_about
from services.gateway.pages.layout import HEADERS, not_found
from services.gateway.pages.standing import MAY_PAY
from services.gateway.pages.view import payment_page, view_of
from services.gateway.pages.words import LINK
from services.gateway.payer_links import token_for

if TYPE_CHECKING:
    from services.gateway.pages.view import View


async def go_to_checkout(request: web.Request) -> web.Response:
    """`GET /payments/mp/pay/{payment_id}/`: to the provider's checkout, unless it is paid, under review or over."""
    try:
        loaded = await access.find_payment(request)
    except Refused:
        return not_found()
    if loaded.payment.intent.method != "checkout":
        return not_found()
    token = token_for(gateway_of(request), caller_of(request), loaded)
    view = await view_of(request, await ask_about(request, loaded), token=token)
    address = _checkout_url(view)
    if address is not None:
        return web.Response(status=302, headers={**HEADERS, "Location": address})
    return payment_page(view, LINK[view.standing], status=410 if view.standing in {"expired", "cancelled"} else 200)


def _checkout_url(view: View) -> str | None:
    """Give the checkout's address while a payer may go there; `waiting` is a code that was left unpaid."""
    payment = view.loaded.payment
    if view.standing in MAY_PAY and isinstance(payment, Charged):
        return payment.charge.checkout_url
    return None
