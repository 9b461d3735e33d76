"""Which payment a payer's token opens: the one that it was made for, also where another one got its number."""

from __future__ import annotations

import hmac

import pytest

from services.gateway.http.payer_tokens import TOKEN_LENGTH, PayerTokens
from tests.examples import loaded_payment

SECRET = b"s" * 32
CUT_OFF = 100
TOKENS = PayerTokens(SECRET, cut_off=CUT_OFF)
ANOTHER = "00000000-000f-8000-8000-ba9876543210"


def of_older_version(number: int) -> str:
    """The token that older versions gave to payers."""
    key = hmac.digest(SECRET, b"extrato payer tokens", "sha256")
    return hmac.digest(key, str(number).encode(), "sha256").hex()[:TOKEN_LENGTH]


@pytest.mark.parametrize("position", [1, CUT_OFF, CUT_OFF + 1])
def test_a_token_opens_its_payment(position: int):
    payment = loaded_payment(position=position)
    token = TOKENS.make(payment)
    assert len(token) == TOKEN_LENGTH
    assert TOKENS.opens(token, payment)
    assert not TOKENS.opens(token[:-1] + ("0" if token[-1] != "0" else "1"), payment)


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_a_token_opens_no_payment_of_another_number_or_another_identifier(position: int):
    token = TOKENS.make(loaded_payment(position=position))
    assert not TOKENS.opens(token, loaded_payment(16, position=position))
    assert not TOKENS.opens(token, loaded_payment(identifier=ANOTHER, position=position))


def test_a_token_of_an_older_version_opens_a_payment_of_that_time_only():
    token = of_older_version(15)
    assert TOKENS.opens(token, loaded_payment(position=1))
    assert TOKENS.opens(token, loaded_payment(position=CUT_OFF))
    assert not TOKENS.opens(token, loaded_payment(position=CUT_OFF + 1))
    assert not TOKENS.opens(token, loaded_payment(16, position=1))
    assert not PayerTokens(SECRET, cut_off=0).opens(token, loaded_payment(position=1))


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_tokens_are_made_in_one_form_only(position: int):
    assert TOKENS.make(loaded_payment(position=position)) != of_older_version(15)


@pytest.mark.parametrize("token", ["", "x", "é", "0" * 32, "0" * 1000])
def test_nonsense_opens_nothing(token: str):
    assert not TOKENS.opens(token, loaded_payment())
