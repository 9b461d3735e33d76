"""Text in ASCII keeps its meaning, and separate numbers and words stay separate."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extrato.domain.plain_ascii import plain_ascii

NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
LETTERS = re.compile(r"[A-Za-z]+")


@pytest.mark.parametrize(
    ("text", "in_ascii"),
    [
        ("½ kg", "1/2 kg"),
        ("1½ kg", "1 1/2 kg"),
        ("1¼2", "1 1/4 2"),
        ("½½", "1/2 1/2"),
        ("3⅟2", "3 1/2"),
        ("1⁄2", "1/2"),  # noqa: RUF001
        ("2×500 g", "2x500 g"),  # noqa: RUF001
        ("2✖️3", "2x3"),
        ("4×A4", "4x A4"),  # noqa: RUF001
        ("10–12h", "10-12h"),  # noqa: RUF001
        ("R$ 5−2", "R$ 5-2"),  # noqa: RUF001
        ("5➖2 e 5➕2", "5-2 e 5+2"),  # noqa: RUF001
        ("10⁻²", "10^-2"),
        ("10²³5 m²", "10^23 5 m2"),
        ("CO₂ e 1₂", "CO2 e 1 2"),
        ("①② 1⒈5", "1 2 1 1. 5"),
        ("5‰", "5/1000"),
        ("3≠4", "3!=4"),
        ("2·3 • 4", "2 3 4"),
        ("1、2。3", "1, 2. 3"),
        ("1．5", "1.5"),  # noqa: RUF001
        ("٣٫٥", "3.5"),  # noqa: RUF001
        ("１２", "12"),  # noqa: RUF001
        ("1¹⁄₂ kg", "1 1/2 kg"),  # noqa: RUF001
        ("2³⁄₄", "2 3/4"),  # noqa: RUF001
        ("1¹/2", "1 1/2"),
        ("2 ³∕₄ e ²⁄₃", "2 3/4 e 2/3"),  # noqa: RUF001
        ("10¹¹⁄₁₂", "10 11/12"),  # noqa: RUF001
        ("7⅟₁₆3", "7 1/16 3"),
        ("10²/m (2)²/3 10⁻²/5", "10^2/m (2)^2/3 10^-2/5"),
        ("C₁₂H₂₂", "C12H22"),
        ("R$ 5\ufe0f\u20e30\ufe0f\u20e3,9\u20e39\u20e3", "R$ 50,99"),
        ("1\ufe0f\u20e32 pães e 12\ufe0f\u20e3", "1 2 paes e 1 2"),
        ("5🔟 #\ufe0f\u20e31", "5 10 #1"),
        ("de R$ 5\u03360\u0336 por 4\ufe0f0\ufe0e", "de R$ 50 por 40"),
        ("R$ 10→12", "R$ 10->12"),
        ("10←12 10⇒12 10➜12 10➡\ufe0f12 10￫12", "10<-12 10->12 10->12 10->12 10->12"),
        ("10↔12 10⇄12", "10<->12 10<->12"),
        ("10↑2 10↓2 10⇗2 10▷2", "10 2 10 2 10 2 10 2"),
        ("5→-3 5-→3 →→ <→ ←> =→", "5-> -3 5- ->3 -> -> < -> <- > = ->"),
    ],
)
def test_numbers_keep_their_meaning(text, in_ascii):
    assert plain_ascii(text) == in_ascii


@pytest.mark.parametrize(
    ("text", "in_ascii"),
    [
        ("Łukasz Straße", "Lukasz Strasse"),
        ("PA\u0303O FRANCE\u0302S", "PAO FRANCES"),
        ("Δήμος, Москва, 日本", "Dimos, Moskva, RiBen"),
        ("ﬁm, nº7, 1ª, 1° andar, 20°C", "fim, no7, 1a, 1o andar, 20oC"),
        ("n№5 PedroⅡ Extra™Pão 10™", "n No5 Pedro II Extra TM Pao 10TM"),
        ("“Pão d\u2019água”…", '"Pao d\'agua"...'),
        ("R$\u00a010\u202f000", "R$ 10 000"),
        ("5€, 2㎏", "5EUR, 2kg"),
        ("🄿🄰🄾 ⓅⒶⓄ", "PAO PAO"),
        ("Pada\u00adria", "Padaria"),
        ("A→B", "A->B"),
        ("Tipo 🅰️ 🅿🅰🄾", "Tipo A PAO"),
        ("Pão \u2139\ufe0f, Dó♯", "Pao , Do#"),
    ],
)
def test_words_keep_their_meaning(text, in_ascii):
    assert plain_ascii(text) == in_ascii


# Both forms of a keyboard's characters: U+FE0E selects a sign, U+FE0F a picture.
@pytest.mark.parametrize("style", ["\ufe0e", "\ufe0f"])
@pytest.mark.parametrize("sign", [*"½€№²™©‼Ⓜ㎏×✖➕→ºé–①", "1½", "1²"])  # noqa: RUF001
def test_sign_keeps_its_meaning_in_every_style(sign, style):
    assert plain_ascii(f"{sign}{style} 5 kg") == plain_ascii(f"{sign} 5 kg") != "5 kg"


@pytest.mark.parametrize(
    "gap",
    [
        "🥖",
        "👨‍👩‍👧",
        "🇧🇷",
        "❤️",
        "☕",
        "♥",
        "★",
        "✓",
        "☎\ufe0f",
        "\u2139",
        "🆗",
        "↯",
        "🏴\U000e0062\U000e0072\U000e007f",
        "\u200b",
        "\u2060",
        "\x00",
        "\n",
        "\ue000",
    ],
)
def test_non_text_becomes_a_blank(gap):
    assert plain_ascii(gap) == plain_ascii(f"{gap} {gap}") == ""
    assert plain_ascii(f"Pão{gap}Queijo 10{gap}12{gap}") == "Pao Queijo 10 12"


@given(st.text())
def test_result_is_tidy_printable_ascii_and_stable(text):
    in_ascii = plain_ascii(text)
    assert in_ascii.isascii()
    assert in_ascii.isprintable()
    assert in_ascii == " ".join(in_ascii.split()) == plain_ascii(in_ascii)


# A digit of another script may continue a number, and so may the marks that Arabic and other widths write in it. A
# combining mark modifies the digit before it, and U+20E3 turns that digit into a keycap.
GAPS = st.characters(
    min_codepoint=0x80,
    exclude_categories=["Nd", "Mn"],
    exclude_characters="٫٬․．，﹐﹒︐\u20e3",  # noqa: RUF001
)


@given(before=st.integers(0, 99999), gap=st.text(GAPS, min_size=1, max_size=3), after=st.integers(0, 99999))
@example(1, "½", 2)
@example(1, "\u00ad", 2)
@example(12, "᧱", 34)
def test_two_numbers_never_join(before, gap, after):
    numbers = NUMBER.findall(plain_ascii(f"{before}{gap}{after}"))
    assert len(numbers) >= 2
    assert (numbers[0], numbers[-1]) == (str(before), str(after))


SYMBOLS = st.characters(min_codepoint=0x80, categories=["S", "P", "Z", "Cf", "Co", "Nl"], exclude_characters="°\u00ad")


@given(gap=SYMBOLS)
def test_two_words_around_a_symbol_never_join(gap):
    words = LETTERS.findall(plain_ascii(f"pao{gap}mel"))
    assert (words[0], words[-1]) == ("pao", "mel")


@given(st.text(st.characters(categories=["L"], max_codepoint=0x24F), min_size=1))
def test_no_letter_of_a_latin_word_is_lost(word):
    decomposed = unicodedata.normalize("NFD", word)
    assert plain_ascii(decomposed) == plain_ascii(word)
    assert len(plain_ascii(word)) >= len(unicodedata.normalize("NFC", word))
