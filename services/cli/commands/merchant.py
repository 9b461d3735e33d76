"""`extrato merchant …`: register merchants, and set their names, Pix keys and prices."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from contracts.api.types import PIX_KEY_KINDS
from contracts.events import MerchantRegistered, topic_of
from extrato.domain import merchant as domain
from extrato.domain.errors import Refused
from extrato.domain.money import format_brl, parse_reais
from extrato.domain.products import MAX_PRICE_CENTAVOS, PriceProduct, WithdrawProduct
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.merchant_directory import read_merchant
from services.cli.commands.running import running_hub
from services.cli.commands.secret_input import read_secret

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping


def slug_option(parser: ArgumentParser) -> None:
    """Add the merchant's slug."""
    parser.add_argument("slug", help="the merchant's name in addresses, such as padaria-do-marcos")


def register_options(parser: ArgumentParser) -> None:
    """Add slug, name and city, all required."""
    slug_option(parser)
    parser.add_argument("--name", required=True)
    parser.add_argument("--city", required=True)


async def register(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Register a merchant."""
    command = domain.Register(slug=arguments.slug, name=arguments.name, city=arguments.city)
    await _change(arguments.slug, command, environment)


def rename_options(parser: ArgumentParser) -> None:
    """Add slug, name and city; a name or city that is absent does not change."""
    slug_option(parser)
    parser.add_argument("--name")
    parser.add_argument("--city")


async def rename(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Change the name or city of a merchant."""
    await _change(arguments.slug, domain.Rename(name=arguments.name, city=arguments.city), environment)


async def list_merchants(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print one line per merchant: slug, name, city."""
    async with running_hub(environment) as running:
        topics = (topic_of(MerchantRegistered),)
        slugs = sorted({envelope.merchant async for envelope in running.hub.log.read_all(0, topics=topics)})
        for slug in slugs:
            merchant, _ = await read_merchant(running.hub.log, slug)
            if isinstance(merchant, domain.Registered):
                print(f"{slug}\t{merchant.name}\t{merchant.city}")


async def show(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Print a merchant as JSON, without digests and secrets."""
    async with running_hub(environment) as running:
        state, _ = await read_merchant(running.hub.log, arguments.slug)
    merchant = domain.registered(state, arguments.slug)
    shown = {
        "slug": merchant.slug,
        "name": merchant.name,
        "city": merchant.city,
        "pix_key": merchant.pix_key,
        "providers": [
            {"provider": each.provider, "account_id": each.account_id, "pix_api": each.pix_api}
            for each in merchant.connections.values()
        ],
        "prices": {name: format_brl(centavos) for name, centavos in merchant.prices_centavos.items()},
    }
    print(msgspec.json.format(msgspec.json.encode(shown)).decode())


def pix_key_options(parser: ArgumentParser) -> None:
    """Add slug and kind. The key may be personal data, so a file or a prompt gives it, not an argument."""
    slug_option(parser)
    set_or_remove = parser.add_mutually_exclusive_group(required=True)
    set_or_remove.add_argument("--kind", choices=PIX_KEY_KINDS)
    set_or_remove.add_argument("--remove", action="store_true", help="remove the Pix key")
    parser.add_argument("--key-file", type=Path, help="read the key from this file instead of asking")


async def pix_key(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Set or remove the Pix key of a merchant."""
    command: domain.Command = domain.RemovePixKey()
    if not arguments.remove:
        command = domain.SetPixKey(kind=arguments.kind, key=read_secret("Pix key", arguments.key_file))
    await _change(arguments.slug, command, environment)


def price_options(parser: ArgumentParser) -> None:
    """Add slug, product and price."""
    product_options(parser)
    parser.add_argument("price", help="in reais, such as 0.50")


def product_options(parser: ArgumentParser) -> None:
    """Add slug and product."""
    slug_option(parser)
    parser.add_argument("product", help="the product's name")


async def price(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Set the price of a product."""
    # At most two decimals: in `1.000` the point may separate thousands, so it is rejected.
    if not re.fullmatch(r"[0-9]{1,7}(?:[.,][0-9]{1,2})?", arguments.price, re.ASCII):
        raise Refused("invalid_price", arguments.product, why="not_reais", price=arguments.price)
    reais = Decimal(arguments.price.replace(",", "."))
    price_centavos = parse_reais(reais, maximum_centavos=MAX_PRICE_CENTAVOS)
    command = PriceProduct(name=arguments.product, price_centavos=price_centavos)
    await _change(arguments.slug, command, environment)


async def withdraw(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Withdraw a product."""
    await _change(arguments.slug, WithdrawProduct(name=arguments.product), environment)


async def _change(slug: str, command: domain.Command, environment: Mapping[str, str]) -> None:
    async with running_hub(environment) as running:
        changed = await change_merchant(running.hub, slug, [command], cause=running.cause)
    print(f"{slug}: done." if changed.is_new else f"{slug}: no change.")
