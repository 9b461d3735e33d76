"""The checkout page at `init_point`, where a payer pays or leaves."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from services.sandbox.api.creation import new_attempt, payer_of
from services.sandbox.api.methods import METHODS
from services.sandbox.api.preferences import is_open
from services.sandbox.bodies.payment import ticket_url
from services.sandbox.bodies.return_address import return_address
from services.sandbox.pages.layout import STYLE, brl, page
from services.sandbox.pages.payer_form import UnreadablePayer, payer_fields, read_payer
from services.sandbox.state.money import centavos

if TYPE_CHECKING:
    from services.sandbox.simulator import Simulator
    from services.sandbox.state.records import Payment, Preference

# By button: the method, the status of the new attempt, and the label.
CHOICES = {
    "card": ("visa", "approved", "Pagar com cartão"),
    "pix": ("pix", "pending", "Gerar Pix"),
    "boleto": ("bolbradesco", "pending", "Gerar boleto"),
    "in_process": ("visa", "in_process", "Pagar com cartão que fica em análise"),
    "reject": ("visa", "rejected", "Pagar com cartão que será recusado"),
}
LEAVE = "leave"

_RESULTS = {
    "approved": "Pagamento aprovado",
    "in_process": "Pagamento em análise",
    "rejected": "Pagamento recusado",
}


async def show(sim: Simulator, request: web.Request) -> web.Response:
    """Answer the page with the items and the payment methods."""
    preference = sim.store.preferences.get(request.query.get("pref_id", ""))
    if preference is None:
        return _unknown()
    if not is_open(preference, sim=sim):
        return _expired(preference)
    merchant = sim.account_of(preference.collector_id).nickname
    buttons = "\n".join(_button(choice, words) for choice, (_, _, words) in CHOICES.items())
    leave = _button(LEAVE, "Voltar à loja", plain=True)
    fields = payer_fields(payer_of(preference))
    form = f'<form method="post">\n{fields}\n{buttons}\n{leave}\n</form>'
    return page(f"Pagar a {merchant}", "\n".join((_items(preference), *_waiting(sim, preference), form)))


async def decide(sim: Simulator, request: web.Request) -> web.Response:
    """Create the attempt of the pressed button, and redirect the payer to the shop or to the ticket."""
    preference = sim.store.preferences.get(request.query.get("pref_id", ""))
    if preference is None:
        return _unknown()
    posted = await request.post()
    choice = str(posted.get("choice", ""))
    if choice == LEAVE:
        return _sent_back(sim, preference, None)
    if not is_open(preference, sim=sim):
        return _expired(preference)
    if choice not in CHOICES:
        return page("Escolha inválida", "<p>Volte e escolha uma forma de pagamento.</p>", status=400)
    method_id, status, _ = CHOICES[choice]
    try:
        typed = read_payer(posted)
    except UnreadablePayer:
        return page("Dados inválidos", "<p>Volte e confira o e-mail e o CPF ou CNPJ.</p>", status=400)
    payment = new_attempt(sim, preference, method=METHODS[method_id], status=status, typed=typed)
    return _sent_back(sim, preference, payment)


async def style(_sim: Simulator, _request: web.Request) -> web.Response:
    """Serve the one stylesheet of the pages."""
    return web.Response(text=STYLE, content_type="text/css", headers={"Cache-Control": "max-age=3600"})


def _sent_back(sim: Simulator, preference: Preference, payment: Payment | None) -> web.Response:
    """Redirect to the shop, or answer the result when the shop has no return address.

    A Pix or boleto goes to its ticket page first, which links back to the shop.
    """
    ticket = None if payment is None else ticket_url(payment, public_url=sim.settings.public_url)
    address = ticket or return_address(preference, payment)
    if address is not None:
        return web.Response(status=303, headers={"Location": address})
    if payment is None:
        return page("Você saiu sem pagar", "<p>Pode fechar esta página.</p>")
    link = '<p><a class="button" href="">Tentar de novo</a></p>' if payment.status == "rejected" else ""
    return page(_RESULTS[payment.status], f"<p>Pagamento {payment.payment_id}.</p>{link}")


def _waiting(sim: Simulator, preference: Preference) -> list[str]:
    """Return links to the pending codes of this preference."""
    waiting = [
        (METHODS[attempt.method_id].name, ticket_url(attempt, public_url=sim.settings.public_url))
        for attempt in sim.store.payments_of_preference(preference.preference_id)
        if attempt.status == "pending"
    ]
    return [
        f'<p><a class="button plain" href="{escape(ticket)}">Ver o código do {name} e pagar</a></p>'
        for name, ticket in waiting
        if ticket is not None
    ]


def _items(preference: Preference) -> str:
    rows = "\n".join(
        f"<tr><td>{escape(item['title'])}</td><td>{item['quantity']}</td>"
        f"<td>{brl(item['quantity'] * centavos(item['unit_price']))}</td></tr>"
        for item in preference.terms["items"]
    )
    return (
        '<table>\n<thead><tr><th scope="col">Item</th><th scope="col">Quantidade</th>'
        '<th scope="col">Valor</th></tr>'
        f'</thead>\n<tbody>\n{rows}\n</tbody>\n<tfoot><tr><th scope="row" colspan="2">Total</th>'
        f"<td>{brl(preference.total_centavos)}</td></tr></tfoot>\n</table>"
    )


def _button(choice: str, words: str, *, plain: bool = False) -> str:
    look = ' class="plain"' if plain else ""
    return f'<button name="choice" value="{choice}"{look}>{words}</button>'


def _unknown() -> web.Response:
    return page("Link não encontrado", "<p>Confira o endereço com a loja.</p>", status=404)


def _expired(preference: Preference) -> web.Response:
    address = return_address(preference, None)
    content = "<p>Este link não pode ser pago neste momento. Peça outro à loja.</p>"
    if address is not None:
        content += f'<p><a class="button plain" href="{escape(address)}">Voltar à loja</a></p>'
    return page("Link expirado", content)
