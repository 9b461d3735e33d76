"""Pages that a payer meets, in Portuguese: the safe way to the checkout, the way back, and a Pix charge."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from contracts.events import ChargeCreated
from extrato.domain import payment as domain
from extrato.domain.errors import Refused
from extrato.domain.money import format_brl
from extrato.errors import ExtratoError, NotFound
from extrato.use_cases.hub import load_payment
from extrato.use_cases.refresh_payment import refresh_payment
from services.gateway import lookup
from services.gateway.api.pix import PICTURE_PREFIX
from services.gateway.api.views import label
from services.gateway.http.context import cause_of, gateway_of
from services.gateway.pages.layout import HEADERS, not_found, page

if TYPE_CHECKING:
    from extrato.use_cases.hub import LoadedPayment


async def go_to_checkout(request: web.Request) -> web.StreamResponse:
    """`GET /payments/mp/pay/{payment_id}/`: to the provider's checkout, unless it is paid or over."""
    loaded = await _find(request)
    if loaded is None:
        return not_found()
    payment = loaded.payment
    if payment.is_settled:
        return page("Pagamento já realizado", _summary(loaded))
    if not payment.may_still_be_paid or not isinstance(payment.charge, ChargeCreated):
        return page("Link expirado", f"<p>Peça um novo link à loja.</p>{_summary(loaded)}", status=410)
    if not payment.charge.checkout_url:
        return not_found()
    return web.Response(status=302, headers={**HEADERS, "Location": payment.charge.checkout_url})


async def come_back(request: web.Request) -> web.Response:
    """`GET /payments/mp/return/`: the provider is asked; what the address says is never believed."""
    reference = request.query.get("external_reference", "")
    number = domain.payment_id_in_reference(reference)
    if number is None:
        return not_found()
    gateway = gateway_of(request)
    try:
        loaded = await load_payment(gateway.hub, number)
        if loaded.payment.intent.external_reference != reference:
            return not_found()
        cause = cause_of(request, actor="return_page")
        loaded = (await refresh_payment(gateway.hub, number, cause=cause)).after
    except NotFound:
        return not_found()
    except ExtratoError:
        # The provider does not answer: what is known is shown, and the monitor goes on asking.
        loaded = await load_payment(gateway.hub, number)
    titles = {"approved": "Pagamento aprovado", "rejected": "Pagamento não aprovado"}
    title = titles.get(loaded.payment.status, f"Pagamento: {label(loaded.payment.status)}")
    return page(title, _summary(loaded))


async def show_pix(request: web.Request) -> web.Response:
    """`GET /payments/pix/{payment_id}`: the code to scan or paste, or that it is paid or over."""
    loaded = await _find(request)
    if loaded is None or loaded.payment.intent.provider != "pix":
        return not_found()
    payment = loaded.payment
    if payment.is_settled:
        return page("Pagamento confirmado", _summary(loaded))
    if not payment.may_still_be_paid or not isinstance(payment.charge, ChargeCreated):
        return page("Cobrança expirada", _summary(loaded), status=410)
    picture = f"/payments/pix/qr_code/{PICTURE_PREFIX}{payment.intent.bank_payment_id}.png"
    content = (
        f'{_summary(loaded)}<p><img src="{escape(picture)}" alt="QR Code do Pix"></p>'
        f"<p>Pix copia e cola:</p><p><code>{escape(payment.charge.pix_payload or '')}</code></p>"
    )
    return page("Pague com Pix", content)


async def _find(request: web.Request) -> LoadedPayment | None:
    try:
        return await lookup.find_payment(request)
    except Refused:
        return None


def _summary(loaded: LoadedPayment) -> str:
    intent = loaded.payment.intent
    return (
        f"<p>{escape(intent.description)}</p>"
        f"<p><strong>{escape(format_brl(intent.amount_centavos))}</strong></p>"
        f"<p>Pedido nº {loaded.payment_id}</p>"
    )
