"""Reads fields out of JSON bodies, queries and paths; everything wrong becomes `Refused` with its own code."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from contracts.names import canonical_name
from extrato.domain.errors import Refused
from extrato.domain.merchant import Line
from extrato.domain.money import parse_reais
from extrato.use_cases.open_payment import IdempotencyKey
from services.gateway.http.values import single

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import MultiMapping

MAX_VALUE_CENTAVOS: Final = 100_000_000
MAX_TEXT: Final = 500
MAX_ITEMS: Final = 100
MAX_QUANTITY: Final = 10_000
MAX_LIFETIME_MINUTES: Final = 60 * 24 * 30
MAX_PAYMENT_ID: Final = (1 << 47) - 1
MAX_LIMIT: Final = 1000
EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(?:\.[^@\s.]+)+")
# Characters that turn the direction of the text around them, and could have an amount or a name read otherwise.
DIRECTION_CONTROLS: Final = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}")


def value_centavos(body: Mapping[str, Any], name: str = "value", *, maximum_centavos: int = MAX_VALUE_CENTAVOS) -> int:
    """Read an amount of reais; raises `Refused` with a code of `extrato/domain/money.py`."""
    value = body.get(name)
    if value is None:
        raise Refused("amount_missing", name, why="field")
    return parse_reais(value, maximum_centavos=maximum_centavos)


def text(body: Mapping[str, Any], name: str, *, maximum: int = MAX_TEXT, default: str | None = None) -> str | None:
    """Read an optional text without control characters, those of direction among them; blank counts as absent."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Refused("invalid_text", name)
    value = value.strip()
    if len(value) > maximum:
        raise Refused("text_too_long", name, maximum=maximum)
    if any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in value) or (
        not DIRECTION_CONTROLS.isdisjoint(value)
    ):
        raise Refused("invalid_text", name, why="control")
    return value or default


def product_name(body: Mapping[str, Any], name: str, *, maximum: int) -> str | None:
    """Read the optional name of a product, as names are compared; a combining mark does not count as a character."""
    value = body.get(name)
    return text({name: canonical_name(value)} if isinstance(value, str) else body, name, maximum=maximum)


def required_text(body: Mapping[str, Any], name: str, *, maximum: int = MAX_TEXT) -> str:
    """Read a text that must not be absent."""
    value = text(body, name, maximum=maximum)
    if value is None:
        raise Refused("missing_field", name)
    return value


def flag(body: Mapping[str, Any], name: str) -> bool:
    """Read an optional yes or no; absent is no."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused("invalid_flag", name)
    return bool(value)


def email(body: Mapping[str, Any], name: str) -> str | None:
    """Read an optional e-mail address."""
    value = text(body, name, maximum=254)
    if value is not None and not EMAIL.fullmatch(value):
        raise Refused("invalid_email", name)
    return value


def lifetime(body: Mapping[str, Any], name: str, *, default: timedelta, shortest_minutes: int = 1) -> timedelta:
    """Read for how many minutes a payment may be paid."""
    value = body.get(name)
    if value is None:
        return default
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or not shortest_minutes <= value <= MAX_LIFETIME_MINUTES:
        raise Refused("invalid_lifetime", name, shortest_minutes=shortest_minutes, longest_minutes=MAX_LIFETIME_MINUTES)
    return timedelta(minutes=value)


def lines(body: Mapping[str, Any]) -> list[Line]:
    """Read the items of an order."""
    items = body.get("items")
    if not isinstance(items, list) or not items:
        raise Refused("invalid_items", "items")
    if len(items) > MAX_ITEMS:
        raise Refused("too_many_items", "items", maximum=MAX_ITEMS)
    return [_line(item) for item in items]


def _line(item: object) -> Line:
    if not isinstance(item, dict):
        raise Refused("invalid_item", "items")
    name = product_name(item, "nome", maximum=120)
    if name is None:
        raise Refused("invalid_item", "nome", why="nameless")
    quantity = item.get("quantidade")
    # A huge exponent is not computed with.
    if isinstance(quantity, Decimal) and quantity.adjusted() < 9 and quantity == quantity.to_integral_value():
        quantity = int(quantity)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= MAX_QUANTITY:
        raise Refused("invalid_quantity", "quantidade", name=name, maximum=MAX_QUANTITY)
    price = None
    if item.get("preco_unitario") is not None:
        try:
            price = parse_reais(item["preco_unitario"], maximum_centavos=MAX_VALUE_CENTAVOS)
        except Refused as error:
            raise Refused(error.code, "preco_unitario", why="unit_price", name=name) from error
    return Line(name=name, quantity=quantity, unit_price_centavos=price)


def payment_id(value: str) -> int:
    """Read a payment's number out of a path or a query."""
    if not (value.isascii() and value.isdigit()):
        raise Refused("invalid_payment_id", "payment_id", name=value[:40])
    if len(value) > 15 or not 0 < int(value) <= MAX_PAYMENT_ID:
        raise not_found(value[:40])
    return int(value)


def not_found(number: object) -> Refused:
    """Say that a payment does not exist, or not for this caller: both are told alike."""
    return Refused("payment_not_found", str(number))


def limit(query: MultiMapping[str], *, default: int) -> int:
    """Read the `limit` of a list; an empty one counts as absent."""
    value = (single(query, "limit") or "").strip()
    if not value:
        return default
    if not (value.isascii() and value.isdigit()) or len(value) > 9 or not 1 <= int(value) <= MAX_LIMIT:
        raise Refused("invalid_limit", "limit", maximum=MAX_LIMIT)
    return int(value)


def idempotency_key(headers: MultiMapping[str], *, route: str, body: bytes) -> IdempotencyKey | None:
    """Read the Idempotency-Key of a creation; one key is good for one route."""
    value = single(headers, "Idempotency-Key")
    if value is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(value):
        raise Refused("invalid_idempotency_key", "Idempotency-Key")
    return IdempotencyKey(key=f"{route}\n{value}", request_digest=hashlib.sha256(body).hexdigest())
