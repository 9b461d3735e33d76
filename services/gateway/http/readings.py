"""Converts values of a body to the form whose bounds its Struct checks.

A value of another JSON type is returned unchanged, and the Struct rejects it.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, Literal

from contracts.names import canonical_name
from extrato.domain.errors import Refused
from extrato.domain.merchant import merchant_text
from extrato.domain.merchant_profile import colour_of, document_of, email_of, phone_of
from extrato.domain.money import parse_reais
from extrato.domain.origins import checked_origin
from extrato.domain.pix_keys import InvalidPixKey, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.api.request_fields import Reading
    from contracts.api.request_plan import FieldPlan

# A Decimal with more digits is not converted to an integer: a huge exponent would use much memory.
MAX_DIGITS: Final = 9

DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
YEARS: Final = range(2000, 2100)


def _exact(value: Any, _: FieldPlan) -> Any:
    return value


def _text(value: Any, _: FieldPlan) -> Any:
    """Strip white space; blank counts as absent."""
    return value.strip() or None if isinstance(value, str) else value


def _name(value: Any, _: FieldPlan) -> Any:
    """Convert a name to its canonical form, so that a combining mark does not count as a character."""
    return canonical_name(value).strip() or None if isinstance(value, str) else value


def _whole(value: Any, _: FieldPlan) -> Any:
    is_small = isinstance(value, Decimal) and value.is_finite() and value.adjusted() < MAX_DIGITS
    return int(value) if is_small and value == value.to_integral_value() else value


def _amount(value: Any, field: FieldPlan) -> int:
    """Read reais into centavos; raises `InvalidAmount`."""
    maximum = field.reader.maximum_centavos if field.reader else 0
    return parse_reais(value, maximum_centavos=maximum)


def _instant(value: Any, field: FieldPlan) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
        if instant is not None and instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _malformed(field)


def _day(value: Any, field: FieldPlan) -> date:
    """Read a date such as 2026-11-30, of this century: its zones have offsets of whole quarters of an hour."""
    if isinstance(value, str) and DAY.fullmatch(value):
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(value)
            if day.year in YEARS:
                return day
    raise _malformed(field)


def _zone(value: Any, field: FieldPlan) -> Any:
    """Check that a time zone is in the IANA database; raises `Refused`."""
    if isinstance(value, str) and value not in _zones():
        raise _malformed(field)
    return value


@cache
def _zones() -> frozenset[str]:
    """Return the names of the IANA database, as the package `tzdata` lists them.

    A system also has `localtime`, which is another zone on another machine, and zones that count leap seconds.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


def _cpf(value: Any, field: FieldPlan) -> Any:
    return _document("cpf", value, field)


def _cnpj(value: Any, field: FieldPlan) -> Any:
    return _document("cnpj", value, field)


def _document(kind: Literal["cpf", "cnpj"], value: Any, field: FieldPlan) -> Any:
    """Remove the punctuation; a CPF or CNPJ follows the same rules as a Pix key."""
    text = _text(value, field)
    if not isinstance(text, str) or (field.maximum is not None and len(text) > field.maximum):
        return text
    try:
        return normalise(kind, text)
    except InvalidPixKey:
        raise _malformed(field) from None


def _by(rule: Callable[[str, str], str]) -> Callable[[Any, FieldPlan], Any]:
    """Read a text by a rule of the domain, which raises `Refused`."""

    def read(value: Any, field: FieldPlan) -> Any:
        is_short = isinstance(value, str) and (field.maximum is None or len(value) <= field.maximum)
        return rule(field.name, value) if is_short else value

    return read


def _malformed(field: FieldPlan) -> Refused:
    code, why = field.reader.malformed if field.reader else ("", "")
    return Refused(code, field.name, **({"why": why} if why else {}))


READINGS: Final[Mapping[Reading, Callable[[Any, FieldPlan], Any]]] = {
    "exact": _exact,
    "text": _text,
    "name": _name,
    "whole": _whole,
    "amount": _amount,
    "instant": _instant,
    "day": _day,
    "zone": _zone,
    "cpf": _cpf,
    "cnpj": _cnpj,
    "merchant_text": _by(merchant_text),
    "colour": _by(colour_of),
    "document": _by(document_of),
    "telephone": _by(phone_of),
    "contact_email": _by(email_of),
    "origin": _by(checked_origin),
}
