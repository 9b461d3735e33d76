"""A merchant's products: the prices at which it sells them, and those that it withdrew.

A part of the aggregate in `merchant.py`, divided like it: state, commands, decisions. Names are canonical, also where
those of an event are not.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec import Struct

from contracts.events import ProductPriced, ProductWithdrawn
from contracts.names import canonical_name
from extrato.domain.errors import Refused, UnknownName

# --- state --------------------------------------------------------------------------------------


class Products(Struct, frozen=True, kw_only=True):
    """The price of each product by its name, and the names of those that were withdrawn from sale."""

    prices_centavos: dict[str, int] = {}
    withdrawn: frozenset[str] = frozenset()


ProductEvent = ProductPriced | ProductWithdrawn


def evolve(products: Products, event: ProductEvent) -> Products:
    """Apply one event."""
    name = canonical_name(event.name)
    others = {each: price for each, price in products.prices_centavos.items() if each != name}
    match event:
        case ProductPriced():
            prices = products.prices_centavos | {name: event.price_centavos}
            return Products(prices_centavos=prices, withdrawn=products.withdrawn - {name})
        case ProductWithdrawn():
            return Products(prices_centavos=others, withdrawn=products.withdrawn | {name})
        case _:
            assert_never(event)


# --- commands -----------------------------------------------------------------------------------

MAX_NAME_LENGTH: Final = 120
MAX_PRICE_CENTAVOS: Final = 100_000_000
MAX_PRODUCTS: Final = 10_000


class PriceProduct(Struct, frozen=True, kw_only=True):
    """Sell `name` at a price."""

    name: str
    price_centavos: int


class WithdrawProduct(Struct, frozen=True, kw_only=True):
    """Stop selling `name`; refused for an unknown product, without an event for a withdrawn one."""

    name: str


ProductCommand = PriceProduct | WithdrawProduct

# --- decisions ----------------------------------------------------------------------------------


def decide(command: ProductCommand, products: Products) -> list[ProductEvent]:
    """Return the events of `command`; none when it does not change the state. Raises `Refused`."""
    match command:
        case PriceProduct():
            return _price(command, products.prices_centavos)
        case WithdrawProduct():
            return _withdraw(command, products)
        case _:
            assert_never(command)


def unknown_product(name: str, products: Products) -> Refused:
    """Return the error about a product that is not sold."""
    return UnknownName("unknown_product", name[:MAX_NAME_LENGTH], known=products.prices_centavos)


def _price(command: PriceProduct, prices: dict[str, int]) -> list[ProductEvent]:
    name, price = canonical_name(command.name), command.price_centavos
    if not name.strip() or name != name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise Refused("invalid_product", "name", maximum=MAX_NAME_LENGTH)
    if not 0 < price <= MAX_PRICE_CENTAVOS:
        raise Refused("invalid_price", name, maximum=MAX_PRICE_CENTAVOS)
    if name not in prices and len(prices) >= MAX_PRODUCTS:
        raise Refused("too_many_products", name, maximum=MAX_PRODUCTS)
    return [] if prices.get(name) == price else [ProductPriced(name=name, price_centavos=price)]


def _withdraw(command: WithdrawProduct, products: Products) -> list[ProductEvent]:
    name = canonical_name(command.name)
    if name in products.prices_centavos:
        return [ProductWithdrawn(name=name)]
    if name in products.withdrawn:
        return []
    raise unknown_product(name, products)
