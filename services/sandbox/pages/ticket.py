"""The ticket page at `ticket_url`: the code of a Pix or boleto, and buttons that simulate the payer's bank."""

from __future__ import annotations

import hmac
from html import escape
from typing import TYPE_CHECKING

from services.sandbox.bodies.return_address import return_address
from services.sandbox.pages.layout import brl, page
from services.sandbox.state.lifecycle import IllegalMove, move

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.records import Payment

# By button: the new status of the payment, its detail, and the label.
CHOICES = {
    "pay": ("approved", None, "Pagar agora"),
    "cancel": ("cancelled", "by_payer", "Desistir deste pagamento"),
}
_TITLES = {
    "pending": "Pagamento pendente",
    "in_process": "Pagamento em análise",
    "approved": "Pagamento aprovado",
    "cancelled": "Pagamento cancelado",
}


async def show(sim: Simulator, request: web.Request) -> web.Response:
    """Answer the page with the code to pay, or with the payment's status."""
    payment = _find(sim, request)
    return _unknown() if payment is None else await _page(sim, payment)


async def decide(sim: Simulator, request: web.Request) -> web.Response:
    """Pay or cancel, as a payer does in a bank's app."""
    payment = _find(sim, request)
    if payment is None:
        return _unknown()
    choice = CHOICES.get(str((await request.post()).get("choice", "")))
    if choice is None:
        return page("Escolha inválida", "<p>Volte e escolha o que fazer.</p>", status=400)
    status, detail, _ = choice
    try:
        payment = move(payment, status, detail=detail, now_ms=sim.clock.now_ms())
    except IllegalMove:
        return await _page(sim, payment, http_status=409)
    sim.record(payment, action="updated")
    return await _page(sim, payment)


async def _page(sim: Simulator, payment: Payment, *, http_status: int = 200) -> web.Response:
    parts = [f"<p>{escape(payment.description or '')} <strong>{brl(payment.amount_centavos)}</strong></p>"]
    if payment.status == "pending":
        if payment.qr_code is not None:
            picture = await sim.pictures.of(payment.qr_code)
            parts += [
                f'<img src="data:image/png;base64,{picture}" alt="Código QR do Pix">',
                '<label for="code">Pix copia e cola</label>',
                f'<textarea id="code" rows="4" readonly>{escape(payment.qr_code)}</textarea>',
            ]
        parts.append('<form method="post">')
        for choice, (_, _, words) in CHOICES.items():
            look = ' class="plain"' if choice == "cancel" else ""
            parts.append(f'<button name="choice" value="{choice}"{look}>{words}</button>')
        parts.append("</form>")
    preference = sim.store.preferences.get(payment.preference_id or "")
    address = None if preference is None else return_address(preference, payment)
    if address is not None:
        parts.append(f'<p><a class="button plain" href="{escape(address)}">Voltar à loja</a></p>')
    return page(_TITLES.get(payment.status, "Pagamento encerrado"), "\n".join(parts), status=http_status)


def _find(sim: Simulator, request: web.Request) -> Payment | None:
    """Find the payment by its id and the unguessable hash in the address."""
    payment = sim.store.payment_named(request.match_info["payment_id"])
    if payment is None or payment.ticket_hash is None:
        return None
    return payment if hmac.compare_digest(payment.ticket_hash, request.query.get("hash", "")) else None


def _unknown() -> web.Response:
    return page("Pagamento não encontrado", "<p>Confira o endereço com a loja.</p>", status=404)
