"""A payer's token opens only its own payment, also after its number was assigned again."""

from __future__ import annotations

import hmac
from datetime import timedelta

import pytest

from services.gateway.http.payer_tokens import TOKEN_LENGTH, PayerTokens, is_token
from tests.examples import NOON, loaded_payment

SECRET = b"s" * 32
CUT_OFF = 100
TOKENS = PayerTokens((SECRET,), cut_off=CUT_OFF)
ANOTHER = "00000000-000f-8000-8000-ba9876543210"


def of_older_version(number: int) -> str:
    """Return a token as older versions made it."""
    key = hmac.digest(SECRET, b"extrato payer tokens", "sha256")
    return hmac.digest(key, str(number).encode(), "sha256").hex()[:TOKEN_LENGTH]


@pytest.mark.parametrize("position", [1, CUT_OFF, CUT_OFF + 1])
def test_token_opens_its_payment(position: int):
    payment = loaded_payment(position=position)
    token = TOKENS.make(payment)
    assert len(token) == TOKEN_LENGTH
    assert TOKENS.opens(token, payment, now=NOON)
    assert not TOKENS.opens(token[:-1] + ("0" if token[-1] != "0" else "1"), payment, now=NOON)


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_token_opens_no_other_number_or_identifier(position: int):
    token = TOKENS.make(loaded_payment(position=position))
    assert not TOKENS.opens(token, loaded_payment(16, position=position), now=NOON)
    assert not TOKENS.opens(token, loaded_payment(bank_payment_id=ANOTHER, position=position), now=NOON)


def test_older_token_opens_only_older_payments():
    token = of_older_version(15)
    assert TOKENS.opens(token, loaded_payment(position=1), now=NOON)
    assert TOKENS.opens(token, loaded_payment(position=CUT_OFF), now=NOON)
    assert not TOKENS.opens(token, loaded_payment(position=CUT_OFF + 1), now=NOON)
    assert not TOKENS.opens(token, loaded_payment(16, position=1), now=NOON)
    assert not PayerTokens((SECRET,), cut_off=0).opens(token, loaded_payment(position=1), now=NOON)


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_tokens_have_one_form(position: int):
    assert TOKENS.make(loaded_payment(position=position)) != of_older_version(15)


@pytest.mark.parametrize("token", ["", "x", "é", "0" * 32, "0" * 1000])
def test_malformed_token_opens_nothing(token: str):
    assert not TOKENS.opens(token, loaded_payment(), now=NOON)


# --- tokens that end ------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_expiring_token_opens_until_expiry(position: int):
    payment = loaded_payment(position=position)
    token = TOKENS.make_until(payment, NOON + HOUR)
    assert is_token(token)
    for now, opens in ((NOON, True), (NOON + HOUR - timedelta(seconds=1), True), (NOON + HOUR, False)):
        assert TOKENS.opens(token, payment, now=now) is opens
    assert not TOKENS.opens(token, loaded_payment(16, position=position), now=NOON)
    assert not TOKENS.opens(token, loaded_payment(bank_payment_id=ANOTHER, position=position), now=NOON)


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_token_with_changed_expiry_is_rejected(position: int):
    payment = loaded_payment(position=position)
    code, _, ends = TOKENS.make_until(payment, NOON + HOUR).partition("-")
    for_ever, of_older = TOKENS.make(payment), of_older_version(15)
    for forged in (
        code,
        f"{code}-",
        f"{code}-{int(ends, 16) + 1:08x}",
        f"{code}-{'f' * 8}",
        f"{code}-{ends}0",
        f"{code}-{ends.upper()}X",
        f"{code}--{ends[1:]}",
        f"{for_ever}-{ends}",
        f"{of_older}-{ends}",
        f"{for_ever}-",
        f"{for_ever} ",
        f" {for_ever}",
        f"{for_ever}\n",
        for_ever.upper(),
    ):
        assert not TOKENS.opens(forged, payment, now=NOON), forged


# --- several secrets ------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [1, CUT_OFF + 1])
def test_first_secret_makes_tokens_and_all_check(position: int):
    payment = loaded_payment(position=position)
    tokens, newest = PayerTokens((b"n" * 32, SECRET), cut_off=CUT_OFF), PayerTokens((b"n" * 32,), cut_off=CUT_OFF)
    assert tokens.make(payment) == newest.make(payment)
    for old in (TOKENS.make(payment), TOKENS.make_until(payment, NOON + HOUR)):
        assert tokens.opens(old, payment, now=NOON)
        assert not newest.opens(old, payment, now=NOON)
    tokens.use_secrets((b"n" * 32,))
    assert not tokens.opens(TOKENS.make(payment), payment, now=NOON)
    assert tokens.opens(newest.make(payment), payment, now=NOON)


def test_older_tokens_open_until_secret_is_dropped():
    payment = loaded_payment(position=1)
    assert PayerTokens((b"n" * 32, SECRET), cut_off=CUT_OFF).opens(of_older_version(15), payment, now=NOON)
    assert not PayerTokens((b"n" * 32,), cut_off=CUT_OFF).opens(of_older_version(15), payment, now=NOON)


@pytest.mark.parametrize("stamp", ["", "PQtR4bX", "1732876543210", "mhx0g2f1abcdefghij0", "0" * 31, "0" * 33])
def test_time_stamp_of_polling_client_is_not_a_token(stamp: str):
    assert not is_token(stamp)
