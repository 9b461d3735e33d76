"""Where a payer comes back to from a provider's checkout. What the address says is never believed."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from extrato.domain import payment as domain
from extrato.domain.errors import Refused
from extrato.errors import NotFound
from extrato.use_cases.hub import load_payment
from services.gateway.http import fields
from services.gateway.http.context import gateway_of
from services.gateway.pages.asking import ask_on_return
from services.gateway.pages.layout import not_found
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.view import payment_page, view_of
from services.gateway.pages.words import RETURN

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.hub import LoadedPayment
    from services.gateway.pages.view import View


async def come_back(request: web.Request) -> web.Response:
    """`GET /payments/mp/return/`: the provider is asked, and the page shows what the hub then knows."""
    loaded = await _find(request)
    if loaded is None:
        return not_found()
    view = await view_of(request, await ask_on_return(request, loaded))
    return payment_page(view, RETURN[view.standing], *_another_try(view))


async def _find(request: web.Request) -> LoadedPayment | None:
    """Find the payment by the whole reference that the provider was told, or by its number and a payer's token."""
    hub, tokens = gateway_of(request).hub, gateway_of(request).tokens
    reference = request.query.get("external_reference", "")
    number = domain.payment_id_in_reference(reference)
    try:
        if number is not None:
            loaded = await load_payment(hub, number)
            known = loaded.payment.intent.external_reference
            return loaded if hmac.compare_digest(known.encode(), reference.encode()) else None
        number = fields.payment_id(request.query.get("payment_id", ""))
        return await load_payment(hub, number) if tokens.opens(request.query.get("t", ""), number) else None
    except (NotFound, Refused):
        return None


def _another_try(view: View) -> tuple[Html, ...]:
    """Offer the way to the checkout where it makes sense, more or less loudly."""
    match view.standing:
        case "open":
            words, look = "Pagar agora", "button"
        case "refused":
            words, look = "Tentar de novo", "button"
        case "waiting" if view.loaded.payment.status == "pending":
            words, look = "Voltar ao pagamento", "button quiet"
        case _:
            return ()
    return (tag("p", tag("a", words, href=view.checkout_address, class_=look), class_="actions"),)
