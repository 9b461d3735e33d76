"""Decodes JSON; what is none is told by the place of the fault, and by no word of a library."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from extrato.domain.errors import Refused

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
# msgspec names the place at the end of its sentence, and nowhere else.
_PLACE: Final = re.compile(r"\(byte ([0-9]{1,9})\)\Z")


def decode_json(raw: bytes) -> Any:
    """Decode a body; numbers with a fraction become `Decimal`. Raises `Refused`; places count bytes from 0."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, InvalidOperation, RecursionError, UnicodeDecodeError) as error:
        raise _refusal(raw, error) from error


def _refusal(raw: bytes, error: Exception) -> Refused:
    if not raw.strip():
        return Refused("invalid_json", why="empty")
    if isinstance(error, RecursionError):
        return Refused("invalid_json", why="too_deep")
    if isinstance(error, InvalidOperation):
        return Refused("invalid_json", why="out_of_range")
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return Refused("invalid_json", why="not_utf8", place=wrong.start)
    place = _PLACE.search(str(error))
    if place is None:
        return Refused("invalid_json", why="incomplete")
    return Refused("invalid_json", place=place[1])
