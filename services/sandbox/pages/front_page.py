"""`GET /`: a description of this server, with links."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Final

from services.sandbox.api.preferences import is_open
from services.sandbox.bodies.preference import checkout_url
from services.sandbox.pages.layout import brl, page

if TYPE_CHECKING:
    from aiohttp import web

    from services.sandbox.simulator import Simulator
    from services.sandbox.state.records import Preference

MAX_LINKS: Final = 10
MAX_LOOKED_AT: Final = 1000

_WHAT: Final = """
<p>Este servidor imita a API e as páginas do Mercado Pago para quem desenvolve e testa. Ele não fala com o Mercado Pago,
e todo pagamento nele é de mentira.</p>
<p>Uma loja cria um link; o pagador o abre e escolhe como pagar. Um Pix ou boleto é pago na página do seu código.</p>
"""
_CONTROLS: Final = """
<h2>Controles</h2>
<p>O arquivo <code>docs/reference/sandbox.md</code> do projeto explica como pagar, estornar e simular falhas por
comandos.</p>
<ul>
<li><a href="/_sandbox/health">Se está no ar</a></li>
<li><a href="/_sandbox/faults">Falhas ligadas</a></li>
<li><a href="/_sandbox/stats">O que já foi pedido e avisado</a></li>
<li><a href="/_sandbox/money">O dinheiro de todos os pagamentos</a></li>
</ul>
"""


async def show(sim: Simulator, _request: web.Request) -> web.Response:
    """Answer the page, with the newest payable links."""
    newest = islice(reversed(sim.store.preferences.values()), MAX_LOOKED_AT)
    payable = islice((each for each in newest if is_open(each, sim=sim) and not _was_paid(sim, each)), MAX_LINKS)
    items = "\n".join(_item(sim, each) for each in payable)
    links = f"<h2>Links mais novos</h2>\n<ul>\n{items}\n</ul>" if items else "<p>Não há link para pagar no momento.</p>"
    return page("Mercado Pago simulado", _WHAT + links + _CONTROLS)


def _was_paid(sim: Simulator, preference: Preference) -> bool:
    """Return True when the whole price was received once, even if it was refunded or disputed later."""
    attempts = sim.store.payments_of_preference(preference.preference_id)
    received = sum(each.amount_centavos for each in attempts if each.approved_ms is not None)
    return received >= preference.total_centavos


def _item(sim: Simulator, preference: Preference) -> str:
    address = escape(checkout_url(preference.preference_id, public_url=sim.settings.public_url))
    merchant = escape(sim.account_of(preference.collector_id).nickname)
    return f'<li><a href="{address}">{merchant}: {brl(preference.total_centavos)}</a></li>'
