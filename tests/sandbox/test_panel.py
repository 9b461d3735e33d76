"""The settings of a merchant's panel: the address of its webhooks, and whether it is a test user."""

from __future__ import annotations

import pytest

from services.sandbox.state.accounts import DEMO_ACCOUNT

ACCOUNT = f"accounts/{DEMO_ACCOUNT.collector_id}"
PIX = {"transaction_amount": 7.5, "payment_method_id": "pix", "payer": {"email": "ana@example.com"}}


async def test_panel_settings_change_one_by_one_without_secrets(sandbox):
    await sandbox.control("PUT", ACCOUNT, {"webhook_url": "http://127.0.0.1:1/hook"})
    status, changed = await sandbox.control("PUT", ACCOUNT, {"is_test_user": True})
    assert (status, changed) == (
        200,
        {
            "collector_id": DEMO_ACCOUNT.collector_id,
            "nickname": DEMO_ACCOUNT.nickname,
            "webhook_url": "http://127.0.0.1:1/hook",
            "is_test_user": True,
        },
    )
    assert await sandbox.control("GET", ACCOUNT) == (200, changed)
    _, taken = await sandbox.control("PUT", ACCOUNT, {"webhook_url": None})
    assert taken["webhook_url"] is None


@pytest.mark.parametrize(
    "change", [{"webhook_url": "nowhere"}, {"webhook_url": 1}, {"is_test_user": "yes"}, {"access_token": "APP_USR-1"}]
)
async def test_impossible_setting_is_rejected(sandbox, change):
    before = await sandbox.control("GET", ACCOUNT)
    status, body = await sandbox.control("PUT", ACCOUNT, change)
    assert (status, body["error"]) == (400, "invalid_account")
    assert await sandbox.control("GET", ACCOUNT) == before


async def test_unknown_merchant_has_no_panel(sandbox):
    for method in ("GET", "PUT"):
        status, body = await sandbox.control(method, "accounts/1", {})
        assert (status, body["error"]) == (404, "unknown_account")


async def test_reset_restores_the_configured_panel(sandbox):
    await sandbox.panel(is_test_user=True)
    await sandbox.control("POST", "reset")
    assert (await sandbox.control("GET", ACCOUNT))[1]["is_test_user"] is False
    await sandbox.pix()


async def test_direct_payments_and_refunds_of_test_user_are_rejected(sandbox):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    await sandbox.panel(is_test_user=True)
    for path, body in (("/v1/payments", PIX), (f"/v1/payments/{payment['id']}/refunds", {})):
        status, refusal = await sandbox.call("POST", path, body, key="test-user")
        assert (status, refusal["message"]) == (401, "Unauthorized use of live credentials")
        assert refusal["cause"][0]["code"] == 7
    assert (await sandbox.payment(payment["id"]))["transaction_amount_refunded"] == 0


async def test_test_user_sells_by_links_and_orders(sandbox):
    await sandbox.panel(is_test_user=True)
    preference = await sandbox.preference()
    assert (await sandbox.pay(preference_id=preference["id"], outcome="approved"))["status"] == "approved"
    order = await sandbox.order(payer={"email": "ana@testuser.com"})
    assert order["id"].startswith("ORDTST01")
    await sandbox.pay(order_id=order["id"], outcome="approved")
    status, refunded = await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", key="1")
    assert (status, refunded["status"]) == (201, "refunded")
    assert "test_user" in (await sandbox.call("GET", "/users/me"))[1]["tags"]


async def test_documented_test_order_is_paid_automatically(start, shop):
    async with start(time_factor=500) as sandbox:
        await sandbox.panel(is_test_user=True, webhook_url=shop.url)
        other = await sandbox.order(key="1", payer={"first_name": "APRO", "email": "ana@testuser.com"})
        order = await sandbox.order(key="2", payer={"first_name": "APRO", "email": "test_user_br@testuser.com"})
        assert order["status"] == "action_required"
        received = await shop.wait_for_webhooks(3)
        assert (await sandbox.shown_order(order["id"]))["status"] == "processed"
        assert (await sandbox.shown_order(other["id"]))["status"] == "action_required"
    assert sorted(webhook.body["action"] for webhook in received) == [
        "order.action_required",
        "order.action_required",
        "order.processed",
    ]


async def test_payer_of_test_user_has_a_test_address(sandbox, order_terms):
    await sandbox.panel(is_test_user=True)
    status, body = await sandbox.call("POST", "/v1/orders", order_terms(), key="k")
    assert (status, [error["code"] for error in body["errors"]]) == (400, ["invalid_email_for_sandbox"])
