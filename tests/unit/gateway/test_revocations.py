"""A payer's socket ends with its token; a merchant's does not depend on any."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from services.gateway.http.caller import Caller
from services.gateway.http.payer_tokens import PayerTokens
from services.gateway.live.fanout import Listener
from services.gateway.revocations import has_ended
from tests.examples import NOON, loaded_payment

PAYMENT = loaded_payment()
TOKENS = PayerTokens((b"s" * 32,), cut_off=0)


def payer(token: str) -> Listener:
    return Listener(caller=Caller(merchant=None, actor="check", actor_id=None, payment=PAYMENT, token=token))


@pytest.mark.parametrize(("seconds", "is_over"), [(3599, False), (3600, True), (90_000, True)])
def test_a_payers_socket_ends_with_its_token(seconds, is_over):
    gateway = SimpleNamespace(tokens=TOKENS, hub=SimpleNamespace(now=lambda: NOON + timedelta(seconds=seconds)))
    assert has_ended(payer(TOKENS.make_until(PAYMENT, NOON + timedelta(hours=1))), gateway) is is_over
    assert not has_ended(payer(TOKENS.make(PAYMENT)), gateway)


def test_who_has_shown_no_token_goes_on():
    gateway = SimpleNamespace(tokens=TOKENS, hub=SimpleNamespace(now=lambda: NOON))
    key = Caller(merchant="padaria", actor="api_key", actor_id="k1")
    assert not has_ended(Listener(api_key="extrato.padaria.k1.s", caller=key), gateway)
    assert not has_ended(Listener(), gateway)


def test_a_caller_does_not_show_its_token():
    caller = Caller(merchant=None, actor="check", actor_id=None, payment=PAYMENT, token="s3cret")
    assert "s3cret" not in f"{caller!r} {caller}"
