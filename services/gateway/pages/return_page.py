"""Where a payer comes back to from a provider's checkout. What the address says is never believed."""

from __future__ import annotations

import contextlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from extrato.domain.errors import Refused
from extrato.domain.payment.identifiers import payment_id_in_reference
from extrato.errors import NotFound
from extrato.use_cases.payments import load_payment
from services.gateway import access
from services.gateway.authentication import Credentials, authenticate, bearer_of
from services.gateway.gateway import client_address, gateway_of
from services.gateway.http import fields
from services.gateway.http.values import single
from services.gateway.pages.asking import ask_on_return
from services.gateway.pages.layout import not_found
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.standing import standing_on_return
from services.gateway.pages.view import payment_page, view_of
from services.gateway.pages.words import RETURN
from services.gateway.payer_links import token_for

if TYPE_CHECKING:
    from aiohttp import web

    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.pages.view import View


TOKEN_LASTS: Final = timedelta(hours=1)


async def come_back(request: web.Request) -> web.Response:
    """`GET /payments/mp/return/`: the provider is asked, and the page shows what the hub then knows."""
    found = await _find(request)
    if found is None:
        return not_found()
    loaded, token = found
    asked = await ask_on_return(request, loaded)
    view = await view_of(request, asked, token=token)
    view = replace(view, standing=standing_on_return(view.standing, is_answered=asked.is_answered))
    return payment_page(view, RETURN[view.standing], *_another_try(view))


async def _find(request: web.Request) -> tuple[LoadedPayment, str] | None:
    """Find the payment by the whole reference that the provider was told, or by its number as on any page.

    Gives the token for its page with it. A reference stands in the provider's panel, in the merchant's books and in
    addresses that a payer's browser remembers: the token that it leads to ends soon.
    """
    try:
        return await _by_reference(request) or await _by_number(request)
    except (NotFound, Refused):
        return None


async def _by_reference(request: web.Request) -> tuple[LoadedPayment, str] | None:
    """Find whose reference it is; one of another form, such as the text `null`, is none of ours."""
    reference = single(request.query, "external_reference") or ""
    number = payment_id_in_reference(reference)
    if number is None:
        return None
    gateway, address = gateway_of(request), client_address(request)
    # It opens a payment as a key opens a merchant's, and is guessed at as seldom: who has guessed too often is not
    # told by the one answer that differs that he was right.
    gateway.rate_limiter.admit_attempt(address, reference)
    with contextlib.suppress(NotFound):
        loaded = await load_payment(gateway.hub, number)
        if hmac.compare_digest(loaded.payment.intent.external_reference.encode(), reference.encode()):
            gateway.rate_limiter.record_success(reference)
            return loaded, gateway.tokens.make_until(loaded, gateway.hub.now() + TOKEN_LASTS)
    gateway.rate_limiter.record_failure(address)
    raise fields.not_found(number)


async def _by_number(request: web.Request) -> tuple[LoadedPayment, str]:
    """Find the payment of that number, for whom the number's own page would open too."""
    number = fields.payment_id(single(request.query, "payment_id") or "")
    credentials = Credentials(
        api_key=bearer_of(request), payment_id=str(number), token=single(request.query, "t") or ""
    )
    gateway, caller = gateway_of(request), await authenticate(request, credentials, "payments:read")
    loaded = await access.payment_for(gateway, caller, number)
    return loaded, token_for(gateway, caller, loaded)


def _another_try(view: View) -> tuple[Html, ...]:
    """Offer the way to the checkout where it makes sense, more or less loudly."""
    match view.standing:
        case "open":
            words, look = "Pagar agora", "button quiet"
        case "refused":
            words, look = "Tentar de novo", "button"
        case "waiting":
            words, look = "Ver o Pix ou o boleto de novo", "button quiet"
        case _:
            return ()
    return (tag("p", tag("a", words, href=view.checkout_address, class_=look), class_="actions"),)
