"""Amounts: accepted values, refused values, and how they are written."""

from __future__ import annotations

import json
import tracemalloc
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrato.domain.money import (
    MAXIMUM_CENTAVOS,
    InvalidAmount,
    format_brl,
    parse_reais,
    to_decimal_text,
    to_reais,
)
from tests.compatibility.claim import claim

AMOUNTS = st.integers(1, MAXIMUM_CENTAVOS)
JSON = msgspec.json.Decoder(float_hook=Decimal)


def refusal(value, **options) -> InvalidAmount:
    with pytest.raises(InvalidAmount) as refused:
        parse_reais(value, **options)
    return refused.value


@pytest.mark.parametrize(
    ("value", "centavos"),
    [
        (35, 3500),
        (35.0, 3500),
        (Decimal("35.00"), 3500),
        (Decimal("0.01"), 1),
        (0.1, 10),
        (19.99, 1999),
        (1.1, 110),
        (4.35, 435),
        (Decimal("1E+3"), 100_000),
        (Decimal("1.500"), 150),
        (Decimal("1." + "0" * 1000), 100),
        (9999999999.99, MAXIMUM_CENTAVOS),
        (Decimal("9999999999.99"), MAXIMUM_CENTAVOS),
    ],
)
def test_number_of_reais_with_two_decimals_is_an_amount(value, centavos):
    assert parse_reais(value) == centavos


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "amount_missing"),
        (True, "amount_boolean"),
        (False, "amount_boolean"),
        ("35.00", "amount_text"),
        ("", "amount_text"),
        ([35], "amount_not_a_number"),
        ({"amount": 35}, "amount_not_a_number"),
        (35 + 0j, "amount_not_a_number"),
        (float("nan"), "amount_nan"),
        (Decimal("NaN"), "amount_nan"),
        (Decimal("sNaN"), "amount_nan"),
        (float("inf"), "amount_infinite"),
        (float("-inf"), "amount_infinite"),
        (Decimal("Infinity"), "amount_infinite"),
        (0, "amount_zero"),
        (0.0, "amount_zero"),
        (-0.0, "amount_zero"),
        (Decimal("0E+999999"), "amount_zero"),
        (-1, "amount_negative"),
        (-0.001, "amount_negative"),
        (Decimal("-1E+400"), "amount_negative"),
        (0.001, "amount_too_precise"),
        (0.1 + 0.2, "amount_too_precise"),
        (1e-7, "amount_too_precise"),
        (Decimal("1.005"), "amount_too_precise"),
        (Decimal("1." + "0" * 1000 + "1"), "amount_too_precise"),
        (10_000_000_000, "amount_too_large"),
        (10**4000, "amount_too_large"),
        (1e22, "amount_too_large"),
        (Decimal("9999999999.991"), "amount_too_large"),
    ],
)
def test_other_values_are_refused_with_their_own_code(value, code):
    refused = refusal(value)
    assert (refused.code, refused.about) == (code, "amount")
    assert refused.message.endswith(".")


def test_limit_comes_from_the_caller_and_is_in_the_error():
    assert parse_reais(500, maximum_centavos=50_000) == 50_000
    refused = refusal(Decimal("500.01"), maximum_centavos=50_000)
    assert refused.code == "amount_too_large"
    assert "R$ 500,00" in refused.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"1e400", "amount_too_large"),
        (b"1e999999999999999999", "amount_too_large"),
        (b"1e-999999999999999999", "amount_too_precise"),
        (b"-1e999999999999999999", "amount_negative"),
        (b"0e999999999999999999", "amount_zero"),
    ],
)
def test_huge_exponent_costs_no_memory(text, code):
    value = JSON.decode(text)
    tracemalloc.start()
    try:
        assert refusal(value).code == code
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 100_000


@claim("pix.value")
@given(AMOUNTS)
def test_every_amount_survives_json(centavos):
    text = json.dumps(to_reais(centavos))
    assert Decimal(text) == Decimal(centavos) / 100
    assert parse_reais(JSON.decode(text)) == centavos
    assert parse_reais(json.loads(text)) == centavos
    assert msgspec.json.encode(to_reais(centavos)).decode() == text


@given(AMOUNTS)
def test_every_amount_survives_decimal_text(centavos):
    assert parse_reais(Decimal(to_decimal_text(centavos))) == centavos


@given(AMOUNTS)
def test_brazilian_form_has_the_same_amount(centavos):
    assert format_brl(centavos).removeprefix("R$ ").replace(".", "").replace(",", ".") == to_decimal_text(centavos)


@given(
    st.floats() | st.decimals() | st.integers() | st.fractions() | st.text() | st.binary() | st.none() | st.booleans()
)
def test_every_value_is_an_amount_within_the_limit_or_refused(value):
    try:
        centavos = parse_reais(value)
    except InvalidAmount:
        return
    assert 1 <= centavos <= MAXIMUM_CENTAVOS
    assert Decimal(str(value)) * 100 == centavos


@given(st.decimals(min_value="0.001", max_value="1000", places=3).filter(lambda value: value * 100 % 1))
def test_third_decimal_is_never_rounded_away(value):
    assert refusal(value).code == "amount_too_precise"
    assert refusal(float(value)).code == "amount_too_precise"


@pytest.mark.parametrize(("centavos", "text"), [(3500, "35.0"), (1999, "19.99"), (10, "0.1"), (1, "0.01"), (0, "0.0")])
def test_reais_are_the_shortest_float(centavos, text):
    assert repr(to_reais(centavos)) == text


@pytest.mark.parametrize(
    ("centavos", "text"),
    [(3500, "35.00"), (1, "0.01"), (110, "1.10"), (0, "0.00"), (-150, "-1.50"), (-5, "-0.05")],
)
def test_decimal_text_has_two_decimals(centavos, text):
    assert to_decimal_text(centavos) == text


@pytest.mark.parametrize(
    ("centavos", "text"),
    [
        (123_456, "R$ 1.234,56"),
        (5, "R$ 0,05"),
        (100, "R$ 1,00"),
        (MAXIMUM_CENTAVOS, "R$ 9.999.999.999,99"),
        (-123_456, "-R$ 1.234,56"),
    ],
)
def test_brazilian_form_has_points_and_a_comma(centavos, text):
    assert format_brl(centavos) == text
