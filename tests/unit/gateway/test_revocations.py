"""A payer's socket ends with its token; a merchant's socket has none."""

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
def test_payer_listener_is_aborted_when_token_expires(seconds, is_over):
    gateway = SimpleNamespace(tokens=TOKENS, hub=SimpleNamespace(now=lambda: NOON + timedelta(seconds=seconds)))
    assert has_ended(payer(TOKENS.make_until(PAYMENT, NOON + timedelta(hours=1))), gateway) is is_over
    assert not has_ended(payer(TOKENS.make(PAYMENT)), gateway)


def test_listener_without_token_continues():
    gateway = SimpleNamespace(tokens=TOKENS, hub=SimpleNamespace(now=lambda: NOON))
    key = Caller(merchant="padaria", actor="api_key", actor_id="k1")
    assert not has_ended(Listener(api_key="extrato.padaria.k1.s", caller=key), gateway)
    assert not has_ended(Listener(), gateway)


def test_repr_of_caller_hides_token():
    caller = Caller(merchant=None, actor="check", actor_id=None, payment=PAYMENT, token="s3cret")
    assert "s3cret" not in f"{caller!r} {caller}"
