"""The payer data that both APIs of Mercado Pago receive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.events import Item
from extrato.providers.mercado_pago.adapter import pix_body
from extrato.providers.mercado_pago.formats import phone_body
from extrato.providers.mercado_pago.orders import order_body
from extrato.providers.port import ChargeRequest, Receiver
from extrato.values import Payer
from tests.compatibility.claim import claim

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ANA = Payer(email="ana@example.com", name="Ana da Silva", phone="+55 11 98765-4321", cpf="52998224725")
NAMED = {
    "email": "ana@example.com",
    "first_name": "Ana",
    "last_name": "da Silva",
    "identification": {"type": "CPF", "number": "52998224725"},
}
PHONE = {"area_code": "11", "number": "987654321"}


def a_request(payer: Payer) -> ChargeRequest:
    return ChargeRequest(
        method="pix",
        payment_id=15,
        bank_payment_id="00000000-000f-8000-8000-0123456789ab",
        external_reference="extrato_15_0123456789ab",
        amount_centavos=3500,
        title="Pedido",
        description="Pão",
        items=(Item("Pão", 1, 3500),),
        payer=payer,
        expires_at=NOON + timedelta(hours=1),
        notification_url="https://hub.example/webhooks/mercadopago/padaria/",
        return_url="https://hub.example/payments/mp/return/",
        receiver=Receiver(name="Padaria", city="Recife", pix_key=None),
        credential=None,
        opened_at=NOON,
        asked_at=NOON,
    )


def test_payment_has_its_payer_and_the_telephone_beside():
    body = pix_body(a_request(ANA))
    assert body["payer"] == NAMED
    assert body["additional_info"] == {"payer": {"phone": PHONE}}


@claim("cart.body")
def test_order_has_its_payer_with_the_telephone():
    assert order_body(a_request(ANA))["payer"] == {**NAMED, "phone": PHONE}


@pytest.mark.parametrize("body_of", [pix_body, order_body])
@pytest.mark.parametrize("cnpj", ["11222333000181", "12ABC34501DE35"])
def test_company_has_its_cnpj(body_of, cnpj):
    company = Payer(email="compras@example.com", name="Ana Eventos Ltda", cnpj=cnpj)
    assert body_of(a_request(company))["payer"]["identification"] == {"type": "CNPJ", "number": cnpj}


def test_payer_with_only_an_email_has_no_other_field():
    payer = Payer(email="ana@example.com")
    assert pix_body(a_request(payer))["payer"] == {"email": "ana@example.com"}
    assert "additional_info" not in pix_body(a_request(payer))
    assert order_body(a_request(payer))["payer"] == {"email": "ana@example.com"}


@pytest.mark.parametrize(
    ("phone", "area_code", "number"),
    [
        ("(81) 98765-4321", "81", "987654321"),
        ("8132101234", "81", "32101234"),
        ("+55 81 3210 1234", "81", "32101234"),
        ("5581987654321", "81", "987654321"),
        ("98765-4321", "", "987654321"),
        ("+351 912 345 678", "", "351912345678"),
    ],
)
def test_brazilian_telephone_has_a_separate_area_code(phone, area_code, number):
    assert phone_body(phone) == {"area_code": area_code, "number": number}
