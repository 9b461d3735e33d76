"""What every page of a payment is made of: who is looking at what, the amount, the facts, the way to stay true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extrato.domain.money import format_brl, format_money
from services.gateway.api.views import BRASILIA, label
from services.gateway.gateway import gateway_of
from services.gateway.pages.layout import page
from services.gateway.pages.markup import Html, tag
from services.gateway.pages.standing import MAY_MOVE, Standing, standing_of
from services.gateway.pages.words import CARD_REFUSED, CODE_IS_OVER, PAID_TOO_MUCH, PAID_TWICE, SITUATIONS
from services.gateway.payer_links import payer_links_of

if TYPE_CHECKING:
    from datetime import datetime

    from aiohttp import web

    from extrato.domain.payment.ledger import Ledger
    from extrato.domain.payment.state import Opened
    from extrato.use_cases.payments import LoadedPayment
    from services.gateway.pages.asking import Asked
    from services.gateway.pages.words import Words


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One payment as one payer sees it at one moment; of the merchant there is only the name."""

    loaded: LoadedPayment
    shop: str | None
    standing: Standing
    now: datetime
    token: str
    checkout_address: str


async def view_of(request: web.Request, asked: Asked, *, token: str) -> View:
    """Look at a payment for the page of a payer, or of a merchant; `token` is what the page hands on."""
    gateway = gateway_of(request)
    loaded = asked.loaded
    merchant = await gateway.merchants.find(loaded.merchant)
    now = gateway.hub.now()
    return View(
        loaded=loaded,
        shop=merchant.name if merchant else None,
        standing=standing_of(loaded.payment, now, is_answered=asked.is_answered),
        now=now,
        token=token,
        checkout_address=payer_links_of(gateway, loaded, token=token).checkout,
    )


def payment_page(view: View, words: Words, *content: Html, status: int = 200) -> web.Response:
    """Lay out a page of a payment: what it is, the amount, `content`, the facts, and how to look again."""
    moves = view.standing in MAY_MOVE
    return page(
        words.title,
        tag("p", words.lead, class_="lead"),
        *(tag("p", sentence, class_="notice") for sentence in _notices(view)),
        tag("p", format_brl(view.loaded.payment.intent.amount_centavos), class_="amount"),
        *content,
        _facts(view),
        *([_look_again()] if moves else ()),
        tone=words.tone,
        shop=view.shop,
        state=_state(view, moves=moves),
        status=status,
    )


def deadline(view: View) -> tuple[Html, ...]:
    """Say until when it may be paid; the seconds come from the server's clock, whatever the phone's says."""
    expires_at = view.loaded.payment.intent.expires_at
    if expires_at is None:
        return ()
    written = tag("time", _moment(expires_at), datetime=expires_at.isoformat())
    left = tag("span", "restam ", tag("span", data_countdown=True), role="timer", class_="countdown", hidden=True)
    over = tag("p", CODE_IS_OVER, class_="over", tabindex="-1")
    return (tag("p", tag("span", "Pague até ", written), left, class_="deadline"), over)


def _state(view: View, *, moves: bool) -> dict[str, str | None]:
    """Tell the scripts what is shown, and where to hear about it as long as it may move.

    The address is relative: the policy lets a page speak to its own origin only.
    """
    number, token = view.loaded.payment_id, view.token
    expires_at = view.loaded.payment.intent.expires_at
    seconds_left = math.ceil((expires_at - view.now).total_seconds()) if expires_at and moves else None
    return {
        "data_standing": view.standing,
        "data_status": view.loaded.payment.status,
        "data_detail": view.loaded.payment.status_detail or "",
        "data_socket": f"/ws?payment_id={number}&t={token}" if moves else None,
        # Whoever waits for a card's review is told how it ended before he is at the checkout again.
        "data_result": f"/payments/mp/return/?payment_id={number}&t={token}" if view.standing == "reviewing" else None,
        # At zero the page is asked for again, so a zero itself is not told.
        "data_seconds_left": None if seconds_left is None or seconds_left <= 0 else str(seconds_left),
    }


def _facts(view: View) -> Html:
    payment, ledger = view.loaded.payment, view.loaded.payment.ledger
    facts = [
        ("Pedido nº", str(view.loaded.payment_id)),
        ("Descrição", payment.intent.description),
        ("Situação", SITUATIONS.get(view.standing) or label(payment.status)),
    ]
    if view.standing in {"partial", "late"}:
        facts += _received(ledger)
    if ledger.paid_at is not None:
        facts.append(("Pago em", _moment(ledger.paid_at)))
    if refunded := ledger.total.refunded:
        facts.append(("Devolvido", format_brl(refunded)))
    rows = (tag("div", tag("dt", name), tag("dd", value, dir="auto")) for name, value in facts)
    return tag("dl", *rows, class_="facts")


def _notices(view: View) -> list[str]:
    """Tell what the heading leaves out: another payment, or a refusal beside what still waits."""
    attempts = view.loaded.payment.attempts.values()
    if view.standing == "paid":
        return _of_too_much(view.loaded.payment)
    if view.standing == "waiting" and max(attempts, key=lambda attempt: attempt.observed_at).status == "rejected":
        return [CARD_REFUSED]
    return []


def _received(ledger: Ledger) -> list[tuple[str, str]]:
    """Tell how much has arrived, in each currency, and how much of the charge is missing."""
    held, elsewhere = ledger.total.held, ledger.other_currencies_held_by
    arrived = [format_brl(held)] if held else []
    arrived += [format_money(centavos, ledger.attempts[name].currency) for name, centavos in elsewhere.items()]
    missing = ledger.amount_centavos - held
    facts = [("Recebido", " e ".join(arrived))]
    return [*facts, ("Falta", format_brl(missing))] if missing > 0 else facts


def _of_too_much(payment: Opened) -> list[str]:
    """Tell that more is held than the amount: by a second payment, or otherwise."""
    ledger = payment.ledger
    if ledger.total.held <= ledger.amount_centavos:
        return []
    return [PAID_TWICE if ledger.duplicates else PAID_TOO_MUCH]


def _look_again() -> Html:
    return tag(
        "p",
        tag("span", "Esta página se atualiza sozinha. ", class_="with-script"),
        tag("a", "Atualizar agora", href=""),
        class_="again",
    )


def _moment(at: datetime) -> str:
    local = at.astimezone(BRASILIA)
    return f"{local:%d/%m/%Y} às {local:%H:%M} (horário de Brasília)"
