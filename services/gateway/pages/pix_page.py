"""The page of a Pix: the code to scan or paste, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extrato.domain.errors import Refused
from extrato.domain.payment.state import Charged
from services.gateway import access
from services.gateway.api.pix import PICTURE_PREFIX
from services.gateway.gateway import gateway_of
from services.gateway.http.caller import caller_of
from services.gateway.pages.asking import ask_about
from services.gateway.pages.layout import not_found
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.standing import MAY_PAY
from services.gateway.pages.view import deadline, payment_page, view_of
from services.gateway.pages.words import PIX
from services.gateway.payer_links import token_for

if TYPE_CHECKING:
    from aiohttp import web

    from services.gateway.pages.view import View

CODE_ID: Final = "pix-code"


async def show_pix(request: web.Request) -> web.Response:
    """`GET /payments/pix/{payment_id}`: the code as long as it may be paid; then that it is paid, or over."""
    try:
        loaded = await access.find_payment(request)
    except Refused:
        return not_found()
    if loaded.payment.intent.method != "pix":
        return not_found()
    token = token_for(gateway_of(request), caller_of(request), loaded)
    view = await view_of(request, await ask_about(request, loaded), token=token)
    words = PIX[view.standing]
    payload = _payload(view)
    if payload is not None:
        return payment_page(view, words, *deadline(view), _code(view, payload))
    return payment_page(view, words, status=410 if view.standing in {"expired", "cancelled"} else 200)


def _payload(view: View) -> str | None:
    """Give the code while it may be paid."""
    payment = view.loaded.payment
    if view.standing in MAY_PAY and isinstance(payment, Charged):
        return payment.charge.pix_payload
    return None


def _code(view: View, payload: str) -> Html:
    picture = f"/payments/pix/qr_code/{PICTURE_PREFIX}{view.loaded.payment.intent.bank_payment_id}.svg"
    return tag(
        "section",
        tag("img", src=picture, alt="QR Code do Pix. O mesmo código está em texto abaixo.", class_="code"),
        tag("button", "Copiar código Pix", type="button", class_="button with-script", data_copies=CODE_ID),
        tag("label", "Pix copia e cola", for_=CODE_ID),
        tag("textarea", payload, id=CODE_ID, readonly=True, rows="3", spellcheck="false"),
        aria_label="Código Pix",
    )
