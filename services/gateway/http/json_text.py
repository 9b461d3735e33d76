"""Decodes JSON; what is none is told by the place of the fault, in both languages, and by no word of a library."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from services.gateway.http.sentences import Bilingual

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
# msgspec names the place at the end of its sentence, and nowhere else.
_PLACE: Final = re.compile(r"\(byte ([0-9]{1,9})\)\Z")


def decode_json(raw: bytes) -> Any:
    """Decode a body; numbers with a fraction become `Decimal`. Raises `Refused`; places count bytes from 0."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, InvalidOperation, RecursionError, UnicodeDecodeError) as error:
        english, portuguese = _fault(raw, error)
        raise Bilingual(
            "invalid_json",
            f"The body is not valid JSON: {english}.",
            f"O corpo da requisição não é um JSON válido: {portuguese}",
        ) from error


def _fault(raw: bytes, error: Exception) -> tuple[str, str]:
    if not raw.strip():
        return "it is empty", "está vazio"
    if isinstance(error, RecursionError):
        return "it is nested too deeply", "tem níveis demais"
    if isinstance(error, InvalidOperation):
        return "a number in it is out of range", "um número nele passa dos limites"
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return f"it is not UTF-8 at byte {wrong.start}", f"não é UTF-8 no byte {wrong.start}"
    place = _PLACE.search(str(error))
    if place is None:
        return "it is incomplete", "está incompleto"
    return f"the fault is at byte {place[1]}", f"o erro está no byte {place[1]}"
