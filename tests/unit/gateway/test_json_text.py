"""Invalid JSON is rejected with the place of the fault, without the library's message."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrato.domain.errors import Refused
from services.gateway.http.json_text import decode_json

ENGLISH = re.compile(
    r"The body is not valid JSON: (it is (empty|incomplete|nested too deeply|not UTF-8 at byte \d+)"
    r"|a text in it has half a surrogate pair at byte \d+|the fault is at byte \d+|a number in it is out of range)\."
)
PORTUGUESE = re.compile(
    r"O corpo da requisição não é um JSON válido: (está (vazio|incompleto)|tem níveis demais|não é UTF-8 no byte \d+"
    r"|um texto nele tem metade de um par substituto no byte \d+|o erro está no byte \d+"
    r"|um número nele passa dos limites)"
)

# A text with an escaped half of a surrogate pair, and the position of that half.
HALVES = [
    (rb'{"value": "\ud800"}', 11),
    (rb'{"\uDBFF": 1}', 2),
    (rb'{"value": "\udc00"}', 11),
    (rb'{"value": "p\ud800\u00e3o"}', 12),
    (rb'{"value": "\ud800 and a long rest", "a": 1}', 11),
    (rb'{"value": "\ud83d\ude00\ud83d\n"}', 23),
    (rb'{"value": "\\\ud800"}', 13),
    (rb'"\ud800\ud800"', 1),
    ('{"a": "ã", "value": "\\ud800"}'.encode(), 22),
]
INCOMPLETE = [
    rb'{"value": "\\ud800"',
    rb'{"value": "\ud83d',
    rb'{"value": "\ud83d\ude',
    rb'{"value": "\ud83d\u',
    b'"\\',
]


@pytest.mark.parametrize(
    ("raw", "english", "portuguese"),
    [
        (b"", "it is empty", "está vazio"),
        (b" \n", "it is empty", "está vazio"),
        (b'{"value": 1', "it is incomplete", "está incompleto"),
        *(
            (
                raw,
                f"a text in it has half a surrogate pair at byte {place}",
                f"um texto nele tem metade de um par substituto no byte {place}",
            )
            for raw, place in HALVES
        ),
        *((raw, "it is incomplete", "está incompleto") for raw in INCOMPLETE),
        (b'{"value": NaN}', "the fault is at byte 10", "o erro está no byte 10"),
        (b"value=1", "the fault is at byte 0", "o erro está no byte 0"),
        (b'{"value": 1e9999999999999999999999}', "a number in it is out of range", "um número nele passa dos limites"),
        (b"[" * 60_000, "it is nested too deeply", "tem níveis demais"),
        (b'{"a":' * 10_000, "it is nested too deeply", "tem níveis demais"),
        (b'{"nome": "p\xe3o"}', "it is not UTF-8 at byte 11", "não é UTF-8 no byte 11"),
        (rb'{"value": NaN, "a": "\ud800"}', "the fault is at byte 10", "o erro está no byte 10"),
        (rb'{"value": "\ud800\u00zz"}', "the fault is at byte 22", "o erro está no byte 22"),
        (b'{"(byte 7)": p}', "the fault is at byte 13", "o erro está no byte 13"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_fault_position_is_named_in_both_languages(raw, english, portuguese):
    with pytest.raises(Refused) as refused:
        decode_json(raw)
    assert refused.value.code == "invalid_json"
    assert refused.value.message == f"The body is not valid JSON: {english}."
    assert refused.value.portuguese == f"O corpo da requisição não é um JSON válido: {portuguese}"


@given(
    st.one_of(
        st.binary(max_size=60), st.text(max_size=60).map(str.encode), st.text('{}[]",:\\u0d8e1- tN').map(str.encode)
    )
)
def test_decoder_message_is_never_shown(raw):
    error = None
    try:
        decode_json(raw)
    except Refused as refused:
        error = refused
    assert error is None or (ENGLISH.fullmatch(error.message) and PORTUGUESE.fullmatch(error.portuguese))
