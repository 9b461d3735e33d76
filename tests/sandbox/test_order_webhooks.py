"""Orders send webhooks to the merchant's address in the panel, with their state and a signature."""

from __future__ import annotations

import pytest
from mercadopago.webhook import InvalidWebhookSignatureError, WebhookSignatureValidator

from services.sandbox.state.accounts import DEMO_ACCOUNT


def verify(webhook, data_id: str) -> None:
    WebhookSignatureValidator.validate(
        webhook.headers["x-signature"], webhook.headers["x-request-id"], data_id, DEMO_ACCOUNT.webhook_secret
    )


async def test_order_sends_webhooks_to_the_panel(sandbox, shop):
    await sandbox.panel(webhook_url=shop.url)
    order = await sandbox.order()
    await shop.wait_for_webhooks(1)
    await sandbox.pay(order_id=order["id"], outcome="approved")
    created, processed = await shop.wait_for_webhooks(2)

    assert processed.query == {"data.external_reference": "PED-1", "data.id": order["id"], "type": "order"}
    assert processed.format == "WebHook v1.0 order"
    body = processed.body
    assert (created.body["action"], body["action"]) == ("order.action_required", "order.processed")
    assert (body["type"], body["user_id"]) == ("order", str(DEMO_ACCOUNT.collector_id))
    assert body["application_id"] == DEMO_ACCOUNT.client_id
    data = body["data"]
    assert (data["id"], data["external_reference"]) == (order["id"], "PED-1")
    assert (data["status"], data["status_detail"], data["total_paid_amount"]) == ("processed", "accredited", "7.50")
    assert [payment["status"] for payment in data["transactions"]["payments"]] == ["processed"]
    assert (created.body["data"]["version"], data["version"]) == (1, 2)
    assert "qr_code" not in str(created.body)


@pytest.mark.parametrize(
    ("outcomes", "action"),
    [
        ([{"outcome": "cancelled"}], "order.canceled"),
        ([{"outcome": "cancelled", "detail": "expired"}], "order.expired"),
        ([{"outcome": "rejected"}], "order.failed"),
        ([{"outcome": "approved"}, {"outcome": "refunded", "amount": 1}], "order.refunded"),
        ([{"outcome": "approved"}, {"outcome": "refunded"}], "order.refunded"),
    ],
)
async def test_each_change_has_its_action(sandbox, shop, outcomes, action):
    await sandbox.panel(webhook_url=shop.url)
    order = await sandbox.order()
    for number, outcome in enumerate(outcomes, start=1):
        await shop.wait_for_webhooks(number)
        await sandbox.pay(order_id=order["id"], **outcome)
    assert (await shop.wait_for_webhooks(len(outcomes) + 1))[-1].body["action"] == action


async def test_expired_order_sends_a_webhook(start, shop):
    async with start(time_factor=60 * 30) as sandbox:
        await sandbox.panel(webhook_url=shop.url)
        order = await sandbox.order(payment={"expiration_time": "PT30M"})
        _, expired = await shop.wait_for_webhooks(2)
        assert (await sandbox.shown_order(order["id"]))["status"] == "expired"
    assert expired.body["action"] == "order.expired"


async def test_order_id_is_signed_in_lower_case(sandbox, shop):
    await sandbox.panel(webhook_url=shop.url)
    order = await sandbox.order()
    (webhook,) = await shop.wait_for_webhooks(1)
    verify(webhook, order["id"].lower())
    with pytest.raises(InvalidWebhookSignatureError):
        verify(webhook, order["id"])


async def test_order_id_can_be_signed_unchanged(sandbox, shop):
    await sandbox.panel(webhook_url=shop.url)
    await sandbox.faults(webhook_signs_raw_id=True)
    order = await sandbox.order()
    (webhook,) = await shop.wait_for_webhooks(1)
    verify(webhook, order["id"])


async def test_signature_time_can_be_in_milliseconds(sandbox, shop):
    await sandbox.faults(webhook_ts_in_ms=True)
    payment = await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
    (webhook,) = await shop.wait_for_webhooks(1)
    assert len(webhook.headers["x-signature"].split(",")[0]) == len("ts=") + 13
    verify(webhook, str(payment["id"]))


async def test_order_without_panel_address_sends_no_webhook(sandbox):
    await sandbox.order()
    stats = await sandbox.stats()
    assert stats["webhooks"] == {"sent": 0, "failed": 0, "dropped": 0, "abandoned": 0, "pending": 0, "retrying": 0}


async def test_payment_without_address_sends_webhooks_to_the_panel(sandbox, shop):
    await sandbox.panel(webhook_url=f"{shop.url}?via=panel")
    own = await sandbox.pix(key="1", notification_url=f"{shop.url}?source_news=webhooks")
    await shop.wait_for_webhooks(1)
    other = await sandbox.pix(key="2")
    first, second = await shop.wait_for_webhooks(2)
    assert (first.query["data.id"], "via" in first.query) == (str(own["id"]), False)
    assert second.query == {"data.id": str(other["id"]), "type": "payment", "via": "panel"}
    assert second.format == "WebHook v1.0 payment"
