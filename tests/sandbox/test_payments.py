"""Payments are created, read, cancelled and captured by the provider's rules."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import pytest
from PIL import Image

from extrato.domain.brcode import decode

CARD = {"payment_method_id": "visa", "token": "card-token", "installments": 1}
PAYER = {"email": "ana@example.com"}


def bank_payer(payment: dict[str, Any]) -> dict[str, Any]:
    return payment["point_of_interaction"]["transaction_data"]["bank_info"]["payer"]


async def test_pix_code_contains_amount_and_payment(sandbox):
    payment = await sandbox.pix(transaction_amount=1234.56)
    data = payment["point_of_interaction"]["transaction_data"]
    code = decode(data["qr_code"])
    assert code.amount_centavos == 123456
    assert code.txid == f"mpqrinter{payment['id']}"
    assert code.receiver_name == "Padaria do Marcos"
    assert data["ticket_url"].startswith(f"{sandbox.url}/payments/{payment['id']}/ticket?")


async def test_pix_picture_is_a_base64_png(sandbox):
    payment = await sandbox.pix()
    raw = base64.b64decode(payment["point_of_interaction"]["transaction_data"]["qr_code_base64"], validate=True)
    picture = Image.open(io.BytesIO(raw))
    assert picture.format == "PNG"
    assert picture.width == picture.height > 200


async def test_approved_pix_has_a_fee_and_no_code(sandbox):
    payment = await sandbox.pix(transaction_amount=50)
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    paid = await sandbox.payment(payment["id"])
    assert (paid["status"], paid["status_detail"]) == ("approved", "accredited")
    assert paid["fee_details"] == [{"type": "mercadopago_fee", "amount": 0.5, "fee_payer": "collector"}]
    assert paid["transaction_details"]["net_received_amount"] == 49.5
    assert payment["date_last_updated"] < paid["date_last_updated"] >= paid["date_approved"] >= payment["date_created"]
    assert paid["payer"]["email"] == "ana@example.com"
    assert paid["point_of_interaction"]["transaction_data"]["qr_code"] is None


async def test_data_of_a_pix_payer_appear_after_the_approval(sandbox):
    document = {"type": "CPF", "number": "12345678909"}
    phone = {"area_code": "11", "number": "987654321"}
    payer = {**PAYER, "first_name": "Ana", "last_name": "Silva", "identification": document, "phone": phone}
    waiting = await sandbox.pix(payer=payer)
    await sandbox.pay(payment_id=waiting["id"], outcome="approved")
    paid = await sandbox.payment(waiting["id"])

    unknown = {"number": None, "type": None}
    assert waiting["payer"]["email"] is waiting["payer"]["first_name"] is waiting["payer"]["phone"]["number"] is None
    assert waiting["payer"]["identification"] == unknown
    assert bank_payer(waiting)["long_name"] is None
    assert (paid["payer"]["first_name"], paid["payer"]["last_name"]) == ("Ana", "Silva")
    assert paid["payer"]["identification"] == document
    assert paid["payer"]["phone"] == {**phone, "extension": None}
    assert bank_payer(paid) | {"long_name": "Ana Silva", "identification": document} == bank_payer(paid)
    assert paid["card"] == {}


async def test_card_shows_its_last_digits_and_its_holder(sandbox):
    body = {"transaction_amount": 10, "payer": {**PAYER, "first_name": "Ana", "last_name": "Silva"}, **CARD}
    _, payment = await sandbox.call("POST", "/v1/payments", body, key="k")
    card = payment["card"]
    assert (card["first_six_digits"], card["last_four_digits"]) == ("423564", "5682")
    assert card["cardholder"]["name"] == "Ana Silva"


async def test_repeated_key_returns_the_same_payment(sandbox):
    first = await sandbox.pix(key="k")
    await sandbox.pay(payment_id=first["id"], outcome="approved")
    assert await sandbox.pix(key="k") == first
    assert (await sandbox.pix(key="other"))["id"] != first["id"]


async def test_concurrent_requests_with_one_key_create_one_payment(sandbox):
    payments = await asyncio.gather(*(sandbox.pix(key="k") for _ in range(10)))
    assert len({payment["id"] for payment in payments}) == 1


async def test_key_is_scoped_by_merchant_and_path(sandbox, other_account):
    first = await sandbox.pix(key="k")
    body = {"transaction_amount": 1, "payment_method_id": "pix", "payer": PAYER}
    status, second = await sandbox.call("POST", "/v1/payments", body, key="k", account=other_account)
    assert status == 201
    assert second["id"] != first["id"]
    await sandbox.pay(payment_id=first["id"], outcome="approved")
    status, _ = await sandbox.call("POST", f"/v1/payments/{first['id']}/refunds", {}, key="k")
    assert status == 201


async def test_payment_of_another_merchant_is_answered_404(sandbox, other_account):
    payment = await sandbox.pix()
    status, body = await sandbox.call("GET", f"/v1/payments/{payment['id']}", account=other_account)
    assert (status, body["cause"][0]["code"]) == (404, 2000)


async def test_metadata_is_returned_in_snake_case_and_exact(sandbox):
    payment = await sandbox.pix(metadata={"orderId": 1, "nested": {"someKey": 0.1}, "plain_key": [1.25]})
    assert payment["metadata"] == {"order_id": 1, "nested": {"some_key": 0.1}, "plain_key": [1.25]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"transaction_amount": None}, 4002),
        ({"transaction_amount": "7.50"}, 4003),
        ({"transaction_amount": True}, 4003),
        ({"transaction_amount": 7.505}, 2072),
        ({"transaction_amount": 0}, 2072),
        ({"transaction_amount": -1}, 2072),
        ({"transaction_amount": 1e300}, 2072),
        ({"payment_method_id": None}, 4001),
        ({"payment_method_id": "cheque"}, 2131),
        ({"payment_method_id": "visa"}, 4000),
        ({"payment_method_id": "visa", "token": "t"}, 4004),
        ({"payment_method_id": "visa", "token": "t", "installments": "two"}, 4005),
        ({"payer": None}, 4006),
        ({"payer": {}}, 4050),
        ({"payer": {"email": "nobody"}}, 4050),
        ({"payer": {"email": f"{'a' * 250}@example.com"}}, 4051),
        ({"payer": {**PAYER, "identification": {"type": "CPF", "number": "1"}}}, 2067),
        ({"notification_url": "not a url"}, 4020),
        ({"notification_url": f"https://loja.example/{'a' * 500}"}, 4021),
        ({"metadata": 1}, 4022),
        ({"application_fee": 1}, 2059),
        ({"date_of_expiration": "2030-01-01"}, 23),
        ({"date_of_expiration": "2030-01-01T00:00:00-03:00"}, 23),
        ({"date_of_expiration": "2030-02-31T00:00:00.000-03:00"}, 7523),
        ({"date_of_expiration": "2020-01-01T00:00:00.000-03:00"}, 7523),
    ],
)
async def test_broken_rule_has_its_cause_code(sandbox, change, code):
    body = {"transaction_amount": 7.5, "payment_method_id": "pix", "payer": PAYER, **change}
    status, refusal = await sandbox.call("POST", "/v1/payments", body, key="k")
    assert status == 400
    assert (refusal["error"], refusal["status"]) == ("bad_request", 400)
    cause = refusal["cause"][0]
    assert (cause["code"], cause["description"]) == (code, refusal["message"])
    assert "UTC;" in cause["data"]


async def test_payment_without_idempotency_key_is_rejected(sandbox):
    status, body = await sandbox.call("POST", "/v1/payments", {})
    assert (status, body["cause"][0]["code"]) == (400, 4292)


async def test_malformed_json_is_rejected(sandbox):
    headers = {
        "Authorization": f"Bearer {sandbox.settings.accounts[0].access_token}",
        "X-Idempotency-Key": "k",
    }
    for raw in (b"{", b"[" * 100_000, b'{"a": 1e999999999999999999999}', b"\xff", b"[]"):
        async with sandbox.session.post(f"{sandbox.url}/v1/payments", data=raw, headers=headers) as response:
            assert response.status == 400
            assert (await response.json())["cause"][0]["code"] == 1


async def test_authorized_card_payment_is_captured_in_part(sandbox):
    body = {"transaction_amount": 100, "capture": False, "payer": PAYER, **CARD}
    _, payment = await sandbox.call("POST", "/v1/payments", body, key="k")
    assert (payment["status"], payment["captured"]) == ("authorized", False)
    path = f"/v1/payments/{payment['id']}"
    status, refusal = await sandbox.call("PUT", path, {"capture": True, "transaction_amount": 100.01})
    assert (status, refusal["cause"][0]["code"]) == (400, 2017)
    status, captured = await sandbox.call("PUT", path, {"capture": True, "transaction_amount": 60.5})
    assert status == 200
    assert (captured["status"], captured["transaction_amount"], captured["captured"]) == (
        "approved",
        60.5,
        True,
    )


@pytest.mark.parametrize(
    ("name", "status", "detail"),
    [
        ("APRO", "approved", "accredited"),
        ("OTHE", "rejected", "cc_rejected_other_reason"),
        ("CONT", "in_process", "pending_contingency"),
        ("FUND", "rejected", "cc_rejected_insufficient_amount"),
    ],
)
async def test_card_holder_name_decides_the_status(sandbox, name, status, detail):
    body = {"transaction_amount": 10, "payer": {**PAYER, "first_name": name}, **CARD}
    _, payment = await sandbox.call("POST", "/v1/payments", body, key="k")
    assert (payment["status"], payment["status_detail"]) == (status, detail)


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"capture": True}, {"status": "approved"}])
async def test_action_forbidden_by_the_status_is_rejected(sandbox, change):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    status, refusal = await sandbox.call("PUT", f"/v1/payments/{payment['id']}", change)
    assert (status, refusal["cause"][0]["code"]) == (400, 2018)


async def test_payment_is_cancelled_by_its_own_route(sandbox, other_account):
    payment = await sandbox.pix()
    path = f"/v1/payments/{payment['id']}/cancellations"
    assert (await sandbox.call("PUT", path, account=other_account))[0] == 404
    status, cancelled = await sandbox.call("PUT", path)
    assert (status, cancelled["status"], cancelled["status_detail"]) == (200, "cancelled", "by_collector")
    status, refusal = await sandbox.call("PUT", path)
    assert (status, refusal["cause"][0]["code"]) == (400, 2018)


async def test_two_changes_never_have_the_same_time(sandbox):
    payment = await sandbox.pix()
    seen = [payment["date_last_updated"]]
    seen += [
        (await sandbox.pay(payment_id=payment["id"], outcome=outcome))["date_last_updated"]
        for outcome in ("approved", "in_mediation", "approved", "charged_back")
    ]
    assert sorted(set(seen)) == seen


async def test_expired_pix_sends_a_webhook(start, shop):
    async with start(time_factor=86_400 * 5) as sandbox:
        payment = await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        created, updated = await shop.wait_for_webhooks(2)
        expired = await sandbox.payment(payment["id"])
    assert (created.body["action"], updated.body["action"]) == ("payment.created", "payment.updated")
    assert (expired["status"], expired["status_detail"]) == ("cancelled", "expired")


async def test_later_due_date_keeps_a_pix_payable(start, shop):
    async with start(time_factor=86_400 * 4) as sandbox:
        payment = await sandbox.pix()
        status, moved = await sandbox.call(
            "PUT", f"/v1/payments/{payment['id']}", {"date_of_expiration": "2090-01-01T00:00:00.000-03:00"}
        )
        other = await sandbox.pix(key="other", notification_url=f"{shop.url}?source_news=webhooks")
        await shop.wait_for_webhooks(2)
        assert (await sandbox.payment(other["id"]))["status"] == "cancelled"
        assert (await sandbox.payment(payment["id"]))["status"] == "pending"
    assert status == 200
    assert moved["date_of_expiration"] == "2089-12-31T23:00:00.000-04:00"


async def test_request_without_token_gets_policy_agent_error(sandbox):
    async with sandbox.session.get(f"{sandbox.url}/v1/payments/1") as response:
        assert response.status == 403
        assert (await response.json())["blocked_by"] == "PolicyAgent"
        assert response.headers["X-Request-Id"]
    async with sandbox.session.get(f"{sandbox.url}/v1/payment_methods") as response:
        assert response.status == 401
