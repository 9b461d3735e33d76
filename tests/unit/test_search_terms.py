"""The words of a text, and the terms by which payments are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.search_terms import MOST_WORDS, term, terms_of_words, words_of

SHOP, OTHER_SHOP = "padaria-do-marcos", "cafe-da-ana"
PAO_OF_THE_SHOP = 5645242070067282473


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Pão de Queijo", ["pao", "de", "queijo"]),
        ("pa\u0303o", ["pao"]),
        ("PÃO-DE-LÓ, 2x", ["pao", "de", "lo", "2x"]),
        ("pedido_2026/77", ["pedido", "2026", "77"]),
        ("pão pão pao", ["pao"]),
        ("Straße \N{LATIN SMALL LIGATURE FI}m \N{FULLWIDTH LATIN CAPITAL LETTER A} ™", ["strasse", "fim", "a", "tm"]),
        ("🥖 — !", []),
        ("", []),
    ],
)
def test_words_have_no_accents_and_no_capitals(text, words):
    assert words_of(text) == words


@given(st.text(max_size=40))
def test_words_of_words_are_the_same_words(text):
    words = words_of(text)
    assert words_of(" ".join(words)) == words


def test_words_beyond_the_limit_are_left_out():
    assert len(words_of(" ".join(map(str, range(MOST_WORDS + 5))))) == MOST_WORDS


def test_terms_differ_by_merchant_kind_and_text():
    terms = [
        term(merchant, kind, text)
        for merchant in (SHOP, OTHER_SHOP)
        for kind in ("word", "reference", "id", "alert")
        for text in ("a", "b")
    ]
    assert len(set(terms)) == len(terms)


def test_term_is_the_same_in_every_process():
    # Rows that another version wrote have these numbers.
    assert term(SHOP, "word", "pao") == terms_of_words(SHOP, "Pão")[0] == PAO_OF_THE_SHOP


def test_term_is_a_bigint():
    assert all(-(2**63) <= term(SHOP, "id", str(number)) < 2**63 for number in range(100))
