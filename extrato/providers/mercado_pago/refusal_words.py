"""Removes the payer's data from Mercado Pago's sentences about refusals, which events keep forever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from extrato.domain.person import LONG_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EMAIL: Final = re.compile(r"[^\s\"'<>(),;:=]+@[^\s\"'<>(),;:=]+")
NUMBER: Final = re.compile(LONG_NUMBER)
SHORTEST: Final = 3
# Where requests and answers describe the payer; the last two are in answers only.
PAYERS: Final = (
    ("payer",),
    ("additional_info", "payer"),
    ("card", "cardholder"),
    ("point_of_interaction", "transaction_data", "bank_info", "payer"),
)


def without_payer(sentence: str, request: bytes | None, *, token: str) -> str:
    """Return a sentence without the token, and without what may be of the payer: texts of the request, and numbers."""
    return without_texts(sentence.replace(token, "(token)"), payer_texts(request) if request else ())


def without_texts(sentence: str, texts: Iterable[str]) -> str:
    """Return a sentence without these texts of the payer, e-mail addresses and long numbers."""
    sentence = EMAIL.sub("(e-mail)", sentence)
    for text in sorted({each for each in texts if len(each) >= SHORTEST}, key=len, reverse=True):
        sentence = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "(payer)", sentence, flags=re.IGNORECASE)
    return NUMBER.sub("(number)", sentence)


def payer_texts(message: bytes) -> Iterator[str]:
    """Return the texts about the payer in a request, or in an answer about a payment; other messages have none."""
    try:
        body = msgspec.json.decode(message)
    except msgspec.MsgspecError:
        return
    for path in PAYERS:
        part = body
        for name in path:
            part = part.get(name) if isinstance(part, dict) else None
        yield from _texts(part)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name != "type":
                yield from _texts(each)
    elif isinstance(value, str):
        yield value
