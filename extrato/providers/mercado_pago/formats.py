"""How Mercado Pago writes amounts, times and payers, in both of its interfaces."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.payment_status import ENDED
from extrato.domain.money import MAXIMUM_CENTAVOS
from extrato.errors import ProviderMisunderstood, ProviderRefused

if TYPE_CHECKING:
    from extrato.providers.port import ChargeRequest

# The statuses of a refund (reference of refunds; Orders' own words), as far as they are not that it was made.
REFUND_STATES: Final[dict[str, Literal["pending", "refused"]]] = {
    "in_process": "pending",
    "processing": "pending",
    "pending": "pending",
    "rejected": "refused",
    "cancelled": "refused",
    "canceled": "refused",
    "failed": "refused",
}
BRAZILIAN_PHONE: Final = re.compile(r"(?:55)?([1-9][0-9])(9?[0-9]{8})")
MAX_REAIS: Final = Decimal(MAXIMUM_CENTAVOS).scaleb(-2)
CENTAVO: Final = Decimal("0.01")
EXACT: Final = Context(prec=28, traps=[Inexact])


def centavos(reais: Decimal) -> int:
    """Read an amount, zero included; one out of bounds is not computed with, for its exponent may be huge."""
    if not (reais.is_finite() and 0 <= reais <= MAX_REAIS):
        raise ProviderMisunderstood(str(reais)[:40], why="amount_bounds")
    try:
        return int(reais.quantize(CENTAVO, context=EXACT) * 100)
    except Inexact as error:
        raise ProviderMisunderstood(str(reais)[:40], why="amount_decimals") from error


def in_utc(moment: datetime) -> datetime:
    """Read a time; raises `ProviderMisunderstood` without an offset or out of bounds."""
    if moment.tzinfo is None:
        raise ProviderMisunderstood(moment.isoformat(), why="time_offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ProviderMisunderstood(moment.isoformat(), why="time_bounds") from error


def moment(at: datetime) -> str:
    """Write a time with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refund_state(status: str | None) -> Literal["made", "pending", "refused"]:
    """Read a refund's status; one that is not known, or none, has moved money."""
    return REFUND_STATES.get(status or "", "made")


def missing_code_error(name: str, status: str | None, detail: str | None) -> ProviderRefused | ProviderMisunderstood:
    """Give what is to be raised for a Pix that was made and has no code: it was refused, or it is not understood.

    One that is refused for risk is made all the same: 201 with `rejected` (mercadopago devsite-docs #2615).
    """
    if status in ENDED:
        return ProviderRefused(name, why="pix", words=detail or status, reason=detail or status)
    return ProviderMisunderstood(name, why="no_code")


def phone_body(phone: str) -> dict[str, str]:
    """Write a telephone number; a Brazilian one has its area code apart."""
    digits = "".join(character for character in phone if character.isascii() and character.isdigit())
    match = BRAZILIAN_PHONE.fullmatch(digits)
    return {"area_code": match[1], "number": match[2]} if match else {"area_code": "", "number": digits}


def payer_body(request: ChargeRequest) -> dict[str, Any]:
    """Write who pays a Pix; Mercado Pago wants an e-mail address at least."""
    payer = request.payer
    body: dict[str, Any] = {"email": payer.email}
    if payer.name:
        first, _, last = payer.name.partition(" ")
        body |= {"first_name": first} | ({"last_name": last} if last else {})
    if payer.cpf:
        body["identification"] = {"type": "CPF", "number": payer.cpf}
    elif payer.cnpj:
        body["identification"] = {"type": "CNPJ", "number": payer.cnpj}
    return body
