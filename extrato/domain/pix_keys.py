"""Pix keys: the five kinds and their normal forms.

All checks are offline: whether a key exists, and who owns it, is known only to Banco Central's directory (DICT). Eleven
digits may be a CPF or a telephone, so the caller states the kind.
"""

from __future__ import annotations

import re
from typing import Final

from extrato.domain.errors import Refused

_CPF: Final = re.compile(r"([0-9]{3})\.?([0-9]{3})\.?([0-9]{3})-?([0-9]{2})")
_CNPJ: Final = re.compile(r"([0-9A-Z]{2})\.?([0-9A-Z]{3})\.?([0-9A-Z]{3})/?([0-9A-Z]{4})-?([0-9]{2})")
_PHONE: Final = re.compile(r"(?:\+?55)?([1-9][0-9]9?[0-9]{8})")
_EMAIL: Final = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
)
_EVP: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PHONE_MARKS: Final = str.maketrans("", "", " ().-")
_MAX_KEY: Final = 77


class InvalidPixKey(Refused):
    """A text is not a Pix key of its kind; no fact repeats it, because keys are personal data."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, "pix_key", **facts)


def normalise(kind: str, text: str) -> str:
    """Write the key `text` as field 26-01 of a BR Code and the DICT hold it.

    CPF and CNPJ lose their mask, a CNPJ is upper-cased, a telephone becomes `+55` with area code and number,
    e-mail and EVP are lower-cased. Raises `InvalidPixKey`, also for an unknown kind.
    """
    key = text.strip()
    if not key.isascii() or len(key) > _MAX_KEY:
        raise InvalidPixKey("pix_key_unusable", maximum=_MAX_KEY)
    match kind:
        case "cpf":
            return _cpf(key)
        case "cnpj":
            return _cnpj(key.upper())
        case "phone":
            return _phone(key.translate(_PHONE_MARKS))
        case "email":
            return _email(key.lower())
        case "evp":
            return _evp(key.lower())
        case _:
            raise InvalidPixKey("pix_key_unknown_kind")


def _cpf(text: str) -> str:
    match = _CPF.fullmatch(text)
    if match is None:
        raise InvalidPixKey("pix_key_invalid_cpf")
    digits = "".join(match.groups())
    _check_digits(digits, highest_weight=11)
    return digits


def _cnpj(text: str) -> str:
    """Check a CNPJ, whose first twelve places may hold letters (Instrução Normativa RFB 2.229/2024)."""
    match = _CNPJ.fullmatch(text)
    if match is None:
        raise InvalidPixKey("pix_key_invalid_cnpj")
    places = "".join(match.groups())
    _check_digits(places, highest_weight=9)
    return places


def _phone(text: str) -> str:
    match = _PHONE.fullmatch(text)
    if match is None:
        raise InvalidPixKey("pix_key_invalid_phone")
    return f"+55{match[1]}"


def _email(text: str) -> str:
    if _EMAIL.fullmatch(text) is None:
        raise InvalidPixKey("pix_key_invalid_email")
    return text


def _evp(text: str) -> str:
    """Check a random key; the version of the UUID is left open, as it is in the manual's own sample."""
    if _EVP.fullmatch(text) is None:
        raise InvalidPixKey("pix_key_invalid_evp")
    return text


def _check_digits(places: str, *, highest_weight: int) -> None:
    """Check the last two digits of a CPF or CNPJ: weighted sums of the places before them, modulo 11.

    Weights count upwards from 2, from right to left, and begin again after `highest_weight`. A letter counts as its
    ASCII code less 48, as a digit does. Numbers of equal digits may satisfy the sums, but are never issued.
    """
    values = [ord(place) - ord("0") for place in places]
    expected = [_check_digit(values[:-2], highest_weight), _check_digit(values[:-1], highest_weight)]
    if values[-2:] != expected or len(set(values)) == 1:
        raise InvalidPixKey("pix_key_wrong_check_digits")


def _check_digit(values: list[int], highest_weight: int) -> int:
    total = sum(value * (2 + place % (highest_weight - 1)) for place, value in enumerate(reversed(values)))
    remainder = total % 11
    return 0 if remainder < 2 else 11 - remainder
