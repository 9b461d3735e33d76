"""The official Python SDK cannot tell the sandbox from the real provider."""

from __future__ import annotations

import asyncio

import mercadopago
import pytest
from mercadopago.config import RequestOptions
from mercadopago.errors import MPAuthenticationError, MPBadRequestError, MPNotFoundError

from services.sandbox.accounts import DEMO_ACCOUNT

PIX = {
    "transaction_amount": 49.9,
    "description": "Pedido 1",
    "payment_method_id": "pix",
    "external_reference": "PED-1",
    "payer": {"email": "ana@example.com", "identification": {"type": "CPF", "number": "12345678909"}},
}
ITEMS = [{"title": "Camiseta", "quantity": 1, "unit_price": 49.9}]


@pytest.fixture
def ask(sandbox):
    """Run a call of the blocking SDK in a thread."""
    sdk = sandbox.sdk

    async def in_thread(resource: str, method: str, *arguments):
        return await asyncio.to_thread(getattr(getattr(sdk, resource)(), method), *arguments)

    return in_thread


async def test_a_preference_is_created_read_changed_and_found(ask, sandbox):
    created = await ask("preference", "create", {"items": ITEMS, "external_reference": "PED-1"})
    assert created["status"] == 201
    preference_id = created["response"]["id"]
    assert created["response"]["init_point"] == (f"{sandbox.url}/checkout/v1/redirect?pref_id={preference_id}")
    assert created["response"]["items"][0]["unit_price"] == 49.9
    assert created["response"]["collector_id"] == DEMO_ACCOUNT.collector_id
    assert isinstance(created["response"]["client_id"], str)

    changed = await ask("preference", "update", preference_id, {"external_reference": "PED-2"})
    assert changed["status"] == 200
    assert changed["response"]["external_reference"] == "PED-2"
    assert changed["response"]["items"] == created["response"]["items"]
    assert (await ask("preference", "get", preference_id))["response"] == changed["response"]

    found = await ask("preference", "search", {"external_reference": "PED-2"})
    assert [each["id"] for each in found["response"]["elements"]] == [preference_id]
    assert (await ask("preference", "search", {"external_reference": "PED-1"}))["response"]["total"] == 0


async def test_a_pix_is_created_read_and_cancelled(ask):
    created = await ask("payment", "create", PIX)
    assert created["status"] == 201
    payment = created["response"]
    assert (payment["status"], payment["status_detail"]) == ("pending", "pending_waiting_transfer")
    assert payment["transaction_amount"] == 49.9
    assert payment["payer"]["email"] is None

    assert (await ask("payment", "get", payment["id"]))["response"] == payment
    cancelled = await ask("payment", "update", payment["id"], {"status": "cancelled"})
    assert cancelled["status"] == 200
    assert cancelled["response"]["status_detail"] == "by_collector"


async def test_the_search_pages_through_everything(ask, sandbox):
    expected = [(await sandbox.pix(key=f"key-{number}"))["id"] for number in range(7)]
    iterator = sandbox.sdk.payment().search_auto_paging_iter({"sort": "date_created", "criteria": "asc"}, limit=3)
    found = await asyncio.to_thread(list, iterator)
    assert [payment["id"] for payment in found] == expected


async def test_a_full_refund_without_a_body_gives_everything_back(ask, sandbox):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    refund = await ask("refund", "create", payment["id"])
    assert refund["status"] == 201
    assert refund["response"]["amount"] == 7.5
    assert (await ask("refund", "list_all", payment["id"]))["response"] == [refund["response"]]
    assert (await ask("refund", "get", payment["id"], refund["response"]["id"]))["response"] == refund["response"]
    assert (await ask("payment", "get", payment["id"]))["response"]["status"] == "refunded"


async def test_a_repeated_refund_answers_with_nothing(sandbox):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    options = RequestOptions(access_token=DEMO_ACCOUNT.access_token, custom_headers={"x-idempotency-key": "refund-1"})
    refunds = sandbox.sdk.refund()
    first = await asyncio.to_thread(refunds.create, payment["id"], {"amount": 5}, options)
    again = await asyncio.to_thread(refunds.create, payment["id"], {"amount": 5}, options)
    assert (first["status"], again["status"], again["response"]) == (201, 200, None)
    assert (await sandbox.payment(payment["id"]))["transaction_amount_refunded"] == 5


async def test_refusals_become_the_errors_that_the_sdk_knows(ask, sandbox):
    with pytest.raises(MPNotFoundError) as unknown:
        (await ask("payment", "get", 1)).raise_for_status()
    assert unknown.value.causes[0]["code"] == 2000

    with pytest.raises(MPBadRequestError) as refused:
        (await ask("preference", "create", {"items": ITEMS, "auto_return": "approved"})).raise_for_status()
    assert refused.value.error == "invalid_auto_return"
    assert refused.value.causes is None

    stranger = mercadopago.SDK("APP_USR-nobody", http_client=sandbox.sdk.http_client)
    with pytest.raises(MPAuthenticationError):
        (await asyncio.to_thread(stranger.user().get)).raise_for_status()


async def test_the_account_its_methods_and_its_orders_can_be_read(ask, sandbox):
    assert (await ask("user", "get"))["response"]["nickname"] == DEMO_ACCOUNT.nickname
    methods = (await ask("payment_methods", "list_all"))["response"]
    assert {"pix", "bolbradesco", "visa"} <= {method["id"] for method in methods}

    preference = await sandbox.preference(external_reference="PED-1")
    rejected = await sandbox.pay(preference_id=preference["id"], outcome="rejected")
    orders = (await ask("merchant_order", "search", {"preference_id": preference["id"]}))["response"]
    order = (await ask("merchant_order", "get", rejected["order"]["id"]))["response"]
    assert orders["elements"] == [order]
    assert (order["status"], order["order_status"]) == ("opened", "payment_required")
    assert [attempt["status"] for attempt in order["payments"]] == ["rejected"]
