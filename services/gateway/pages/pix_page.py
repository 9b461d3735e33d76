"""The page of a Pix: the code to scan or paste, then the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.domain.errors import Refused
from extrato.domain.payment.state import Charged
from services.gateway import access
from services.gateway.api.pix import PICTURE_PREFIX
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import caller_of
from services.gateway.pages.layout import not_found
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.page_context import context_of, deadline, payment_page
from services.gateway.pages.payer_state import MAY_PAY
from services.gateway.pages.refresh import refresh_before_render
from services.gateway.pages.texts import PIX
from services.gateway.payer_links import token_for

if TYPE_CHECKING:
    from aiohttp import web

    from services.gateway.pages.page_context import PageContext

CODE_ID: Final = "pix-code"


async def show_pix(request: web.Request) -> web.Response:
    """`GET /payments/pix/{payment_id}`: the code while it can be paid, then the result."""
    try:
        loaded = await access.find_payment(request)
    except Refused:
        return not_found()
    if loaded.payment.intent.method != "pix":
        return not_found()
    token = token_for(gateway_of(request), caller_of(request), loaded)
    context = await context_of(request, await refresh_before_render(request, loaded), token=token)
    text = PIX[context.payer_state]
    payload = _payload(context)
    if payload is not None:
        return payment_page(context, text, *deadline(context), _code(context, payload))
    return payment_page(context, text, status=410 if context.payer_state in {"expired", "cancelled"} else 200)


def _payload(context: PageContext) -> str | None:
    """Return the code while it can be paid."""
    payment = context.loaded.payment
    if context.payer_state in MAY_PAY and isinstance(payment, Charged):
        return payment.charge.pix_payload
    return None


def _code(context: PageContext, payload: str) -> Html:
    picture = f"/payments/pix/qr_code/{PICTURE_PREFIX}{context.loaded.payment.intent.bank_payment_id}.svg"
    return tag(
        "section",
        tag("img", src=picture, alt="QR Code do Pix. O mesmo código está em texto abaixo.", class_="code"),
        tag("button", "Copiar código Pix", type="button", class_="button with-script", data_copies=CODE_ID),
        tag("label", "Pix copia e cola", for_=CODE_ID),
        tag("textarea", payload, id=CODE_ID, readonly=True, rows="3", spellcheck="false"),
        aria_label="Código Pix",
    )
