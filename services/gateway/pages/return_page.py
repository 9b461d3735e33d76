"""The page to which a payer returns from a provider's checkout. It does not trust the status in its own address."""

from __future__ import annotations

import contextlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from extrato.domain.errors import Refused
from extrato.domain.payment.identifiers import payment_id_in_reference
from extrato.errors import NotFound
from extrato.use_cases.payments import load_payment
from services.gateway import access
from services.gateway.authentication import Credentials, authenticate, bearer_of
from services.gateway.gateway import client_address, gateway_of
from services.gateway.http import fields
from services.gateway.http.values import single
from services.gateway.pages.layout import HEADERS, not_found
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.page_context import context_of, payment_page
from services.gateway.pages.payer_state import payer_state_on_return
from services.gateway.pages.refresh import refresh_on_return
from services.gateway.pages.texts import RETURN
from services.gateway.payer_links import token_for

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.pages.page_context import PageContext


TOKEN_LASTS: Final = timedelta(hours=1)


async def come_back(request: web.Request) -> web.Response:
    """`GET /payments/mp/return/`: ask the provider, and send the payer to the merchant's page, or show the payment."""
    found = await _find(request)
    if found is None:
        return not_found()
    loaded, token = found
    refreshed = await refresh_on_return(request, loaded)
    context = await context_of(request, refreshed, token=token)
    if context.way_back is not None:
        return web.Response(status=303, headers={**HEADERS, "Location": context.way_back})
    context = replace(
        context, payer_state=payer_state_on_return(context.payer_state, is_answered=refreshed.is_answered)
    )
    return payment_page(context, RETURN[context.payer_state], *_another_try(context))


async def _find(request: web.Request) -> tuple[LoadedPayment, str] | None:
    """Find the payment by the full reference that the provider has, or by its number as on any page.

    Returns also the token for the links of the page. The provider's panel, the merchant's books and the payer's browser
    keep references, so that the token for a reference expires after `TOKEN_LASTS`.
    """
    try:
        return await _by_reference(request) or await _by_number(request)
    except (NotFound, Refused):
        return None


async def _by_reference(request: web.Request) -> tuple[LoadedPayment, str] | None:
    """Find the payment of a reference; None for a text that is not a reference, such as `null`."""
    reference = single(request.query, "external_reference") or ""
    number = payment_id_in_reference(reference)
    if number is None:
        return None
    gateway, address = gateway_of(request), client_address(request)
    # A reference opens a payment, so that wrong ones count as failed attempts. A client over its budget must not learn
    # from a different answer that its guess was right.
    gateway.rate_limiter.admit_attempt(address, reference)
    with contextlib.suppress(NotFound):
        loaded = await load_payment(gateway.hub, number)
        if hmac.compare_digest(loaded.payment.intent.external_reference.encode(), reference.encode()):
            gateway.rate_limiter.record_success(reference)
            return loaded, gateway.tokens.make_until(loaded, gateway.hub.now() + TOKEN_LASTS)
    gateway.rate_limiter.record_failure(address)
    raise fields.not_found(number)


async def _by_number(request: web.Request) -> tuple[LoadedPayment, str]:
    """Find the payment of that number; the caller needs the same credentials as for the payment's own page."""
    number = fields.payment_id(single(request.query, "payment_id") or "")
    credentials = Credentials(
        api_key=bearer_of(request), payment_id=str(number), token=single(request.query, "t") or ""
    )
    gateway, caller = gateway_of(request), await authenticate(request, credentials, "payments:read")
    loaded = await access.payment_for(gateway, caller, number)
    return loaded, token_for(gateway, caller, loaded)


def _another_try(context: PageContext) -> tuple[Html, ...]:
    """Return a link to the checkout where the payer may pay; it is a plain button after a refusal."""
    match context.payer_state:
        case "open":
            text, look = "Pagar agora", "button quiet"
        case "refused":
            text, look = "Tentar de novo", "button"
        case "waiting":
            text, look = "Ver o Pix ou o boleto de novo", "button quiet"
        case _:
            return ()
    return (tag("p", tag("a", text, href=context.checkout_address, class_=look), class_="actions"),)
