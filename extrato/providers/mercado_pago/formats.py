"""Mercado Pago's formats for amounts, times, refunds and payers, in both of its APIs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.payment_status import ENDED
from extrato.domain.money import MAXIMUM_CENTAVOS
from extrato.errors import ProviderMisunderstood, ProviderRefused
from extrato.providers.mercado_pago import shapes
from extrato.values import Payer

if TYPE_CHECKING:
    from extrato.providers.port import ChargeRequest

# The statuses of a refund that is not made (reference of refunds; Orders' own words).
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
    """Convert reais, zero included, to centavos; checks the bounds first, because an exponent may be huge."""
    if not (reais.is_finite() and 0 <= reais <= MAX_REAIS):
        raise ProviderMisunderstood(str(reais)[:40], why="amount_bounds")
    try:
        return int(reais.quantize(CENTAVO, context=EXACT) * 100)
    except Inexact as error:
        raise ProviderMisunderstood(str(reais)[:40], why="amount_decimals") from error


def in_utc(moment: datetime) -> datetime:
    """Convert a time to UTC; raises `ProviderMisunderstood` without an offset or out of bounds."""
    if moment.tzinfo is None:
        raise ProviderMisunderstood(moment.isoformat(), why="time_offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ProviderMisunderstood(moment.isoformat(), why="time_bounds") from error


def moment(at: datetime) -> str:
    """Return a time as text with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def refund_state(status: str | None) -> Literal["made", "pending", "refused"]:
    """Return the state of a refund; without a status, or with an unknown one, the refund counts as made."""
    return REFUND_STATES.get(status or "", "made")


def missing_code_error(name: str, status: str | None, detail: str | None) -> ProviderRefused | ProviderMisunderstood:
    """Return the error for a new Pix without a code: a refusal, or an answer that the hub does not understand.

    Mercado Pago creates a Pix that it refuses for risk: 201 with `rejected` (mercadopago devsite-docs #2615).
    """
    if status in ENDED:
        return ProviderRefused(name, why="pix", words=detail or status, reason=detail or status)
    return ProviderMisunderstood(name, why="no_code")


def phone_body(phone: str) -> dict[str, str]:
    """Return a telephone number; a Brazilian one has a separate area code."""
    digits = "".join(character for character in phone if character.isascii() and character.isdigit())
    match = BRAZILIAN_PHONE.fullmatch(digits)
    return {"area_code": match[1], "number": match[2]} if match else {"area_code": "", "number": digits}


def payer_in(answer: bytes) -> Payer:
    """Return the payer of a stored answer about a payment; an answer of another shape names none."""
    try:
        return payer_of(shapes.read(answer, shapes.Paid).payer)
    except ProviderMisunderstood:
        return Payer()


def payer_of(payer: shapes.Payer | None) -> Payer:
    """Return the payer of an answer; only the e-mail address is shown, the others find the payer's payments."""
    if payer is None:
        return Payer()
    document, phone = _object(payer.identification), _object(payer.phone)
    number = str(document.get("number") or "") or None
    kind = str(document.get("type") or "").upper()
    return Payer(
        email=payer.email or None,
        phone="".join(str(phone.get(part) or "") for part in ("area_code", "number")) or None,
        cpf=number if kind == "CPF" else None,
        cnpj=number if kind == "CNPJ" else None,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def payer_body(request: ChargeRequest) -> dict[str, Any]:
    """Return the payer of a Pix; Mercado Pago requires at least an e-mail address."""
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
