"""Finds the payer in a bank's message about a Pix: banks write it in different ways, and the hub keeps the message.

Only what names the payer counts, by the names of the fields around it: a message also has data of the receiver.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from extrato.domain.errors import Refused
from extrato.domain.person import kind_of
from extrato.domain.pix_keys import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extrato.domain.person import PersonKind

_PAYER: Final = re.compile(r"pagador|payer|devedor|debtor", re.IGNORECASE)
_PHONE: Final = re.compile(r"fone|phone|celular|mobile", re.IGNORECASE)
# One account number in a hundred has the check digits of a CPF.
_ACCOUNT: Final = re.compile(r"conta|account|ag[eê]ncia|agency|branch|ispb", re.IGNORECASE)
_LENGTHS: Final[dict[str, int]] = {"cpf": 11, "cnpj": 14}
# A message has a limit, and its depth none.
_DEEPEST: Final = 8


def payer_identifiers(message: object) -> set[tuple[PersonKind, str]]:
    """Return the identifiers of the payer in a decoded message; a CPF or CNPJ has valid check digits."""
    return {found for name, value in _texts(message) if (found := _identifier(name, value))}


def _texts(value: Any, name: str = "", *, is_payer: bool = False, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list) and depth < _DEEPEST:
        named = value.items() if isinstance(value, dict) else ((name, each) for each in value)
        for part, each in named:
            yield from _texts(each, part, is_payer=is_payer or bool(_PAYER.search(part)), depth=depth + 1)
    elif is_payer and isinstance(value, str | int) and not isinstance(value, bool):
        yield name, str(value)


def _identifier(name: str, text: str) -> tuple[PersonKind, str] | None:
    if _ACCOUNT.search(name):
        return None
    if _PHONE.search(name):
        return ("phone", text) if any(each.isdigit() for each in text) else None
    for kind, length in _LENGTHS.items():
        if kind in name.lower() and text.isdigit():
            # A number of JSON has lost its zeros.
            text = text.zfill(length)
    kind_of_text = kind_of(text)
    if kind_of_text not in {"cpf", "cnpj"}:
        return ("email", text) if kind_of_text == "email" else None
    try:
        return kind_of_text, normalise(kind_of_text, text)
    except Refused:
        return None
