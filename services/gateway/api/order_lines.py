"""Reads the order that a link or a cart is made of, at the merchant's prices.

A key that charges listed prices only orders here, by the names of the products: a line with `preco_unitario` is
refused to it. The direct Pix has nothing but its `value`, so that its route is closed to such a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from contracts.events import Item
from extrato.domain.errors import Refused
from extrato.domain.merchant import price_order
from services.gateway.api.views import describe
from services.gateway.http import fields
from services.gateway.lookup import need_mercado_pago

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extrato.domain.merchant import Registered
    from services.gateway.http.caller import Caller


class Order(Struct, frozen=True, kw_only=True):
    """What is sold, and what it is called."""

    items: tuple[Item, ...]
    total_centavos: int
    title: str
    description: str


def read_order(body: Mapping[str, Any], merchant: Registered, caller: Caller) -> Order:
    """Read an order to be paid through Mercado Pago; raises `Refused`, also when it is not connected."""
    items = price_order(fields.lines(body), merchant, listed_prices_only=caller.listed_prices_only)
    total_centavos = sum(item.quantity * item.unit_price_centavos for item in items)
    if total_centavos > fields.MAX_VALUE_CENTAVOS:
        raise Refused("amount_too_large", "items", why="order")
    title = fields.text(body, "title", maximum=120) or f"Pedido {merchant.name}"
    description = fields.text(body, "description") or describe(items)
    need_mercado_pago(merchant)
    return Order(items=items, total_centavos=total_centavos, title=title, description=description)
