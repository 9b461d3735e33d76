"""The payer's way back to the merchant's page."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from extrato.domain.merchant import Registered
from extrato.domain.payment.state import charged
from extrato.use_cases.payments import LoadedPayment
from services.gateway.pages.way_back import way_back
from tests.unit.payment_story import CHARGED, NOON, OPENED

SHOP = Registered(slug="padaria", name="Padaria", city="Recife", return_origins=frozenset({"https://loja.example"}))


def loaded(return_url: str | None, reference: str | None = "pedido-2041") -> LoadedPayment:
    return LoadedPayment(
        payment_id=15,
        merchant="padaria",
        payment=charged(replace(OPENED, return_url=return_url, reference=reference), CHARGED),
        opened_at=NOON,
        opened_position=1,
        updated_at=NOON,
        version=1,
        position=1,
    )


@pytest.mark.parametrize(
    ("return_url", "address"),
    [
        ("https://loja.example", "https://loja.example?payment_id=15&reference=pedido-2041"),
        ("https://loja.example/fim", "https://loja.example/fim?payment_id=15&reference=pedido-2041"),
        ("https://loja.example/fim?a=1&b", "https://loja.example/fim?a=1&b&payment_id=15&reference=pedido-2041"),
        ("https://loja.example/fim?a=1#topo", "https://loja.example/fim?a=1&payment_id=15&reference=pedido-2041#topo"),
        ("https://loja.example/#/fim?x=1", "https://loja.example/?payment_id=15&reference=pedido-2041#/fim?x=1"),
    ],
)
def test_return_address_gets_the_payment_and_the_reference(return_url, address):
    assert way_back(loaded(return_url), SHOP) == address


def test_payment_without_a_reference_is_named_by_its_number():
    assert way_back(loaded("https://loja.example/", None), SHOP) == "https://loja.example/?payment_id=15"


def test_payment_without_a_return_address_has_no_way_back():
    assert way_back(loaded(None), SHOP) is None


def test_origin_that_the_merchant_removed_is_not_used():
    assert way_back(loaded("https://loja.example/"), replace(SHOP, return_origins=frozenset())) is None
    assert way_back(loaded("https://loja.example/"), None) is None


@given(st.text(max_size=64))
def test_every_reference_arrives_and_leaves_the_origin(reference):
    address = way_back(loaded("https://loja.example/fim?a=1", reference), SHOP)

    assert address is not None
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "loja.example", "/fim")
    query = dict(parse_qsl(parts.query, keep_blank_values=True, encoding="utf-8"))
    assert query == {"a": "1", "payment_id": "15", "reference": reference}
