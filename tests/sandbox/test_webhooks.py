"""Webhooks arrive in the three real formats, signed, and are retried until they are acknowledged."""

from __future__ import annotations

import asyncio
import re

import pytest
from mercadopago.webhook import InvalidWebhookSignatureError, WebhookSignatureValidator

from services.sandbox.state.accounts import DEMO_ACCOUNT
from tests.pace import within

# 15 minutes become 9 milliseconds.
IMPATIENT = 100_000
# A due date beyond the compressed time.
FAR = "2090-01-01T00:00:00.000-03:00"


def verify(webhook) -> None:
    WebhookSignatureValidator.validate(
        webhook.headers["x-signature"],
        webhook.headers["x-request-id"],
        webhook.query.get("data.id"),
        DEMO_ACCOUNT.webhook_secret,
        tolerance_seconds=300,
    )


async def test_one_checkout_event_sends_three_webhooks(sandbox, shop):
    preference = await sandbox.preference(notification_url=shop.url)
    payment = await sandbox.pay(preference_id=preference["id"], outcome="approved", method="card")
    received = {webhook.format: webhook for webhook in await shop.wait_for_webhooks(3)}
    payment_id, order_id = str(payment["id"]), payment["order"]["id"]

    webhook = received["WebHook v1.0 payment"]
    assert webhook.query == {"data.id": payment_id, "type": "payment"}
    assert webhook.body["data"] == {"id": payment_id}
    assert webhook.body["action"] == "payment.created"
    assert webhook.body["user_id"] == str(DEMO_ACCOUNT.collector_id)
    assert isinstance(webhook.body["id"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", webhook.body["date_created"])

    feed = received["Feed v2.0 payment"]
    assert feed.query == {"id": payment_id, "topic": "payment"}
    assert feed.body == {"resource": payment_id, "topic": "payment"}

    order = received["Feed v2.0 merchant_order"]
    assert order.query == {"id": order_id, "topic": "merchant_order"}
    assert order.body == {
        "resource": f"https://api.mercadolibre.com/merchant_orders/{order_id}",
        "topic": "merchant_order",
    }


async def test_only_webhook_format_can_be_verified(sandbox, shop):
    await sandbox.pix(notification_url=shop.url)
    received = {webhook.format: webhook for webhook in await shop.wait_for_webhooks(2)}
    verify(received["WebHook v1.0 payment"])
    feed = received["Feed v2.0 payment"]
    assert re.fullmatch(r"ts=\d{10},v1=[0-9a-f]{64}", feed.headers["x-signature"])
    with pytest.raises(InvalidWebhookSignatureError):
        verify(feed)


async def test_source_news_selects_formats_and_keeps_the_query(sandbox, shop):
    await sandbox.pix(key="1", notification_url=f"{shop.url}?loja=7&source_news=webhooks")
    (webhook,) = await shop.wait_for_webhooks(1)
    assert webhook.format == "WebHook v1.0 payment"
    assert list(webhook.query) == ["data.id", "loja", "source_news", "type"]
    verify(webhook)

    await sandbox.pix(key="2", notification_url=f"{shop.url}?source_news=ipn")
    assert (await shop.wait_for_webhooks(2))[1].format == "Feed v2.0 payment"
    assert (await sandbox.stats())["webhooks"]["pending"] == 0


async def test_bad_signature_fails_the_official_validator(sandbox, shop):
    await sandbox.faults(webhook_bad_signature=True)
    await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
    (webhook,) = await shop.wait_for_webhooks(1)
    with pytest.raises(InvalidWebhookSignatureError):
        verify(webhook)


async def test_unacknowledged_webhook_is_retried_with_new_signature(start, shop):
    async def grow_up(count: int) -> int:
        return 200 if count == 3 else 500

    shop.answer = grow_up
    async with start(time_factor=IMPATIENT) as sandbox:
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks", date_of_expiration=FAR)
        first, second, third = await shop.wait_for_webhooks(3)
        await until_nothing_is_pending(sandbox)
        webhooks = (await sandbox.stats())["webhooks"]
    assert [webhook.headers["X-Retry"] for webhook in (first, second, third)] == ["0", "1", "2"]
    assert len({webhook.headers["x-request-id"] for webhook in (first, second, third)}) == 3
    assert len({webhook.body["id"] for webhook in (first, second, third)}) == 3
    assert len({webhook.body["data"]["id"] for webhook in (first, second, third)}) == 1
    verify(third)
    assert (webhooks["sent"], webhooks["failed"]) == (1, 2)


async def test_unacknowledged_webhook_is_abandoned_after_retries(start, shop):
    async def refuse(_count: int) -> int:
        return 302

    shop.answer = refuse
    async with start(time_factor=IMPATIENT * 1_000) as sandbox:
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks", date_of_expiration=FAR)
        await shop.wait_for_webhooks(9)
        await until_nothing_is_pending(sandbox)
        assert (await sandbox.stats())["webhooks"]["abandoned"] == 1
    assert len(shop.webhooks) == 9


async def test_slow_answer_counts_as_unacknowledged(start, shop):
    released = asyncio.Event()

    async def dawdle_once(count: int) -> int:
        if count == 1:
            await released.wait()
        return 200

    shop.answer = dawdle_once
    async with start(time_factor=IMPATIENT, webhook_timeout_s=0.1) as sandbox:
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks", date_of_expiration=FAR)
        _, second = await shop.wait_for_webhooks(2)
        await until_nothing_is_pending(sandbox)
        assert (await sandbox.stats())["webhooks"]["failed"] == 1
    released.set()
    assert second.headers["X-Retry"] == "1"
    assert second.headers["X-Socket-Timeout"] == "100"


async def test_unacknowledged_webhook_survives_a_restart(start, shop):
    async def refuse(_count: int) -> int:
        return 500

    shop.answer = refuse
    async with start() as sandbox:
        payment = await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        await shop.wait_for_webhooks(1)
    shop.answer = None
    async with start() as sandbox:
        assert (await sandbox.stats())["webhooks"]["pending"] == 1
        assert len(shop.webhooks) == 1
    async with start() as sandbox:
        # The retry is due in 15 minutes; a later event of the same payment does not wait for it.
        await sandbox.pay(payment_id=payment["id"], outcome="approved")
        _, update = await shop.wait_for_webhooks(2)
        assert update.body["action"] == "payment.updated"


async def test_restarted_sandbox_sends_pending_webhooks(start, shop):
    async with start() as sandbox:
        await sandbox.faults(webhook_delay_ms=500)
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        assert shop.webhooks == []
    async with start():
        await shop.wait_for_webhooks(1)


async def test_duplicates_are_separate_webhooks_of_one_payment(start, shop):
    async with start(time_factor=100) as sandbox:
        await sandbox.faults(webhook_duplicates=2)
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        received = await shop.wait_for_webhooks(3)
    assert len({webhook.body["data"]["id"] for webhook in received}) == 1
    assert len({webhook.body["id"] for webhook in received}) == 3


async def test_shuffled_webhooks_change_their_order(sandbox, shop):
    await sandbox.faults(webhook_shuffle=True)
    url = f"{shop.url}?source_news=webhooks"
    sent = [str((await sandbox.pix(key=str(n), notification_url=url))["id"]) for n in range(20)]
    arrived = [webhook.body["data"]["id"] for webhook in await shop.wait_for_webhooks(20)]
    assert arrived != sent
    assert sorted(arrived) == sorted(sent)


async def test_delayed_webhooks_wait(sandbox, shop):
    await sandbox.faults(webhook_delay_ms=200)
    clock = asyncio.get_running_loop().time
    began = clock()
    await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
    await shop.wait_for_webhooks(1)
    assert clock() - began >= 0.19


async def test_webhooks_are_lost_while_switched_off(sandbox, shop):
    url = f"{shop.url}?source_news=webhooks"
    await sandbox.faults(webhooks=False)
    await sandbox.pix(key="1", notification_url=url)
    await sandbox.faults(webhooks=True)
    second = await sandbox.pix(key="2", notification_url=url)
    (webhook,) = await shop.wait_for_webhooks(1)
    assert webhook.body["data"]["id"] == str(second["id"])
    assert (await sandbox.stats())["webhooks"]["dropped"] == 1


async def test_slow_shop_does_not_delay_others(sandbox, shop):
    released = asyncio.Event()

    async def dawdle(count: int) -> int:
        if count <= 30:
            await released.wait()
        return 200

    shop.answer = dawdle
    url = f"{shop.url}?source_news=webhooks"
    for number in range(31):
        await sandbox.pix(key=str(number), notification_url=url)
    await shop.wait_for_webhooks(31)
    released.set()
    await until_nothing_is_pending(sandbox)


async def until_nothing_is_pending(sandbox) -> None:
    """Wait until the sandbox has processed the shop's answers."""
    async with within(5):
        while (await sandbox.stats())["webhooks"]["pending"]:
            pass
