"""The official Python SDK cannot tell the sandbox from the real provider."""

from __future__ import annotations

import asyncio

import mercadopago
import pytest
from mercadopago.config import RequestOptions
from mercadopago.errors import MPAuthenticationError, MPBadRequestError, MPIdempotencyError, MPNotFoundError
from mercadopago.resources.order_create import OrderCreateRequest
from mercadopago.resources.payer import PayerRequest

from services.sandbox.state.accounts import DEMO_ACCOUNT

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
    """Run a request of the blocking SDK in a thread."""
    sdk = sandbox.sdk

    async def in_thread(resource: str, method: str, *arguments):
        return await asyncio.to_thread(getattr(getattr(sdk, resource)(), method), *arguments)

    return in_thread


async def test_preference_is_created_read_changed_and_found(ask, sandbox):
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


async def test_pix_is_created_read_and_cancelled(ask):
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


async def test_order_is_created_read_and_cancelled(ask, order_terms):
    created = await ask("order", "create", order_terms())
    assert created["status"] == 201
    order = created["response"]
    assert (order["status"], order["status_detail"]) == ("action_required", "waiting_transfer")
    assert (await ask("order", "get", order["id"]))["response"] == order
    canceled = await ask("order", "cancel", order["id"])
    assert (canceled["status"], canceled["response"]["status"]) == (200, "canceled")
    with pytest.raises(MPIdempotencyError) as refused:
        (await ask("order", "cancel", order["id"])).raise_for_status()
    assert "order_already_canceled" in str(refused.value.response)


async def test_typed_request_creates_an_order(ask, order_terms):
    request = OrderCreateRequest(
        type="online",
        total_amount="7.50",
        external_reference="PED-1",
        payer=PayerRequest(email="ana@example.com"),
        transactions=order_terms()["transactions"],
    )
    created = await ask("order", "create", request)
    assert (created["status"], created["response"]["total_amount"]) == (201, "7.50")


async def test_order_is_refunded_in_part_and_then_in_full(ask, sandbox):
    order = await sandbox.order(amount="10.00")
    await sandbox.pay(order_id=order["id"], outcome="approved")
    part = {"transactions": [{"id": order["transactions"]["payments"][0]["id"], "amount": "4.00"}]}
    partial = await ask("order", "refund", order["id"], part)
    assert (partial["status"], partial["response"]["status_detail"]) == (201, "partially_refunded")
    full = await ask("order", "refund", order["id"])
    assert (full["status"], full["response"]["status"]) == (201, "refunded")
    assert [refund["amount"] for refund in full["response"]["transactions"]["refunds"]] == ["4.00", "6.00"]


async def test_orders_and_chargebacks_are_searched(ask, sandbox):
    order = await sandbox.order()
    filters = {"begin_date": "2020-01-01T00:00:00.000Z", "end_date": "2090-01-01T00:00:00.000Z"}
    found = await ask("order", "search", filters)
    assert [each["id"] for each in found["response"]["data"]] == [order["id"]]

    await sandbox.pay(order_id=order["id"], outcome="approved")
    payment = await sandbox.pay(order_id=order["id"], outcome="charged_back")
    (chargeback,) = (await ask("chargeback", "search", {"payment_id": payment["id"]}))["response"]["results"]
    assert (await ask("chargeback", "get", chargeback["id"]))["response"] == chargeback


async def test_search_pages_through_all_payments(ask, sandbox):
    expected = [(await sandbox.pix(key=f"key-{number}"))["id"] for number in range(7)]
    iterator = sandbox.sdk.payment().search_auto_paging_iter({"sort": "date_created", "criteria": "asc"}, limit=3)
    found = await asyncio.to_thread(list, iterator)
    assert [payment["id"] for payment in found] == expected


async def test_full_refund_needs_no_body(ask, sandbox):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    refund = await ask("refund", "create", payment["id"])
    assert refund["status"] == 201
    assert refund["response"]["amount"] == 7.5
    assert (await ask("refund", "list_all", payment["id"]))["response"] == [refund["response"]]
    assert (await ask("refund", "get", payment["id"], refund["response"]["id"]))["response"] == refund["response"]
    assert (await ask("payment", "get", payment["id"]))["response"]["status"] == "refunded"


async def test_repeated_refund_has_an_empty_answer(sandbox):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    options = RequestOptions(access_token=DEMO_ACCOUNT.access_token, custom_headers={"x-idempotency-key": "refund-1"})
    refunds = sandbox.sdk.refund()
    first = await asyncio.to_thread(refunds.create, payment["id"], {"amount": 5}, options)
    again = await asyncio.to_thread(refunds.create, payment["id"], {"amount": 5}, options)
    assert (first["status"], again["status"], again["response"]) == (201, 200, None)
    assert (await sandbox.payment(payment["id"]))["transaction_amount_refunded"] == 5


async def test_errors_become_the_errors_of_the_sdk(ask, sandbox):
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


async def test_account_methods_and_merchant_orders_are_read(ask, sandbox):
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
