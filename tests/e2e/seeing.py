"""Checks that a payment is approved in every view, and that the NATS stream is complete."""

from __future__ import annotations

import nats.js.errors

from tests.pace import within

APPROVED = [("pending", "approved")]


async def see_approval(hub, until, socket, payment_id, *, within_s=15.0):
    """Read a socket until the approval, then check REST, the timeline and the list."""
    async with within(within_s):
        async for message in socket:
            frame = message.json()
            if frame["type"] == "snapshot" and frame["payments"][0]["status"] == "approved":
                break
            if frame["type"] == "event" and frame["event"] == "StatusChanged":
                assert frame["data"]["status"] == "approved"
                break
        else:
            raise AssertionError("the socket was closed before the approval")
    answer = await hub.check(payment_id)
    assert (answer["status"], answer["status_label"]) == ("approved", "Aprovado")
    assert answer["paid_at"]
    assert await hub.status_changes(payment_id) == APPROVED

    async def is_listed():
        _, listed = await hub.get(f"/payments/api/pending/?padaria_slug={hub.merchant}&status=approved")
        return payment_id in [payment["payment_id"] for payment in listed["payments"]]

    await until(is_listed, "the read model has the approval")


async def is_refilled(hub, jetstream):
    try:
        state = (await jetstream.stream_info("PAYMENTS")).state
    except nats.js.errors.NotFoundError:
        return False
    return state.messages == await hub.count_events()
