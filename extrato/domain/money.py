"""Amounts of money: whole centavos inside, decimal reais at the edges."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from typing import Final

from extrato.domain.errors import Refused

CURRENCY: Final = "BRL"
"""The currency of every charge of the hub, by ISO 4217."""

MAXIMUM_CENTAVOS: Final = 999_999_999_999
"""R$ 9.999.999.999,99, the largest amount of Banco Central's API Pix (ten digits, a point, two digits)."""

_CENTAVO: Final = Decimal("0.01")
# The precision covers every allowed amount, so `Inexact` always means a lost digit.
_EXACT: Final = Context(prec=28, traps=[Inexact])


class InvalidAmount(Refused):
    """A value is not an amount that can be paid."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, "amount", **facts)


def parse_reais(value: object, *, maximum_centavos: int = MAXIMUM_CENTAVOS) -> int:
    """Parse an amount in reais from a JSON decoder into centavos from 1 to `maximum_centavos`.

    JSON fractions are best decoded as `Decimal`. A `float` counts as the shortest decimal that means it, so 19.99 is
    1999 centavos and 0.1 + 0.2 is refused. Zeros after the second decimal are accepted. A huge exponent costs no
    memory. Raises `InvalidAmount`.
    """
    reais = _decimal(value)
    if reais.is_nan():
        raise InvalidAmount("amount_nan")
    if reais.is_infinite():
        raise InvalidAmount("amount_infinite")
    if reais.is_zero():
        raise InvalidAmount("amount_zero")
    if reais.is_signed():
        raise InvalidAmount("amount_negative")
    if reais > Decimal(maximum_centavos).scaleb(-2):
        raise InvalidAmount("amount_too_large", limit=format_brl(maximum_centavos))
    try:
        exact = reais.quantize(_CENTAVO, context=_EXACT)
    except Inexact:
        raise InvalidAmount("amount_too_precise") from None
    return int(exact * 100)


def to_reais(centavos: int) -> float:
    """Return the float that JSON writes with the exact decimals: 3500 centavos are 35.0.

    It is exact for every amount of up to 15 digits, which always fit a float.
    """
    return centavos / 100


def to_decimal_text(centavos: int) -> str:
    """Write reais with a point and two decimals, as the API Pix and field 54 of a BR Code do: `35.00`."""
    reais, rest = divmod(abs(centavos), 100)
    return f"{'-' if centavos < 0 else ''}{reais}.{rest:02d}"


def format_brl(centavos: int) -> str:
    """Write reais as Brazilians read them: `R$ 1.234,56`, and `-R$ 0,05` when negative."""
    reais, rest = divmod(abs(centavos), 100)
    grouped = f"{reais:,}".replace(",", ".")
    return f"{'-' if centavos < 0 else ''}R$ {grouped},{rest:02d}"


def format_money(centavos: int, currency: str = CURRENCY) -> str:
    """Write an amount as Brazilians read it; in another currency after its ISO 4217 code: `ARS 1.234,56`."""
    in_reais = format_brl(centavos)
    return in_reais if currency == CURRENCY else in_reais.replace("R$", currency)


def _decimal(value: object) -> Decimal:
    """Convert the value to a decimal number, without losing or inventing a digit."""
    match value:
        case None:
            raise InvalidAmount("amount_missing")
        case bool():
            raise InvalidAmount("amount_boolean")
        case str():
            raise InvalidAmount("amount_text")
        case Decimal():
            return value
        case int():
            return Decimal(value)
        case float():
            return Decimal(repr(value))
        case _:
            raise InvalidAmount("amount_not_a_number")
