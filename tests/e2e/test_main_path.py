"""From a link to an approval on REST, WebSocket and timeline, also with failures in between."""

from __future__ import annotations

import os
import signal

import nats
import nats.errors
import nats.js.errors
import psutil
import pytest

from tests.compatibility.claim import claim
from tests.e2e.seeing import APPROVED, is_refilled, see_approval
from tests.pace import allowed, running_s, within


@claim("generate-link.body", "list.answer", "webhook.address", "events.answer")
@pytest.mark.usefixtures("without_monitor")
async def test_checkout_payment_is_approved_in_every_view(others_hub, until):
    hub = others_hub
    link = await hub.link(payer_email="cliente@email.com")
    async with hub.socket(payment_id=link["payment_id"]) as socket:
        assert (await socket.receive_json())["type"] == "snapshot"
        await hub.pay_as_a_person(link["checkout_url"])
        await see_approval(hub, until, socket, link["payment_id"])
    timeline = await hub.events(link["payment_id"])
    assert [event["version"] for event in timeline] == list(range(1, len(timeline) + 1))
    positions = [event["position"] for event in timeline]
    assert positions == sorted(set(positions))
    assert timeline[0]["source"] == "api_key"
    assert timeline[-1]["source"] in {"webhook", "return_page"}


@claim("monitor.asks", "monitor.approves", "flows.four-ways")
async def test_monitor_finds_payment_in_six_seconds_without_webhooks(others_hub):
    # The monitor may still pause for the demo merchant's account, after a test in which the provider did not answer.
    hub = others_hub
    await hub.faults(webhooks=False)
    link = await hub.link()
    async with hub.socket(payment_id=link["payment_id"]) as socket:
        paid_at = running_s()
        await hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": "approved"})
        async with within(10):
            while True:
                frame = await socket.receive_json()
                if frame["type"] == "event" and frame["event"] == "StatusChanged":
                    break
        assert running_s() - paid_at < allowed(6)
    assert frame["source"] == "sweep"
    assert await hub.status_changes(link["payment_id"]) == APPROVED


@claim("webhook.notification", "flows.four-ways")
async def test_duplicate_and_reordered_webhooks_change_status_once(hub, until):
    await hub.faults(webhook_duplicates=3, webhook_shuffle=True, webhook_delay_ms=50)
    links = [await hub.link() for _ in range(5)]
    for link in links:
        await hub.pay_as_a_person(link["checkout_url"])
    for link in links:

        async def is_approved(link=link):
            return await hub.status_changes(link["payment_id"])

        await until(is_approved, "approved")
    await hub.until_webhooks_are_delivered(until)
    for link in links:
        assert await hub.status_changes(link["payment_id"]) == APPROVED


async def test_sandbox_signs_with_the_hubs_secret(start_hub, home, until):
    async with start_hub(home, EXTRATO_SANDBOX_DEMO_SECRET="") as hub:
        # Only a webhook can report the payment.
        os.kill(hub.pid("monitor"), signal.SIGSTOP)
        link = await hub.link()
        await hub.pay_as_a_person(link["checkout_url"])
        await until(lambda: hub.status_changes(link["payment_id"]), "the webhook approves the payment")
        os.kill(hub.pid("monitor"), signal.SIGCONT)
        environment = psutil.Process(hub.pid("sandbox")).environ()
        assert len(environment["EXTRATO_SANDBOX_DEMO_SECRET"]) == 64


@claim("webhook.signature")
async def test_webhooks_with_bad_signature_have_no_effect(hub, until):
    await hub.faults(webhook_bad_signature=True)
    link = await hub.link()
    async with hub.socket(payment_id=link["payment_id"]):
        await hub.sandbox("POST", "/_sandbox/pay", {"preference_id": link["preference_id"], "outcome": "approved"})

        async def is_approved():
            return await hub.status_changes(link["payment_id"])

        await until(is_approved, "the monitor finds the payment")
    sources = {event["source"] for event in await hub.events(link["payment_id"])}
    assert "webhook" not in sources


