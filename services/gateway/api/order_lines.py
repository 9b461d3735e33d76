"""Reads the order of a link or a cart, at the merchant's prices.

A key with `listed_prices_only` may order here by the names of products; a line with `preco_unitario` is rejected for
it. It may not create a direct Pix, because that has only a `value`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from contracts.api import CartCreation, LinkCreation
from contracts.api.request_fields import MAX_VALUE_CENTAVOS
from contracts.events import Item
from extrato.domain.errors import Refused
from extrato.domain.merchant import Line, price_order
from extrato.use_cases.create_payment import describe
from services.gateway import access
from services.gateway.http.bodies import InvalidBody
from services.gateway.request_body import read_json

if TYPE_CHECKING:
    from aiohttp import web

    from contracts.api import LinkItem
    from extrato.domain.merchant import Registered
    from services.gateway.http.caller import Caller


AnOrder = TypeVar("AnOrder", LinkCreation, CartCreation)


class Order(Struct, frozen=True, kw_only=True):
    """The items of an order, its total, and the texts for the payment."""

    items: tuple[Item, ...]
    total_centavos: int
    title: str
    description: str


async def read_order_body(request: web.Request, kind: type[AnOrder]) -> tuple[AnOrder, Registered, bytes]:
    """Read the body of an order; returns also its merchant and its bytes.

    As in the reference system, an unknown merchant is reported before any fault of the order.
    """
    try:
        body, raw = await read_json(request, kind)
    except InvalidBody as error:
        if not error.has_fault_at("/padaria_slug"):
            await access.find_padaria(request, error.body["padaria_slug"].strip())
        raise
    return body, await access.find_padaria(request, body.padaria_slug), raw


def read_order(body: LinkCreation | CartCreation, merchant: Registered, caller: Caller) -> Order:
    """Read an order to be paid through Mercado Pago; raises `Refused`, also when no account is connected."""
    items = price_order(map(_line, body.items), merchant, listed_prices_only=caller.listed_prices_only)
    total_centavos = sum(item.quantity * item.unit_price_centavos for item in items)
    if total_centavos > MAX_VALUE_CENTAVOS:
        raise Refused("amount_too_large", "items", why="order")
    title = body.title or f"Pedido {merchant.name}"
    description = body.description or describe(items)
    access.require_mercado_pago(merchant)
    return Order(items=items, total_centavos=total_centavos, title=title, description=description)


def _line(item: LinkItem) -> Line:
    return Line(name=item.nome, quantity=item.quantidade, unit_price_centavos=item.preco_unitario)
