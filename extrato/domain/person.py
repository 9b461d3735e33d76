"""The normal forms by which a person's payments are found: e-mail address, CPF, CNPJ and telephone number."""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

PersonKind = Literal["email", "cpf", "cnpj", "phone"]

KINDS: Final[tuple[PersonKind, ...]] = ("email", "cpf", "cnpj", "phone")
# A CPF, a CNPJ or a telephone number, with or without punctuation; ids of ten digits and more look the same.
LONG_NUMBER: Final = r"[+(]*\d(?:[ ./()-]{0,2}\d){9,}"
_BRAZIL: Final = "55"
# Area code and number; with the country code it has more digits.
_LONGEST_NATIONAL_NUMBER: Final = 11
_ABROAD: Final = "00"


def normal_form(kind: PersonKind, text: str) -> str:
    """Return the normal form of an identifier; two spellings of one identifier have the same.

    An e-mail address loses its capitals and the part of the name after a plus, which mailboxes ignore. Letters that
    only look alike stay different, as in straße.de and strasse.de: another person must not be forgotten. A Brazilian
    telephone number loses its country code, and one of another country begins with a plus.
    """
    if kind == "email":
        plain = text if text.isascii() else unicodedata.normalize("NFC", text)
        name, at, domain = plain.strip().lower().rpartition("@")
        return f"{name.partition('+')[0] or name}{at}{domain}"
    return _phone(text) if kind == "phone" else _plain(text)


def earlier_forms(kind: PersonKind, text: str) -> list[str]:
    """Return other normal forms by which an earlier version may have found an identifier.

    It left the plus out. A shorter number would then be a Brazilian one, of another person.
    """
    form = normal_form(kind, text)
    digits = form.removeprefix("+")
    return [digits] if kind == "phone" and form != digits and len(digits) > _LONGEST_NATIONAL_NUMBER else []


def _phone(text: str) -> str:
    digits = _plain(text)
    if text.lstrip(" (").startswith("+"):
        whole = digits
    elif digits.startswith(_ABROAD):
        whole = digits.removeprefix(_ABROAD)
    elif digits.startswith("0"):
        # The prefix of a call to another area.
        return digits.removeprefix("0")
    elif len(digits) > _LONGEST_NATIONAL_NUMBER:
        whole = digits
    else:
        return digits
    return whole.removeprefix(_BRAZIL) if whole.startswith(_BRAZIL) else f"+{whole}"


def _plain(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKC", text).upper() if each.isalnum())


def kind_of(text: str) -> PersonKind | None:
    """Return what an operator's text is; None if its form fits none. A telephone number begins with a plus."""
    plain = _plain(text)
    if "@" in text:
        return "email"
    if text.strip().startswith(("+", "(")):
        return "phone"
    return {11: "cpf", 14: "cnpj"}.get(len(plain))  # type: ignore[return-value]
