"""The payer's way to a provider's checkout: a paid or expired link does not open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from extrato.domain.errors import Refused
from extrato.domain.payment.state import Charged
from services.gateway import access
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import caller_of
from services.gateway.pages.layout import HEADERS, not_found
from services.gateway.pages.page_context import context_of, payment_page
from services.gateway.pages.payer_state import MAY_PAY
from services.gateway.pages.refresh import refresh_before_render
from services.gateway.pages.texts import LINK
from services.gateway.payer_links import token_for

if TYPE_CHECKING:
    from services.gateway.pages.page_context import PageContext


async def go_to_checkout(request: web.Request) -> web.Response:
    """`GET /payments/mp/pay/{payment_id}/`: redirect to the provider's checkout, if the payment can be paid."""
    try:
        loaded = await access.find_payment(request)
    except Refused:
        return not_found()
    if loaded.payment.intent.method != "checkout":
        return not_found()
    token = token_for(gateway_of(request), caller_of(request), loaded)
    context = await context_of(request, await refresh_before_render(request, loaded), token=token)
    address = _checkout_url(context)
    if address is not None:
        return web.Response(status=302, headers={**HEADERS, "Location": address})
    return payment_page(
        context, LINK[context.payer_state], status=410 if context.payer_state in {"expired", "cancelled"} else 200
    )


def _checkout_url(context: PageContext) -> str | None:
    """Return the URL of the checkout while the payment can be paid."""
    payment = context.loaded.payment
    if context.payer_state in MAY_PAY and isinstance(payment, Charged):
        return payment.charge.checkout_url
    return None
