"""Sentences of refusals are kept forever, so they keep nothing of the payer."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from extrato.errors import ProviderRefused
from extrato.providers.mercado_pago.client import MercadoPagoClient
from extrato.providers.mercado_pago.refusal_words import without_payer

REQUEST = msgspec.json.encode(
    {
        "payer": {
            "email": "ana.lima@example.com",
            "first_name": "Ana",
            "last_name": "Lima",
            "identification": {"type": "CPF", "number": "52998224725"},
        },
        "additional_info": {"payer": {"phone": {"area_code": "11", "number": "987654321"}}},
    }
)


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("payer.email must be a valid email", "payer.email must be a valid email"),
        ("payer.email 'ANA.Lima@example.com' is refused", "payer.email '(e-mail)' is refused"),
        ("payer.email=ana@other.example is refused", "payer.email=(e-mail) is refused"),
        ("Ana LIMA cannot pay Banana", "(payer) (payer) cannot pay Banana"),
        ("Invalid number: 52998224725", "Invalid number: (payer)"),
        ("Invalid number: 529.982.247-25.", "Invalid number: (number)."),
        ("Invalid number: 11.222.333/0001-81", "Invalid number: (number)"),
        ("Phone +55 (11) 98765-4321 or 987654321", "Phone (number) or (payer)"),
        ("Access T0KEN is refused", "Access (token) is refused"),
        ("Amount 1500.50, at most 100000", "Amount 1500.50, at most 100000"),
    ],
)
def test_sentence_keeps_nothing_of_the_payer(sentence: str, kept: str):
    assert without_payer(sentence, REQUEST, token="T0KEN") == kept


@pytest.mark.parametrize("request_body", [None, b"{}", b'{"payer": null, "additional_info": "x"}', b"[]"])
def test_request_of_any_shape_is_accepted(request_body: bytes | None):
    assert without_payer("ana@example.com", request_body, token="T0KEN") == "(e-mail)"


async def test_client_keeps_the_payer_out_of_the_errors_that_events_record():
    answer = msgspec.json.encode({"message": "Lima (CPF 529.982.247-25) cannot pay: ana.lima@example.com"})

    async def read(_size: int) -> bytes:
        return answer

    @contextlib.asynccontextmanager
    async def request(*_: Any, **__: Any) -> Any:
        content = SimpleNamespace(read=read, at_eof=lambda: True)
        yield SimpleNamespace(status=400, headers={}, content=content)

    session: Any = SimpleNamespace(request=request)
    with pytest.raises(ProviderRefused) as refused:
        await MercadoPagoClient(session, "http://provider").create_pix(
            "T0KEN", msgspec.json.decode(REQUEST), idempotency_key="k"
        )

    assert refused.value.message == "Mercado Pago answered 400: (payer) (CPF (number)) cannot pay: (e-mail)"
