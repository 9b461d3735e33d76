"""Writes any text in printable ASCII, as a BR Code needs it, without a change of its meaning.

`anyascii` knows what each character of Unicode is in ASCII, but sees no character beside it: it makes `11/2` of `1½`.
Here a blank keeps apart what was apart, and a few characters mean something else to a payer than to `anyascii`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

from anyascii import anyascii

_BLANK: Final = " "

_OURS: Final = {
    **dict.fromkeys("×✕✖⨯⋅", "x"),  # noqa: RUF001 - what multiplies
    **dict.fromkeys("·‧・･•‣◦∙", _BLANK),  # Between digits they would be a minus or an asterisk.
    "➕": "+",  # noqa: RUF001
    "➖": "-",  # noqa: RUF001
    "➗": "/",
    "≠": "!=",
    "‰": "/1000",
    "°": "o",  # Written for the ordinal º as often as for degrees.
}

# Accented Latin letters, which need no look at their neighbours.
_LETTERS: Final = {
    number: in_ascii
    for number in (0xAA, 0xBA, *range(0xC0, 0x250))
    if chr(number).isalpha() and (in_ascii := anyascii(chr(number))).isalpha()
}

_EMOJI_STYLE: Final = "\ufe0f"
_SHORTCODE: Final = re.compile(r":[^:]+:")
# Symbols that are pictures: technical and geometric ones, dingbats, and all planes of emoji but the letters in frames.
_PICTURES: Final = ((0x2300, 0x23FF), (0x25A0, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1F0FF), (0x1F170, 0x1FFFF))
# Arabic writes decimals and thousands with marks of its own.
_DECIMAL_MARKS: Final = frozenset("\u066b\u066c")

Kind = Literal["digit", "letter", "superscript", "symbol"]


def plain_ascii(text: str) -> str:
    """Write `text` in printable ASCII, with single blanks and none at the ends; empty where nothing can be written.

    Accents go, letters of other scripts are romanised, and signs become what ASCII has for them. Emoji, control
    characters and those without a width become blanks. Digits or words never grow together.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(_LETTERS)
    if not text.isascii():
        text = _transliterated(text)
    if not text.isprintable():
        text = "".join(character if character.isprintable() else _BLANK for character in text)
    return " ".join(text.split())


def _transliterated(text: str) -> str:
    written: list[str] = []
    last: str = _BLANK
    last_kind: Kind | None = None
    for character, following in zip(text, f"{text[1:]} ", strict=True):
        in_ascii, kind = _of_character(character)
        if following == _EMOJI_STYLE and not character.isascii() and character not in _OURS:
            in_ascii = _BLANK
        if in_ascii:
            written += [_between(last, last_kind, in_ascii[0], kind), in_ascii]
            last, last_kind = in_ascii[-1], kind
        else:
            last_kind = None
    return "".join(written)


def _between(last: str, last_kind: Kind | None, first: str, kind: Kind) -> str:
    """Give what keeps two characters from being read as one number or one word.

    `last_kind` is None where a character was left out between them.
    """
    if kind == "superscript" and last_kind != "superscript" and (last.isdigit() or last == ")"):
        return "^"
    if last.isdigit() and first.isdigit():
        return "" if last_kind == kind and kind in {"digit", "superscript"} else _BLANK
    is_one_word = last_kind is None or (last_kind == "letter") == (kind == "letter")
    return _BLANK if last.isalpha() and first.isalpha() and not is_one_word else ""


@lru_cache(maxsize=4096)
def _of_character(character: str) -> tuple[str, Kind]:
    """Give what one character is in ASCII, empty for marks on the one before, and what it is to its neighbours."""
    kind = _kind(character)
    if character in _OURS:
        return _OURS[character], "letter" if character == "°" else kind
    if character.isascii():
        return character, kind
    in_ascii = anyascii(character)
    category = unicodedata.category(character)
    if category[0] in "CZ" or _is_picture(character, category, in_ascii):
        return ("" if character == "\u00ad" else _BLANK), kind
    if not in_ascii:
        return ("" if category[0] == "L" or category == "Mn" else _BLANK), kind
    return _with_marks_apart(character, in_ascii), kind


def _kind(character: str) -> Kind:
    category = unicodedata.category(character)
    if category == "Nd":
        return "digit"
    if category[0] in "LM":
        return "letter"
    # The trade mark ™ is raised too, and no exponent.
    is_raised = category != "So" and unicodedata.decomposition(character).startswith("<super>")
    return "superscript" if is_raised else "symbol"


def _is_picture(character: str, category: str, in_ascii: str) -> bool:
    """Say whether it is an emoji or the like, of which `anyascii` has only a name between colons."""
    if _SHORTCODE.fullmatch(in_ascii):
        return True
    return category in {"So", "Sk"} and any(first <= ord(character) <= last for first, last in _PICTURES)


def _with_marks_apart(character: str, in_ascii: str) -> str:
    """Keep a point or comma of ASCII from joining two numbers, unless the character itself stands within a number."""
    if character in _DECIMAL_MARKS or (len(in_ascii) == 1 and unicodedata.normalize("NFKC", character) == in_ascii):
        return in_ascii
    before = _BLANK if in_ascii[0] in ".," and in_ascii[1:2].isdigit() else ""
    after = _BLANK if in_ascii[-1] in ".," else ""
    return f"{before}{in_ascii}{after}"
