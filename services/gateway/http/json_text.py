"""Decodes JSON. An error names the place of the fault, without the words of the library."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from extrato.domain.errors import Refused

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
# msgspec names the place only at the end of its message.
_PLACE: Final = re.compile(r"\(byte ([0-9]{1,9})\)\Z")
# Matches all escapes, so that none matches inside another. A half that the end of the body cuts does not match.
_ESCAPE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})(?!\\?\Z|\\u[0-9a-fA-F]{0,3}\Z)"
    rb"|\\.",
    re.DOTALL,
)


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
    return _fault_of_syntax(raw, str(error))


def _fault_of_syntax(raw: bytes, message: str) -> Refused:
    place = _PLACE.search(message)
    # msgspec reports a half near the end as a truncated body.
    half = _half_of_a_pair(raw) if place is None or "surrogate" in message else None
    if half is not None:
        return Refused("invalid_json", why="half_pair", place=half)
    if place is None:
        return Refused("invalid_json", why="incomplete")
    return Refused("invalid_json", place=place[1])


def _half_of_a_pair(raw: bytes) -> int | None:
    r"""Find the first half of a surrogate pair without its other half, such as `\ud83d` without `\ude00`."""
    return next((escape.start() for escape in _ESCAPE.finditer(raw) if escape["half"]), None)