@claim("status.rejected")
async def test_rejected_attempt_keeps_link_payable(hub):
    link = await hub.link()
    pay = {"preference_id": link["preference_id"]}
    await hub.sandbox("POST", "/_sandbox/pay", {**pay, "outcome": "rejected"})
    await hub.until_checked(link["payment_id"], status="rejected")
    await hub.sandbox("POST", "/_sandbox/pay", {**pay, "outcome": "approved"})
    await hub.until_checked(link["payment_id"], status="approved")
    assert await hub.status_changes(link["payment_id"]) == [("pending", "rejected"), ("rejected", "approved")]


async def test_smaller_amount_is_held_without_paying_charge(hub, until):
    link = await hub.link()
    part = {"preference_id": link["preference_id"], "outcome": "approved", "amount": 0.01}
    await hub.sandbox("POST", "/_sandbox/pay", part)

    async def is_held():
        checked = await hub.check(link["payment_id"])
        return checked if checked["held_amount"] else None

    checked = await until(is_held, "the centavo is held")
    assert (checked["held_amount"], checked["status"], checked["alerts"]) == (0.01, "pending", ["partially_paid"])


@claim("return-page.records")
async def test_return_page_asks_provider_not_its_address(hub):
    link = await hub.link()
    query = f"status=approved&payment_id=1&external_reference={link['external_reference']}"
    async with hub.session.get(f"{hub.url}/payments/mp/return/?{query}") as answer:
        assert answer.status == 200
        assert ">Conferindo o pagamento</h1>" in await answer.text()
    assert (await hub.check(link["payment_id"]))["status"] == "pending"


@claim("generate-link.secure-checkout-url", "secure-link.paid", "secure-link.pending")
async def test_checkout_link_redirects_until_paid(hub, until):
    link = await hub.link()
    async with hub.session.get(link["secure_checkout_url"], allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, link["checkout_url"])
    await hub.pay_as_a_person(link["checkout_url"])

    async def approved():
        return await hub.status_changes(link["payment_id"])

    await until(approved, "approved")
    async with hub.session.get(link["secure_checkout_url"], allow_redirects=False) as answer:
        assert answer.status == 200
        assert "Pagamento já realizado" in await answer.text()
    async with hub.session.get(link["secure_checkout_url"].split("?")[0]) as answer:
        assert answer.status == 404


async def test_subscriber_reads_events_and_cannot_publish(hub):
    link = await hub.link()
    client = await nats.connect(hub.addresses["subscriber_nats_url"], error_cb=ignore_error)
    try:
        subscription = await client.jetstream().pull_subscribe(
            f"payments.*.{link['payment_id']}.>", durable="tests-subscriber", stream="PAYMENTS"
        )
        (message, *_) = await subscription.fetch(10, timeout=5)
        await message.ack()
        assert message.headers["ce-type"] == "br.extrato.PaymentOpened.v5"
        forged = {**message.headers, "ce-type": "br.extrato.StatusChanged.v2"}
        with pytest.raises(nats.errors.Error):
            await client.jetstream().publish(f"payments.x.{link['payment_id']}.X", b"{}", headers=forged, timeout=1)
        with pytest.raises(nats.errors.Error):
            await client.jetstream().delete_stream("PAYMENTS")
    finally:
        await client.close()


async def test_subscriber_consumer_cannot_deliver_into_event_subjects(hub, until):
    client = await nats.connect(hub.addresses["subscriber_nats_url"], error_cb=ignore_error)
    async with hub.jetstream() as jetstream:
        await until(lambda: is_refilled(hub, jetstream), "the stream is complete")
        before = (await jetstream.stream_info("PAYMENTS")).state
        try:
            target = "payments.forged.1.X"
            await client.subscribe(target)
            await client.jetstream().add_consumer("PAYMENTS", deliver_subject=target, name="forger")
            await hub.link()
            await until(lambda: is_refilled(hub, jetstream), "the stream is complete")
            after = (await jetstream.stream_info("PAYMENTS")).state
            # The relay has not restarted.
            assert after.first_seq == before.first_seq
        finally:
            await client.jetstream().delete_consumer("PAYMENTS", "forger")
            await client.close()


async def ignore_error(_):
    """Ignore the client's report of a denied permission."""
