"""Writes any text in printable ASCII, as a BR Code needs it, without a change of its meaning.

`anyascii` converts each character alone: it makes `11/2` of `1½`. This module puts a blank between characters that must
stay apart, and replaces a few characters that mean something else to a payer.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from anyascii import anyascii

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK: Final = " "

_REPLACEMENTS: Final = {
    **dict.fromkeys("×✕✖⨯⋅", "x"),  # noqa: RUF001 - multiplication signs
    **dict.fromkeys("·‧・･•‣◦∙", _BLANK),  # `anyascii` would write a minus or an asterisk between digits.
    "➕": "+",  # noqa: RUF001
    "➖": "-",  # noqa: RUF001
    "➗": "/",
    "🔟": "10",
    "♯": "#",
    "ℹ": _BLANK,  # noqa: RUF001 - an emoji, though Unicode has it among the letters
    "≠": "!=",
    "‰": "/1000",
    "°": "o",  # People write it for the ordinal º as often as for degrees.
}

# Accented Latin letters, which do not depend on their neighbours.
_LETTERS: Final = {
    number: in_ascii
    for number in (0xAA, 0xBA, *range(0xC0, 0x250))
    if chr(number).isalpha() and (in_ascii := anyascii(chr(number))).isalpha()
}

# Characters that have a meaning only together: a keycap such as 5️⃣, and raised digits as the numerator of a fraction.
_RAISED: Final = "⁰¹²³⁴-⁹"
_GROUPS: Final = re.compile(
    rf"(?P<keycap>[0-9#*])\ufe0f?\u20e3|(?P<numerator>(?<![{_RAISED}⁺⁻)])[{_RAISED}]+)(?=[/⁄∕／][0-9₀-₉])"  # noqa: RUF001
)
_SHORTCODE: Final = re.compile(r":[^:]+:")
# Symbols that are pictures: technical and geometric ones, dingbats, and all planes of emoji but the letters in frames.
_PICTURES: Final = ((0x2300, 0x23FF), (0x25A0, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1F0FF), (0x1F18A, 0x1FFFF))
_ARROWS: Final = (
    (0x2190, 0x21FF),
    (0x2794, 0x27BE),
    (0x27F0, 0x27FF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0xFFE9, 0xFFEC),
    (0x1F800, 0x1F8FF),
)
# Beside one of these, a sign of an arrow would look like another arrow.
_ARROW_SIGNS: Final = frozenset("<>-=")
# Arabic has its own marks for decimals and thousands.
_DECIMAL_MARKS: Final = frozenset("\u066b\u066c")

Kind = Literal["arrow", "digit", "keycap", "letter", "mark", "numerator", "subscript", "superscript", "symbol"]
_DIGIT_KINDS: Final = frozenset({"digit", "keycap", "subscript", "superscript"})


def plain_ascii(text: str) -> str:
    """Write `text` in printable ASCII, with single blanks and none at the ends; empty if no character can be written.

    Accents are removed, letters of other scripts are romanised, and signs are replaced by ASCII ones. Emoji, control
    characters and characters without a width become blanks. Separate numbers or words never join.
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
    for in_ascii, kind in _in_ascii(text):
        if in_ascii:
            written += [_separator(last, last_kind, in_ascii[0], kind), in_ascii]
            last, last_kind = in_ascii[-1], kind
        elif kind != "mark":
            last_kind = None
    return "".join(written)


def _in_ascii(text: str) -> Iterator[tuple[str, Kind]]:
    """Yield each character, or each group with one meaning, in ASCII, with its kind."""
    start = 0
    for match in _GROUPS.finditer(text):
        yield from map(_convert, text[start : match.start()])
        yield (match["keycap"], "keycap") if match["keycap"] else (anyascii(match["numerator"]), "numerator")
        start = match.end()
    yield from map(_convert, text[start:])


def _separator(last: str, last_kind: Kind | None, first: str, kind: Kind) -> str:
    """Return the separator that keeps two characters from looking like one number or one word.

    `last_kind` is None if a character between them was dropped, other than a mark on the one before.
    """
    if (kind == "arrow" or last_kind == "arrow") and {last, first} <= _ARROW_SIGNS:
        return _BLANK
    if last.isdigit() and kind == "numerator":
        return _BLANK
    if kind == "superscript" and last_kind != "superscript" and (last.isdigit() or last == ")"):
        return "^"
    if last.isdigit() and first.isdigit():
        return "" if last_kind == kind and kind in _DIGIT_KINDS else _BLANK
    is_one_word = last_kind is None or (last_kind == "letter") == (kind == "letter")
    return _BLANK if last.isalpha() and first.isalpha() and not is_one_word else ""


@lru_cache(maxsize=4096)
def _convert(character: str) -> tuple[str, Kind]:
    """Return one character in ASCII, empty for a mark on the one before, with its kind."""
    kind = _kind(character)
    if character in _REPLACEMENTS:
        return _REPLACEMENTS[character], "letter" if character == "°" else kind
    if character.isascii():
        return character, kind
    in_ascii = anyascii(character)
    category = unicodedata.category(character)
    if _is_arrow(character, category):
        return _arrow(character), "arrow"
    if category[0] in "CZ" or _is_picture(character, category, in_ascii):
        return ("" if character == "\u00ad" else _BLANK), kind
    if not in_ascii:
        return ("" if kind in {"letter", "mark"} else _BLANK), kind
    return _isolate_marks(character, in_ascii), kind


def _kind(character: str) -> Kind:
    category = unicodedata.category(character)
    if category == "Nd":
        return "digit"
    if category == "Mn" and not anyascii(character):
        return "mark"
    if category[0] == "L" or (category[0] == "M" and anyascii(character)):
        return "letter"
    decomposition = unicodedata.decomposition(character)
    if decomposition.startswith("<sub>"):
        return "subscript"
    # The trade mark ™ is raised too, but is no exponent.
    return "superscript" if category != "So" and decomposition.startswith("<super>") else "symbol"


def _is_arrow(character: str, category: str) -> bool:
    is_named_so = any(name in unicodedata.name(character, "") for name in ("ARROW", "HARPOON"))
    return is_named_so and category in {"So", "Sm"} and _is_within(_ARROWS, character)


def _arrow(character: str) -> str:
    """Draw an arrow to a side, and none up or down: `anyascii` writes comparisons, exponents and letters for them."""
    name = unicodedata.name(character)
    to_left, to_right = "LEFT" in name, "RIGHT" in name
    return f"{'<' * to_left}-{'>' * to_right}" if to_left or to_right else _BLANK


def _is_picture(character: str, category: str, in_ascii: str) -> bool:
    """The character is an emoji or another picture, for which `anyascii` has only a name between colons."""
    if _SHORTCODE.fullmatch(in_ascii):
        return True
    return category in {"Sk", "Sm", "So"} and _is_within(_PICTURES, character)


def _is_within(ranges: tuple[tuple[int, int], ...], character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _isolate_marks(character: str, in_ascii: str) -> str:
    """Keep a point or comma of ASCII from joining two numbers, unless the original character is part of a number."""
    if character in _DECIMAL_MARKS or (len(in_ascii) == 1 and unicodedata.normalize("NFKC", character) == in_ascii):
        return in_ascii
    before = _BLANK if in_ascii[0] in ".," and in_ascii[1:2].isdigit() else ""
    after = _BLANK if in_ascii[-1] in ".," else ""
    return f"{before}{in_ascii}{after}"
