"""The normal forms by which a person's payments are found: e-mail address, CPF, CNPJ and telephone number."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

PersonKind = Literal["email", "cpf", "cnpj", "phone"]

KINDS: Final[tuple[PersonKind, ...]] = ("email", "cpf", "cnpj", "phone")
_BRAZIL: Final = "55"
# Area code and number; with the country code it has more digits.
_LONGEST_NATIONAL_NUMBER: Final = 11


def normal_form(kind: PersonKind, text: str) -> str:
    """Return the normal form of an identifier; two spellings of one identifier have the same.

    An e-mail address loses its capitals and the part of the name after a plus, which mailboxes ignore. Letters that
    only look alike stay different, as in straße.de and strasse.de: another person must not be forgotten.
    """
    if kind == "email":
        name, at, domain = unicodedata.normalize("NFC", text).strip().lower().rpartition("@")
        return f"{name.partition('+')[0] or name}{at}{domain}"
    plain = "".join(each for each in unicodedata.normalize("NFKC", text).upper() if each.isalnum())
    if kind == "phone" and len(plain) > _LONGEST_NATIONAL_NUMBER:
        return plain.removeprefix(_BRAZIL)
    return plain


def kind_of(text: str) -> PersonKind | None:
    """Return what an operator's text is; None if its form fits none. A telephone number begins with a plus."""
    plain = normal_form("cpf", text)
    if "@" in text:
        return "email"
    if text.strip().startswith(("+", "(")):
        return "phone"
    return {11: "cpf", 14: "cnpj"}.get(len(plain))  # type: ignore[return-value]
