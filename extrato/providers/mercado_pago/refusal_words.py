"""Removes the payer's data from Mercado Pago's sentences about refusals, which events keep forever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

EMAIL: Final = re.compile(r"[^\s\"'<>(),;:=]+@[^\s\"'<>(),;:=]+")
# A CPF, a CNPJ or a telephone number, with or without punctuation; ids of ten digits and more look the same.
NUMBER: Final = re.compile(r"[+(]*\d(?:[ ./()-]{0,2}\d){9,}")
SHORTEST: Final = 3


def without_payer(sentence: str, request: bytes | None, *, token: str) -> str:
    """Return a sentence without the token, and without what may be of the payer: texts of the request, and numbers."""
    sentence = EMAIL.sub("(e-mail)", sentence.replace(token, "(token)"))
    for text in sorted(set(_payer_texts(request)), key=len, reverse=True):
        sentence = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "(payer)", sentence, flags=re.IGNORECASE)
    return NUMBER.sub("(number)", sentence)


def _payer_texts(request: bytes | None) -> Iterator[str]:
    body = msgspec.json.decode(request) if request else {}
    for part in (body, body.get("additional_info")) if isinstance(body, dict) else ():
        if isinstance(part, dict):
            yield from _texts(part.get("payer"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name != "type":
                yield from _texts(each)
    elif isinstance(value, str) and len(value) >= SHORTEST:
        yield value
