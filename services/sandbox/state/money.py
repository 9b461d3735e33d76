"""Money: whole centavos inside, JSON numbers in reais outside, never a binary fraction."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

MAX_CENTAVOS = 10**11

# The fee of Pix was measured on test accounts: 0.99 %, rounded half up, no minimum. The others are invented.
FEE_RATES = {
    "bank_transfer": Decimal("0.0099"),
    "account_money": Decimal("0.0498"),
    "credit_card": Decimal("0.0498"),
    "debit_card": Decimal("0.0199"),
    "ticket": Decimal("0.0349"),
}


class NotMoney(ValueError):
    """The JSON value is not an amount in reais with at most two decimals."""


class NotANumber(NotMoney):
    """The JSON value is not a number."""


def centavos(reais: object) -> int:
    """Convert a decoded JSON number (`int` or `Decimal`) in reais to centavos; raises `NotMoney`."""
    if isinstance(reais, bool) or not isinstance(reais, int | Decimal):
        raise NotANumber("not a number")
    if abs(Decimal(reais)) > MAX_CENTAVOS // 100:
        raise NotMoney("too large")
    exact = Decimal(reais).scaleb(2)
    if exact != int(exact):
        raise NotMoney("more than two decimals")
    return int(exact)


def reais(amount_centavos: int) -> int | Decimal:
    """Convert centavos to a JSON number as Mercado Pago writes it: 15, 49.9 or 0.49."""
    whole, rest = divmod(amount_centavos, 100)
    return whole if rest == 0 else Decimal(amount_centavos).scaleb(-2).normalize()


def reais_text(amount_centavos: int) -> str:
    """Convert centavos to the string of the Orders API: `49.90`."""
    whole, rest = divmod(amount_centavos, 100)
    return f"{whole}.{rest:02d}"


def fee_centavos(amount_centavos: int, type_id: str) -> int:
    """Return the provider's fee on a gross amount, rounded half up to the centavo."""
    fee = amount_centavos * FEE_RATES[type_id]
    return int(fee.quantize(Decimal(1), rounding=ROUND_HALF_UP))
