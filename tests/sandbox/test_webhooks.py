"""Webhooks arrive in the three real formats, signed, and are sent again until they are heard."""

from __future__ import annotations

import asyncio
import re

import pytest
from mercadopago.webhook import InvalidWebhookSignatureError, WebhookSignatureValidator

from services.sandbox.state.accounts import DEMO_ACCOUNT
from tests.pace import allowed

# 15 minutes become 9 milliseconds.
IMPATIENT = 100_000
# A due date that the compressed time does not reach.
FAR = "2090-01-01T00:00:00.000-03:00"


def verify(hook) -> None:
    WebhookSignatureValidator.validate(
        hook.headers["x-signature"],
        hook.headers["x-request-id"],
        hook.query.get("data.id"),
        DEMO_ACCOUNT.webhook_secret,
        tolerance_seconds=300,
    )


async def test_one_event_of_a_checkout_makes_three_posts(sandbox, shop):
    preference = await sandbox.preference(notification_url=shop.url)
    payment = await sandbox.pay(preference_id=preference["id"], outcome="approved", method="card")
    hooks = {hook.format: hook for hook in await shop.heard(3)}
    payment_id, order_id = str(payment["id"]), payment["order"]["id"]

    webhook = hooks["WebHook v1.0 payment"]
    assert webhook.query == {"data.id": payment_id, "type": "payment"}
    assert webhook.body["data"] == {"id": payment_id}
    assert webhook.body["action"] == "payment.created"
    assert webhook.body["user_id"] == str(DEMO_ACCOUNT.collector_id)
    assert isinstance(webhook.body["id"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", webhook.body["date_created"])

    feed = hooks["Feed v2.0 payment"]
    assert feed.query == {"id": payment_id, "topic": "payment"}
    assert feed.body == {"resource": payment_id, "topic": "payment"}

    order = hooks["Feed v2.0 merchant_order"]
    assert order.query == {"id": order_id, "topic": "merchant_order"}
    assert order.body == {
        "resource": f"https://api.mercadolibre.com/merchant_orders/{order_id}",
        "topic": "merchant_order",
    }


async def test_only_the_first_format_can_be_verified(sandbox, shop):
    await sandbox.pix(notification_url=shop.url)
    hooks = {hook.format: hook for hook in await shop.heard(2)}
    verify(hooks["WebHook v1.0 payment"])
    feed = hooks["Feed v2.0 payment"]
    assert re.fullmatch(r"ts=\d{10},v1=[0-9a-f]{64}", feed.headers["x-signature"])
    with pytest.raises(InvalidWebhookSignatureError):
        verify(feed)


async def test_source_news_chooses_the_formats_and_keeps_the_shops_own_query(sandbox, shop):
    await sandbox.pix(key="1", notification_url=f"{shop.url}?loja=7&source_news=webhooks")
    (webhook,) = await shop.heard(1)
    assert webhook.format == "WebHook v1.0 payment"
    assert list(webhook.query) == ["data.id", "loja", "source_news", "type"]
    verify(webhook)

    await sandbox.pix(key="2", notification_url=f"{shop.url}?source_news=ipn")
    assert (await shop.heard(2))[1].format == "Feed v2.0 payment"
    assert (await sandbox.stats())["webhooks"]["pending"] == 0


async def test_a_bad_signature_is_refused_by_the_official_validator(sandbox, shop):
    await sandbox.faults(webhook_bad_signature=True)
    await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
    (hook,) = await shop.heard(1)
    with pytest.raises(InvalidWebhookSignatureError):
        verify(hook)


async def test_an_unheard_hook_comes_again_signed_anew(start, shop):
    async def grow_up(count: int) -> int:
        return 200 if count == 3 else 500

    shop.answer = grow_up
    async with start(time_factor=IMPATIENT) as sandbox:
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks", date_of_expiration=FAR)
        first, second, third = await shop.heard(3)
        await until_nothing_is_pending(sandbox)
        webhooks = (await sandbox.stats())["webhooks"]
    assert [hook.headers["X-Retry"] for hook in (first, second, third)] == ["0", "1", "2"]
    assert len({hook.headers["x-request-id"] for hook in (first, second, third)}) == 3
    assert len({hook.body["id"] for hook in (first, second, third)}) == 3
    assert len({hook.body["data"]["id"] for hook in (first, second, third)}) == 1
    verify(third)
    assert (webhooks["sent"], webhooks["failed"]) == (1, 2)


async def test_a_hook_that_nobody_hears_is_given_up_in_the_end(start, shop):
    async def refuse(_count: int) -> int:
        return 302

    shop.answer = refuse
    async with start(time_factor=IMPATIENT * 1_000) as sandbox:
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks", date_of_expiration=FAR)
        await shop.heard(9)
        await until_nothing_is_pending(sandbox)
        assert (await sandbox.stats())["webhooks"]["abandoned"] == 1
    assert len(shop.hooks) == 9


async def test_an_answer_that_takes_too_long_counts_as_unheard(start, shop):
    released = asyncio.Event()

    async def dawdle_once(count: int) -> int:
        if count == 1:
            await released.wait()
        return 200

    shop.answer = dawdle_once
    async with start(time_factor=IMPATIENT, webhook_timeout_s=0.1) as sandbox:
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks", date_of_expiration=FAR)
        _, second = await shop.heard(2)
        await until_nothing_is_pending(sandbox)
        assert (await sandbox.stats())["webhooks"]["failed"] == 1
    released.set()
    assert second.headers["X-Retry"] == "1"
    assert second.headers["X-Socket-Timeout"] == "100"


async def test_an_unheard_hook_survives_a_restart(start, shop):
    async def refuse(_count: int) -> int:
        return 500

    shop.answer = refuse
    async with start() as sandbox:
        payment = await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        await shop.heard(1)
    shop.answer = None
    async with start() as sandbox:
        assert (await sandbox.stats())["webhooks"]["pending"] == 1
        assert len(shop.hooks) == 1
    async with start() as sandbox:
        # The retry is due in 15 minutes; a later event of the same payment is not held up by it.
        await sandbox.pay(payment_id=payment["id"], outcome="approved")
        _, update = await shop.heard(2)
        assert update.body["action"] == "payment.updated"


async def test_hooks_of_a_stopped_sandbox_are_sent_by_the_next_one(start, shop):
    async with start() as sandbox:
        await sandbox.faults(webhook_delay_ms=500)
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        assert shop.hooks == []
    async with start():
        await shop.heard(1)


async def test_duplicates_are_separate_hooks_for_the_same_payment(start, shop):
    async with start(time_factor=100) as sandbox:
        await sandbox.faults(webhook_duplicates=2)
        await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
        hooks = await shop.heard(3)
    assert len({hook.body["data"]["id"] for hook in hooks}) == 1
    assert len({hook.body["id"] for hook in hooks}) == 3


async def test_shuffled_hooks_overtake_each_other(sandbox, shop):
    await sandbox.faults(webhook_shuffle=True)
    url = f"{shop.url}?source_news=webhooks"
    sent = [str((await sandbox.pix(key=str(n), notification_url=url))["id"]) for n in range(20)]
    heard = [hook.body["data"]["id"] for hook in await shop.heard(20)]
    assert heard != sent
    assert sorted(heard) == sorted(sent)


async def test_delayed_hooks_wait(sandbox, shop):
    await sandbox.faults(webhook_delay_ms=200)
    clock = asyncio.get_running_loop().time
    began = clock()
    await sandbox.pix(notification_url=f"{shop.url}?source_news=webhooks")
    await shop.heard(1)
    assert clock() - began >= 0.19


async def test_hooks_are_lost_while_they_are_switched_off(sandbox, shop):
    url = f"{shop.url}?source_news=webhooks"
    await sandbox.faults(webhooks=False)
    await sandbox.pix(key="1", notification_url=url)
    await sandbox.faults(webhooks=True)
    second = await sandbox.pix(key="2", notification_url=url)
    (hook,) = await shop.heard(1)
    assert hook.body["data"]["id"] == str(second["id"])
    assert (await sandbox.stats())["webhooks"]["dropped"] == 1


async def test_a_slow_shop_does_not_hold_up_the_others(sandbox, shop):
    released = asyncio.Event()

    async def dawdle(count: int) -> int:
        if count <= 30:
            await released.wait()
        return 200

    shop.answer = dawdle
    url = f"{shop.url}?source_news=webhooks"
    for number in range(31):
        await sandbox.pix(key=str(number), notification_url=url)
    await shop.heard(31)
    released.set()
    await until_nothing_is_pending(sandbox)


async def until_nothing_is_pending(sandbox) -> None:
    """The sandbox learns of an answer a moment after the shop gave it."""
    async with asyncio.timeout(allowed(5)):
        while (await sandbox.stats())["webhooks"]["pending"]:
            pass
