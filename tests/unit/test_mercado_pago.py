"""Mercado Pago's adapter translates requests and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import Item
from extrato.domain.money import MAXIMUM_CENTAVOS, to_reais
from extrato.errors import ProviderMisunderstood
from extrato.providers.mercado_pago.adapter import preference_body, to_observation
from extrato.providers.mercado_pago.orders import to_observation as of_order
from extrato.providers.port import ChargeRequest, Observation, Receiver
from extrato.values import Payer
from tests.compatibility.claim import claim

REQUEST = ChargeRequest(
    method="checkout",
    opened_at=datetime(2026, 1, 12, 12, 0, tzinfo=UTC),
    asked_at=datetime(2026, 1, 12, 12, 0, tzinfo=UTC),
    payment_id=15,
    bank_payment_id="00000000-000f-8000-8000-0123456789ab",
    external_reference="extrato_15_0123456789ab",
    amount_centavos=2999,
    title="Pedido Padaria do Marcos",
    description="10x Pão Francês, 1x Bolo",
    items=(Item("Pão Francês", 10, 75), Item("Bolo", 1, 2249)),
    payer=Payer(email="cliente@example.com"),
    expires_at=datetime(2026, 11, 23, 10, 0, 0, 853_999, tzinfo=timezone(timedelta(hours=-3))),
    notification_url="https://loja.example/webhooks/mercadopago/padaria-do-marcos/",
    return_url="https://loja.example/payments/mp/return/",
    receiver=Receiver(name="Padaria do Marcos", city="São Paulo", pix_key=None),
    credential=None,
)

# A Pix of a Checkout Pro link with every key of Mercado Pago's answer; the values are invented.
PAYMENT: dict[str, Any] = {
    "id": 90000000001,
    "date_created": "2026-11-22T10:00:01.101-04:00",
    "date_approved": None,
    "date_last_updated": "2026-11-22T10:00:01.101-04:00",
    "date_of_expiration": "2026-11-23T10:00:00.853-04:00",
    "money_release_date": None,
    "money_release_status": "released",
    "money_release_schema": None,
    "operation_type": "regular_payment",
    "issuer_id": "12501",
    "payment_method_id": "pix",
    "payment_type_id": "bank_transfer",
    "payment_method": {"id": "pix", "issuer_id": "12501", "type": "bank_transfer"},
    "status": "pending",
    "status_detail": "pending_waiting_transfer",
    "currency_id": "BRL",
    "description": "Pedido 1",
    "live_mode": True,
    "sponsor_id": None,
    "authorization_code": None,
    "integrator_id": None,
    "platform_id": None,
    "corporation_id": None,
    "taxes_amount": 0,
    "counter_currency": None,
    "shipping_amount": 0,
    "build_version": "3.74.0",
    "pos_id": None,
    "store_id": None,
    "collector_id": 174087000,
    "external_reference": "PED-1",
    "payer": {
        "id": "1999999999",
        "email": None,
        "first_name": None,
        "last_name": None,
        "identification": {"number": None, "type": None},
        "phone": {"area_code": None, "extension": None, "number": None},
        "type": None,
        "entity_type": None,
        "operator_id": None,
    },
    "metadata": {},
    "additional_info": {
        "authentication_code": None,
        "available_balance": None,
        "nsu_processadora": None,
    },
    "order": {},
    "transaction_amount": 49.9,
    "transaction_amount_refunded": 0,
    "coupon_amount": 0,
    "differential_pricing_id": None,
    "financing_group": None,
    "deduction_schema": None,
    "callback_url": None,
    "installments": 1,
    "captured": True,
    "binary_mode": False,
    "call_for_authorize_id": None,
    "statement_descriptor": None,
    "card": {},
    "notification_url": "https://loja.example/mp/webhook",
    "refunds": [],
    "processing_mode": "aggregator",
    "merchant_account_id": None,
    "merchant_number": None,
    "acquirer_reconciliation": [],
    "marketplace_owner": None,
    "tags": None,
    "fee_details": [],
    "charges_details": [
        {
            "id": "90000000001-001",
            "name": "mercadopago_fee",
            "type": "fee",
            "accounts": {"from": "collector", "to": "mp"},
            "amounts": {"original": 0.49, "refunded": 0},
            "client_id": 0,
            "metadata": {"source": "rule-engine"},
            "refund_charges": [],
            "reserve_id": None,
        }
    ],
    "transaction_details": {
        "net_received_amount": 0,
        "total_paid_amount": 49.9,
        "overpaid_amount": 0,
        "installment_amount": 0,
        "external_resource_url": None,
        "transaction_id": None,
    },
    "point_of_interaction": {
        "type": "OPENPLATFORM",
        "transaction_data": {"qr_code": "00020126", "qr_code_base64": "iVBORw0KGgo", "e2e_id": None},
    },
}


def observation(**changes: Any) -> Observation:
    return to_observation(json.dumps(PAYMENT | changes).encode())


# --- requests -------------------------------------------------------------------------------------


@claim("webhook.address")
def test_preference_has_items_in_reais_and_return_and_webhook_urls():
    assert preference_body(REQUEST) == {
        "items": [
            {
                "id": "1",
                "title": "Pão Francês",
                "quantity": 10,
                "unit_price": 0.75,
                "currency_id": "BRL",
            },
            {"id": "2", "title": "Bolo", "quantity": 1, "unit_price": 22.49, "currency_id": "BRL"},
        ],
        "external_reference": "extrato_15_0123456789ab",
        "notification_url": "https://loja.example/webhooks/mercadopago/padaria-do-marcos/?source_news=webhooks",
        "back_urls": {
            "success": "https://loja.example/payments/mp/return/",
            "pending": "https://loja.example/payments/mp/return/",
            "failure": "https://loja.example/payments/mp/return/",
        },
        "auto_return": "approved",
        "payer": {"email": "cliente@example.com"},
        "expires": True,
        "expiration_date_to": "2026-11-23T13:00:00.853Z",
        "metadata": {"payment_id": 15},
    }


def test_preference_without_a_public_url_has_no_auto_return():
    body = preference_body(replace(REQUEST, return_url="http://localhost:8000/payments/mp/return/"))

    assert "auto_return" not in body
    assert body["back_urls"]["success"] == "http://localhost:8000/payments/mp/return/"


def test_unknown_values_are_left_out_of_a_preference():
    body = preference_body(replace(REQUEST, payer=Payer(), expires_at=None))

    assert not {"payer", "expires", "expiration_date_to"} & body.keys()


def test_long_name_is_cut_to_the_length_of_a_title():
    body = preference_body(replace(REQUEST, items=(Item("ç" * 300, 1, 2999),)))

    assert body["items"][0]["title"] == "ç" * 256


@given(st.integers(1, 100_000_000))
def test_amount_is_written_with_the_exact_decimals(amount_centavos):
    body = preference_body(replace(REQUEST, items=(Item("Pão", 1, amount_centavos),)))
    written = json.dumps(body["items"][0]["unit_price"])

    assert written == f"{amount_centavos // 100}.{amount_centavos % 100:02d}".rstrip("0") + (
        "0" if amount_centavos % 100 == 0 else ""
    )


# --- answers --------------------------------------------------------------------------------------


def test_pending_pix_is_translated():
    answer = json.dumps(PAYMENT).encode()

    assert to_observation(answer) == Observation(
        attempt_id="90000000001",
        status="pending",
        status_detail="pending_waiting_transfer",
        amount_centavos=4990,
        currency="BRL",
        external_reference="PED-1",
        refunded_centavos=0,
        observed_at=datetime(2026, 11, 22, 14, 0, 1, 101_000, tzinfo=UTC),
        paid_at=None,
        payer=Payer(),
        answer=answer,
    )


def test_approved_payment_has_a_time_and_a_payer():
    seen = observation(
        status="approved",
        status_detail="accredited",
        date_approved="2026-11-22T10:05:00.000-04:00",
        date_last_updated="2026-11-22T10:05:01.000-04:00",
        payer={"email": "ana@example.com"},
    )

    assert (seen.status, seen.status_detail) == ("approved", "accredited")
    assert seen.paid_at == datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    assert seen.observed_at == datetime(2026, 11, 22, 14, 5, 1, tzinfo=UTC)
    assert seen.payer.email == "ana@example.com"


def test_partly_refunded_payment_has_a_refunded_sum():
    seen = observation(status="approved", status_detail="partially_refunded", transaction_amount_refunded=12.34)

    assert (seen.status, seen.refunded_centavos) == ("approved", 1234)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-20T15:20:01.101-04:00", datetime(2026, 1, 20, 19, 20, 1, 101_000, tzinfo=UTC)),
        ("2026-01-20T15:20:01.101-03:00", datetime(2026, 1, 20, 18, 20, 1, 101_000, tzinfo=UTC)),
        ("2026-01-20T15:20:01Z", datetime(2026, 1, 20, 15, 20, 1, tzinfo=UTC)),
        ("2026-01-20T15:20:01.101+00:00", datetime(2026, 1, 20, 15, 20, 1, 101_000, tzinfo=UTC)),
    ],
)
def test_time_may_have_any_offset(written, moment):
    assert observation(date_last_updated=written).observed_at == moment


def test_unchanged_payment_has_its_time_of_creation():
    assert observation(date_last_updated=None).observed_at == observation().observed_at


@pytest.mark.parametrize("attempt_id", [90000000001, "90000000001"], ids=["number", "text"])
def test_id_may_be_a_number_or_a_text(attempt_id):
    assert observation(id=attempt_id).attempt_id == "90000000001"


@pytest.mark.parametrize("payer", [None, {}, {"email": None}, {"email": ""}, {"id": "1"}])
def test_payer_may_be_unknown(payer):
    assert observation(payer=payer).payer.email is None


def test_only_essential_fields_are_required():
    needed = ("id", "status", "transaction_amount", "currency_id", "date_created")
    seen = to_observation(json.dumps({name: PAYMENT[name] for name in needed}).encode())

    assert (seen.status_detail, seen.external_reference, seen.refunded_centavos) == (None, None, 0)


@pytest.mark.parametrize("name", ["id", "status", "transaction_amount", "currency_id", "date_created"])
def test_payment_without_an_essential_field_is_misunderstood(name):
    with pytest.raises(ProviderMisunderstood, match=name):
        to_observation(json.dumps({key: PAYMENT[key] for key in PAYMENT if key != name}).encode())


def test_unknown_status_is_passed_on_unchanged():
    seen = observation(status="em_analise_extra", status_detail="algo_novo")

    assert (seen.status, seen.status_detail) == ("em_analise_extra", "algo_novo")


@pytest.mark.parametrize(
    ("written", "centavos"),
    [("0.01", 1), ("10", 1000), ("10.5", 1050), ("19.99", 1999), ("1e2", 10_000), ("35.000", 3500)],
)
def test_amount_is_exact_to_the_centavo(written, centavos):
    answer = json.dumps(PAYMENT).replace('"transaction_amount": 49.9', f'"transaction_amount": {written}')

    assert to_observation(answer.encode()).amount_centavos == centavos


@given(st.integers(0, MAXIMUM_CENTAVOS))
def test_every_written_amount_is_read_back(amount_centavos):
    assert observation(transaction_amount=to_reais(amount_centavos)).amount_centavos == amount_centavos


@pytest.mark.parametrize(
    "written",
    [
        "10.005",
        "1.0000000000000000000000000000000000001",
        "0.001",
        "-1",
        "1e400",
        "1e999999",
        "1e99999999999999999999",
        "1e-400",
        '"NaN"',
        '"Infinity"',
        '"dez"',
        "true",
        "null",
        "10000000000",
    ],
)
@pytest.mark.parametrize("name", ["transaction_amount", "transaction_amount_refunded"])
def test_impossible_amount_is_misunderstood(name, written):
    if (name, written) == ("transaction_amount_refunded", "null"):
        assert observation(transaction_amount_refunded=None).refunded_centavos == 0
        return
    answer = json.dumps(PAYMENT).replace(f'"{name}": {json.dumps(PAYMENT[name])}', f'"{name}": {written}')

    with pytest.raises(ProviderMisunderstood):
        to_observation(answer.encode())


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-20T15:20:01.101",
        "2026-13-20T15:20:01.101-04:00",
        "0001-01-01T00:00:00.000+14:00",
        "ontem",
        17,
    ],
)
@pytest.mark.parametrize("name", ["date_created", "date_last_updated", "date_approved"])
def test_time_without_an_instant_is_misunderstood(name, written):
    changes = {"date_last_updated": None, name: written}

    with pytest.raises(ProviderMisunderstood):
        observation(**changes)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[]",
        b"<html></html>",
        json.dumps(PAYMENT).encode()[:200],
        b'{"id":"\xff"}',
        b"[" * 99_999,
    ],
    ids=["empty", "null", "list", "html", "cut", "not_utf_8", "deep"],
)
def test_answer_of_another_shape_is_misunderstood(answer):
    with pytest.raises(ProviderMisunderstood):
        to_observation(answer)


@pytest.mark.parametrize("status", ["processed", "a_status_of_tomorrow", None])
def test_order_refund_counts_when_money_moved(status: str | None):
    assert of_order(order_with_refund(status)).refunded_centavos == 400


@pytest.mark.parametrize(
    "status", ["in_process", "processing", "pending", "failed", "rejected", "canceled", "cancelled"]
)
def test_order_refund_without_a_money_movement_does_not_count(status: str):
    assert of_order(order_with_refund(status)).refunded_centavos == 0


def order_with_refund(status: str | None) -> bytes:
    order = {
        "id": "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
        "status": "processed",
        "total_amount": "10.00",
        "country_code": "BR",
        "created_date": "2026-11-22T12:00:00.000Z",
        "transactions": {"refunds": [{"id": "REF01", "amount": "4.00", "status": status}]},
    }
    return json.dumps(order).encode()
