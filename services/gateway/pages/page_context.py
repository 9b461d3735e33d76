"""What all pages of a payment share: their context, the amount, the facts, and the attributes for the scripts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extrato.domain.money import format_brl, format_money
from services.gateway.api.response_bodies import BRASILIA, label
from services.gateway.gateway import gateway_of
from services.gateway.pages.layout import page
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.payer_state import MAY_MOVE, PayerState, payer_state_of
from services.gateway.pages.texts import BACK_TO_SHOP, CARD_REFUSED, CODE_IS_OVER, PAID_TOO_MUCH, PAID_TWICE, SITUATIONS
from services.gateway.pages.way_back import way_back
from services.gateway.payer_links import payer_links_of

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from extrato.domain.payment.ledger import Ledger
    from extrato.domain.payment.state import Opened
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.pages.refresh import Refreshed
    from services.gateway.pages.texts import PageText


@dataclass(frozen=True, kw_only=True, slots=True)
class PageContext:
    """One payment at one moment for one page.

    `shop` is the merchant's name, `way_back` the address of its page; its `frame_origins` may frame the page.
    """

    loaded: LoadedPayment
    shop: str | None
    payer_state: PayerState
    now: datetime
    token: str
    checkout_address: str
    way_back: str | None = None
    frame_origins: frozenset[str] = frozenset()


async def context_of(request: web.Request, refreshed: Refreshed, *, token: str) -> PageContext:
    """Collect what a page shows; `token` goes into the links of the page."""
    gateway = gateway_of(request)
    loaded = refreshed.loaded
    merchant = await gateway.merchants.find(loaded.merchant)
    now = gateway.hub.now()
    return PageContext(
        loaded=loaded,
        shop=merchant.name if merchant else None,
        payer_state=payer_state_of(loaded.payment, now, is_answered=refreshed.is_answered),
        now=now,
        token=token,
        checkout_address=payer_links_of(gateway, loaded, token=token).checkout,
        way_back=way_back(loaded, merchant),
        frame_origins=merchant.frame_origins if merchant else frozenset(),
    )


def payment_page(context: PageContext, text: PageText, *content: Html, status: int = 200) -> web.Response:
    """Build a page of a payment: its text, the amount, `content`, the facts, and the link to refresh."""
    moves = context.payer_state in MAY_MOVE
    return page(
        text.title,
        tag("p", text.lead, class_="lead"),
        *(tag("p", sentence, class_="notice") for sentence in _notices(context)),
        tag("p", format_brl(context.loaded.payment.intent.amount_centavos), class_="amount"),
        *content,
        _facts(context),
        *([_refresh_link()] if moves else ()),
        *([_link_back(context.way_back)] if context.way_back else ()),
        tone=text.tone,
        shop=context.shop,
        state=_state(context, moves=moves),
        status=status,
        frame_origins=context.frame_origins,
    )


def deadline(context: PageContext) -> tuple[Html, ...]:
    """Show the deadline; the countdown uses the server's clock, because a phone's may be wrong."""
    expires_at = context.loaded.payment.intent.expires_at
    if expires_at is None:
        return ()
    written = tag("time", _moment(expires_at), datetime=expires_at.isoformat())
    left = tag("span", "restam ", tag("span", data_countdown=True), role="timer", class_="countdown", hidden=True)
    over = tag("p", CODE_IS_OVER, class_="over", tabindex="-1")
    return (tag("p", tag("span", "Pague até ", written), left, class_="deadline"), over)


def _state(context: PageContext, *, moves: bool) -> dict[str, str | None]:
    """Return the attributes from which the scripts read the state of the page, and its socket while it may change.

    The URLs are relative: the content policy allows a page to connect to its own origin only. The names of the
    attributes are fixed: a page that stays open over an upgrade keeps its older scripts.
    """
    number, token = context.loaded.payment_id, context.token
    expires_at = context.loaded.payment.intent.expires_at
    seconds_left = math.ceil((expires_at - context.now).total_seconds()) if expires_at and moves else None
    return {
        "data_standing": context.payer_state,
        "data_status": context.loaded.payment.status,
        "data_detail": context.loaded.payment.status_detail or "",
        "data_socket": f"/ws?payment_id={number}&t={token}" if moves else None,
        # A payer who waits for a card's review sees its result before the checkout opens again.
        "data_result": f"/payments/mp/return/?payment_id={number}&t={token}"
        if context.payer_state == "reviewing"
        else None,
        # At zero the script fetches the page again, so that zero itself is never sent.
        "data_seconds_left": None if seconds_left is None or seconds_left <= 0 else str(seconds_left),
    }


def _facts(context: PageContext) -> Html:
    payment, ledger = context.loaded.payment, context.loaded.payment.ledger
    facts = [
        ("Pedido nº", str(context.loaded.payment_id)),
        ("Descrição", payment.intent.description),
        ("Situação", SITUATIONS.get(context.payer_state) or label(payment.status)),
    ]
    if context.payer_state in {"partial", "late"}:
        facts += _received(ledger)
    if ledger.paid_at is not None:
        facts.append(("Pago em", _moment(ledger.paid_at)))
    if refunded := ledger.total.refunded:
        facts.append(("Devolvido", format_brl(refunded)))
    rows = (tag("div", tag("dt", name), tag("dd", value, dir="auto")) for name, value in facts)
    return tag("dl", *rows, class_="facts")


def _notices(context: PageContext) -> list[str]:
    """Return notices below the heading: an overpayment, or a refused card beside an open attempt."""
    attempts = context.loaded.payment.attempts.values()
    if context.payer_state == "paid":
        return _of_too_much(context.loaded.payment)
    if context.payer_state == "waiting" and max(attempts, key=lambda attempt: attempt.observed_at).status == "rejected":
        return [CARD_REFUSED]
    return []


def _received(ledger: Ledger) -> list[tuple[str, str]]:
    """Return how much has arrived in each currency, and how much of the charge is missing."""
    held, elsewhere = ledger.total.held, ledger.other_currencies_held_by
    arrived = [format_brl(held)] if held else []
    arrived += [format_money(centavos, ledger.attempts[name].currency) for name, centavos in elsewhere.items()]
    missing = ledger.amount_centavos - held
    facts = [("Recebido", " e ".join(arrived))]
    return [*facts, ("Falta", format_brl(missing))] if missing > 0 else facts


def _of_too_much(payment: Opened) -> list[str]:
    """Return a notice if the merchant holds more than the amount, by a second payment or otherwise."""
    ledger = payment.ledger
    if ledger.total.held <= ledger.amount_centavos:
        return []
    return [PAID_TWICE if ledger.duplicates else PAID_TOO_MUCH]


def _refresh_link() -> Html:
    return tag(
        "p",
        tag("span", "Esta página se atualiza sozinha. ", class_="with-script"),
        tag("a", "Atualizar agora", href=""),
        class_="again",
    )


def _link_back(address: str) -> Html:
    return tag("p", tag("a", BACK_TO_SHOP, href=address, rel="noreferrer"), class_="again")


def _moment(at: datetime) -> str:
    local = at.astimezone(BRASILIA)
    return f"{local:%d/%m/%Y} às {local:%H:%M} (horário de Brasília)"
