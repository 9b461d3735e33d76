"""An order is a view of an ordinary payment, with the statuses of the Orders API."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest

from extrato.domain.brcode import decode

FOR_EVER = {"begin_date": "2020-01-01T00:00:00.000Z", "end_date": "2090-01-01T00:00:00.000Z"}


def payment_of(order) -> dict:
    (payment,) = order["transactions"]["payments"]
    return payment


def number_of(order) -> int:
    """Return the payment id of an order, which only the path of its ticket contains."""
    return int(urlsplit(payment_of(order)["payment_method"]["ticket_url"]).path.split("/")[2])


async def test_new_order_is_pending_with_its_code(sandbox):
    order = await sandbox.order(amount="1234.56", description="Pedido 1")
    assert re.fullmatch(r"ORD01[0-9A-HJKMNP-TV-Z]{24}", order["id"])
    assert (order["status"], order["status_detail"]) == ("action_required", "waiting_transfer")
    assert (order["total_amount"], order["currency"], order["country_code"]) == ("1234.56", "BRL", "BRA")
    assert (order["external_reference"], order["description"]) == ("PED-1", "Pedido 1")
    payment = payment_of(order)
    assert re.fullmatch(r"PAY01[0-9A-HJKMNP-TV-Z]{24}", payment["id"])
    assert (payment["status"], payment["amount"]) == ("action_required", "1234.56")
    code = decode(payment["payment_method"]["qr_code"])
    assert (code.amount_centavos, code.txid) == (123456, f"mpqrinter{number_of(order)}")
    assert payment["payment_method"]["qr_code_base64"].startswith("iVBOR")
    assert await sandbox.shown_order(order["id"]) == order


async def test_order_is_a_payment_with_the_same_reference(sandbox):
    order = await sandbox.order()
    payment = await sandbox.payment(number_of(order))
    assert (payment["status"], payment["transaction_amount"]) == ("pending", 7.5)
    assert payment["external_reference"] == "PED-1"
    assert (
        payment["point_of_interaction"]["transaction_data"]["qr_code"]
        == (payment_of(order)["payment_method"]["qr_code"])
    )
    _, found = await sandbox.call("GET", "/v1/payments/search?external_reference=PED-1")
    assert [each["id"] for each in found["results"]] == [payment["id"]]
    assert payment_of(order)["reference_id"] != str(payment["id"])


async def test_repeated_key_returns_the_same_order_and_code(sandbox):
    first = await sandbox.order(key="k")
    await sandbox.pay(order_id=first["id"], outcome="approved")
    assert await sandbox.order(key="k") == first
    other = await sandbox.order(key="other")
    assert other["id"] != first["id"]


async def test_key_with_another_request_is_rejected(sandbox, order_terms):
    await sandbox.order(key="k", amount="7.50")
    status, body = await sandbox.call("POST", "/v1/orders", order_terms(amount="7.51"), key="k")
    assert (status, body["errors"][0]["code"]) == (409, "idempotency_key_already_used")


async def test_property_order_does_not_change_the_request(sandbox, order_terms):
    body = order_terms()
    first = await sandbox.order(key="k")
    status, again = await sandbox.call("POST", "/v1/orders", dict(reversed(body.items())), key="k")
    assert (status, again["id"]) == (201, first["id"])


async def test_concurrent_requests_with_one_key_create_one_order(sandbox):
    orders = await asyncio.gather(*(sandbox.order(key="k") for _ in range(10)))
    assert len({order["id"] for order in orders}) == 1
    _, found = await sandbox.call("GET", "/v1/payments/search")
    assert found["paging"]["total"] == 1


@pytest.mark.parametrize(
    "action", ["", "/ORD01M2G62G5WJW1BXWDRWXQBF66D/cancel", "/ORD01M2G62G5WJW1BXWDRWXQBF66D/refund"]
)
async def test_every_write_needs_a_key(sandbox, action):
    status, body = await sandbox.call("POST", f"/v1/orders{action}", {})
    assert (status, body["errors"][0]["code"]) == (400, "empty_required_header")


async def test_all_problems_are_named_together(sandbox):
    body = {
        "type": "online",
        "total_amount": 7.5,
        "notification_url": "https://loja.example/mp",
        "date_of_expiration": "2090-01-01T00:00:00.000Z",
        "payer": {"first_name": "Ana"},
        "transactions": {"payments": [{"amount": "0", "payment_method": {"id": "visa", "type": "credit_card"}}]},
    }
    status, refusal = await sandbox.call("POST", "/v1/orders", body, key="k")
    problems = {error["code"]: error["details"] for error in refusal["errors"]}
    assert status == 400
    assert problems == {
        "unsupported_properties": [
            "additionalProperties '$.date_of_expiration' not allowed",
            "additionalProperties '$.notification_url' not allowed",
        ],
        "property_type": ["'$.total_amount' - expected string"],
        "required_properties": [
            "missing properties: '$.external_reference'",
            "missing properties: '$.payer.email'",
        ],
        "property_value": [
            "'$.transactions.payments[0].payment_method.id' - value must be pix",
            "'$.transactions.payments[0].payment_method.type' - value must be bank_transfer",
            "'$.transactions.payments[0].amount' - invalid amount",
        ],
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": None}, "required_properties"),
        ({"type": "point"}, "property_value"),
        ({"processing_mode": "manual"}, "property_value"),
        ({"total_amount": "7.505"}, "property_value"),
        ({"total_amount": "-7.50"}, "property_value"),
        ({"total_amount": "8.00"}, "invalid_total_amount"),
        ({"external_reference": ""}, "property_value"),
        ({"external_reference": "x" * 65}, "property_value"),
        ({"payer": None}, "required_properties"),
        ({"payer": {}}, "minimum_properties"),
        ({"payer": "ana@example.com"}, "property_type"),
        ({"payer": {"email": "ana"}}, "property_value"),
        ({"payer": {"email": "ana@example.com", "age": 7}}, "unsupported_properties"),
        (
            {"payer": {"email": "ana@example.com", "identification": {"type": "CPF", "number": "1"}}},
            "property_value",
        ),
        ({"transactions": None}, "required_properties"),
        ({"transactions": {"payments": []}}, "minimum_items"),
        ({"transactions": {"payments": ["pix"]}}, "property_type"),
        ({"payment": {"payment_method": {"id": "pix"}}}, "required_properties"),
        ({"payment": {"date_of_expiration": "2090-01-01T00:00:00.000Z"}}, "unsupported_properties"),
        ({"payment": {"expiration_time": "30 minutes"}}, "property_value"),
        ({"payment": {"expiration_time": "PT0M"}}, "property_value"),
        ({"payment": {"expiration_time": 30}}, "property_type"),
    ],
)
async def test_broken_rule_has_its_code(sandbox, order_terms, changes, code):
    status, body = await sandbox.call("POST", "/v1/orders", order_terms(**changes), key="k")
    assert (status, [error["code"] for error in body["errors"]]) == (400, [code])


async def test_order_with_two_payments_is_rejected(sandbox, order_terms):
    body = order_terms()
    body["transactions"]["payments"] *= 2
    status, refusal = await sandbox.call("POST", "/v1/orders", body, key="k")
    assert (status, refusal["errors"][0]["code"]) == (400, "exceeded_number_of_transactions")


async def test_malformed_json_is_rejected(sandbox):
    headers = {"Authorization": f"Bearer {sandbox.settings.accounts[0].access_token}", "X-Idempotency-Key": "k"}
    for raw in (b"{", b"[]", b"\xff"):
        async with sandbox.session.post(f"{sandbox.url}/v1/orders", data=raw, headers=headers) as response:
            assert response.status == 400
            assert (await response.json())["errors"][0]["code"] == "json_syntax_error"


async def test_rejected_order_does_not_use_its_key(sandbox, order_terms):
    status, _ = await sandbox.call("POST", "/v1/orders", order_terms(payer={}), key="k")
    assert status == 400
    await sandbox.order(key="k")


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        (None, timedelta(hours=24)),
        ("PT30M", timedelta(minutes=30)),
        ("PT29M", timedelta(minutes=29)),
        ("P31D", timedelta(days=31)),
        ("P1DT2H", timedelta(hours=26)),
    ],
)
async def test_expiration_time_sets_the_due_date(sandbox, lifetime, expected):
    order = await sandbox.order(payment={} if lifetime is None else {"expiration_time": lifetime})
    due = datetime.fromisoformat(payment_of(order)["date_of_expiration"])
    assert abs(due - datetime.fromisoformat(order["created_date"]) - expected) < timedelta(seconds=1)
    assert payment_of(order).get("expiration_time") == lifetime


async def test_approved_order_hides_code_and_ticket(sandbox):
    order = await sandbox.order()
    payment = await sandbox.pay(order_id=order["id"], outcome="approved")
    paid = await sandbox.shown_order(order["id"])
    assert payment["id"] == number_of(order)
    assert (paid["status"], paid["status_detail"]) == ("processed", "accredited")
    assert payment_of(paid)["payment_method"] == {"id": "pix", "type": "bank_transfer"}
    assert payment["fee_details"] == [{"type": "mercadopago_fee", "amount": 0.07, "fee_payer": "collector"}]


async def test_paid_amount_of_an_order_proves_no_payment(sandbox):
    order = await sandbox.order()
    assert (order["status"], order["total_paid_amount"]) == ("action_required", "7.50")
    assert payment_of(order)["paid_amount"] == "7.50"


async def test_payer_pays_an_order_on_its_ticket_page(sandbox):
    order = await sandbox.order()
    ticket = payment_of(order)["payment_method"]["ticket_url"]
    async with sandbox.session.post(ticket, data={"choice": "pay"}) as response:
        assert "Pagamento aprovado" in await response.text()
    assert (await sandbox.shown_order(order["id"]))["status"] == "processed"


@pytest.mark.parametrize(
    ("outcomes", "status", "detail"),
    [
        ([{"outcome": "in_process"}], "processing", "in_process"),
        ([{"outcome": "rejected"}], "failed", "rejected_by_bank"),
        ([{"outcome": "cancelled"}], "canceled", "canceled"),
        ([{"outcome": "cancelled", "detail": "expired"}], "expired", "expired"),
        ([{"outcome": "approved"}, {"outcome": "in_mediation"}], "processed", "accredited"),
        ([{"outcome": "approved"}, {"outcome": "refunded", "amount": 1}], "processed", "partially_refunded"),
        (
            [{"outcome": "approved"}, {"outcome": "refunded", "amount": 1}, {"outcome": "in_mediation"}],
            "processed",
            "partially_refunded",
        ),
        ([{"outcome": "approved"}, {"outcome": "refunded"}], "refunded", "refunded"),
        ([{"outcome": "approved"}, {"outcome": "charged_back"}], "charged_back", "in_process"),
        (
            [{"outcome": "approved"}, {"outcome": "charged_back"}, {"outcome": "charged_back", "detail": "settled"}],
            "charged_back",
            "settled",
        ),
    ],
)
async def test_order_reaches_every_status(sandbox, outcomes, status, detail):
    order = await sandbox.order()
    for outcome in outcomes:
        await sandbox.pay(order_id=order["id"], **outcome)
    shown = await sandbox.shown_order(order["id"])
    assert (shown["status"], shown["status_detail"]) == (status, detail)
    assert (payment_of(shown)["status"], payment_of(shown)["status_detail"]) == (status, detail)


async def test_open_order_is_canceled_once(sandbox):
    order = await sandbox.order()
    path = f"/v1/orders/{order['id']}/cancel"
    status, canceled = await sandbox.call("POST", path, key="1")
    assert (status, canceled["status"]) == (200, "canceled")
    assert (await sandbox.call("POST", path, key="1"))[0] == 200
    status, body = await sandbox.call("POST", path, key="2")
    assert (status, body["errors"][0]["code"]) == (409, "order_already_canceled")
    assert (await sandbox.payment(number_of(order)))["status_detail"] == "by_collector"


@pytest.mark.parametrize("outcome", [{"outcome": "approved"}, {"outcome": "cancelled", "detail": "expired"}])
async def test_paid_or_expired_order_is_not_canceled(sandbox, outcome):
    order = await sandbox.order()
    await sandbox.pay(order_id=order["id"], **outcome)
    status, body = await sandbox.call("POST", f"/v1/orders/{order['id']}/cancel", key="1")
    assert (status, body["errors"][0]["code"]) == (409, "cannot_cancel_order")


async def test_partial_refunds_of_the_total_refund_the_order(sandbox):
    order = await sandbox.order(amount="10.00")
    await sandbox.pay(order_id=order["id"], outcome="approved")
    path, name = f"/v1/orders/{order['id']}/refund", payment_of(order)["id"]

    status, first = await sandbox.call("POST", path, {"transactions": [{"id": name, "amount": "4.99"}]}, key="1")
    assert status == 201
    assert (first["status"], first["status_detail"]) == ("processed", "partially_refunded")
    assert list(first["transactions"]) == ["refunds"]
    (refund,) = first["transactions"]["refunds"]
    assert (refund["transaction_id"], refund["amount"], refund["status"]) == (name, "4.99", "processed")
    assert refund["id"].startswith("REF01")

    status, second = await sandbox.call("POST", path, {"transactions": [{"id": name, "amount": "5.01"}]}, key="2")
    assert (status, second["status"]) == (201, "refunded")
    assert [each["amount"] for each in second["transactions"]["refunds"]] == ["4.99", "5.01"]
    assert (await sandbox.payment(number_of(order)))["transaction_amount_refunded"] == 10
    assert payment_of(await sandbox.shown_order(order["id"]))["refunded_amount"] == "10.00"

    status, body = await sandbox.call("POST", path, key="3")
    assert (status, body["errors"][0]["code"]) == (409, "order_already_refunded")


async def test_repeated_refund_has_no_second_effect(sandbox):
    order = await sandbox.order(amount="10.00")
    await sandbox.pay(order_id=order["id"], outcome="approved")
    body = {"transactions": [{"id": payment_of(order)["id"], "amount": "4.00"}]}
    answers = [await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", body, key="1") for _ in range(3)]
    assert answers[0][0] == 201
    assert answers[0] == answers[1] == answers[2]
    assert (await sandbox.payment(number_of(order)))["transaction_amount_refunded"] == 4


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": "10.01"}, 400, "refund_amount_exceeds"),
        ({"amount": "0.00"}, 400, "property_value"),
        ({"amount": 5}, 400, "property_type"),
        ({"amount": None}, 400, "required_properties"),
        ({"id": "PAY01M2G62G69P97GP8CDAFFGB3ZP"}, 404, "transaction_not_found"),
    ],
)
async def test_impossible_refund_is_rejected(sandbox, change, status, code):
    order = await sandbox.order(amount="10.00")
    await sandbox.pay(order_id=order["id"], outcome="approved")
    body = {"transactions": [{"id": payment_of(order)["id"], "amount": "5.00", **change}]}
    refused, refusal = await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", body, key="1")
    assert (refused, refusal["errors"][0]["code"]) == (status, code)


async def test_unpaid_order_is_not_refunded(sandbox):
    order = await sandbox.order()
    status, body = await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", {}, key="1")
    assert (status, body["errors"][0]["code"]) == (409, "cannot_refund_order")


async def test_order_of_another_merchant_is_answered_404(sandbox, other_account):
    order = await sandbox.order()
    path = f"/v1/orders/{order['id']}"
    for method, action in (("GET", ""), ("POST", "/cancel"), ("POST", "/refund")):
        status, body = await sandbox.call(method, path + action, key="1", account=other_account)
        assert (status, body["errors"][0]["code"]) == (404, "order_not_found")
    query = "&".join(f"{name}={value}" for name, value in FOR_EVER.items())
    _, found = await sandbox.call("GET", f"/v1/orders?{query}", account=other_account)
    assert found["data"] == []


async def test_malformed_order_id_is_rejected(sandbox):
    status, body = await sandbox.call("GET", "/v1/orders/90000000001")
    assert (status, body["errors"][0]["code"]) == (400, "invalid_path_param")


async def test_request_without_token_gets_policy_agent_error(sandbox):
    async with sandbox.session.get(f"{sandbox.url}/v1/orders/0") as response:
        assert response.status == 403


async def test_orders_are_searched_by_time_status_and_page(sandbox):
    orders = [await sandbox.order(key=str(number), external_reference=f"PED-{number}") for number in range(5)]
    await sandbox.pay(order_id=orders[1]["id"], outcome="approved")
    await sandbox.pix()

    async def found(**query):
        text = "&".join(f"{name}={value}" for name, value in {**FOR_EVER, **query}.items())
        status, body = await sandbox.call("GET", f"/v1/orders?{text}")
        assert status == 200, body
        return [order["external_reference"] for order in body["data"]], body["paging"]

    assert (await found())[0] == ["PED-4", "PED-3", "PED-2", "PED-1", "PED-0"]
    assert (await found(status="processed"))[0] == ["PED-1"]
    assert (await found(external_reference="PED-3"))[0] == ["PED-3"]
    assert (await found(page=2, page_size=2)) == (
        ["PED-2", "PED-1"],
        {"total": "5", "total_pages": "3", "offset": "2", "limit": "2"},
    )
    assert (await found(sort_by="last_updated_date", page_size=1))[0] == ["PED-1"]
    assert (await found(end_date="2021-01-01T00:00:00.000Z"))[0] == []
    await sandbox.faults(search_lag_ms=60_000)
    await sandbox.order(key="late", external_reference="LATE")
    assert "LATE" not in (await found())[0]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "begin_date=2020-01-01T00:00:00Z",
        "begin_date=NOW-1DAYS&end_date=NOW",
        "begin_date=2020-01-01T00:00:00Z&end_date=2090-01-01T00:00:00Z&page=0",
        "begin_date=2020-01-01T00:00:00Z&end_date=2090-01-01T00:00:00Z&sort_by=colour",
    ],
)
async def test_search_without_time_is_rejected(sandbox, query):
    status, body = await sandbox.call("GET", f"/v1/orders?{query}")
    assert (status, body["errors"][0]["code"]) == (400, "invalid_query_param")


async def test_order_keeps_its_names_after_a_restart(start):
    async with start() as sandbox:
        order = await sandbox.order()
        await sandbox.pay(order_id=order["id"], outcome="approved")
        await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", key="1")
        before = await sandbox.shown_order(order["id"])
    async with start() as sandbox:
        assert await sandbox.shown_order(order["id"]) == before
        assert await sandbox.order() == order
