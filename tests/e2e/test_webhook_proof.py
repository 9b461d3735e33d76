"""The signature of a webhook covers the id in its address; other fields are not trusted."""

from __future__ import annotations

import json
import time
from uuid import uuid4

import pytest

from services.sandbox.webhooks.signature import signature_header
from tests.compatibility.claim import claim
from tests.running_hub import MERCHANT, WEBHOOK_SECRET

GET_PAYMENT = "GET /v1/payments/{payment_id}"
ADDRESS = f"/webhooks/mercadopago/{MERCHANT}/"


def signed(data_id):
    request_id = uuid4().hex
    signature = signature_header(
        secret=WEBHOOK_SECRET, data_id=data_id, request_id=request_id, ts=str(int(time.time()))
    )
    return {"x-signature": signature, "x-request-id": request_id, "X-Correlation-Id": request_id}


async def post(hub, query, body, headers):
    async with hub.session.post(
        f"{hub.url}/webhooks/mercadopago/{hub.merchant}/?{query}", data=json.dumps(body), headers=headers
    ) as answer:
        return answer.status, (await answer.json()).get("code")


async def kept(hub, headers):
    query = "SELECT resource_id, verdict, next_attempt_at IS NULL FROM webhook_deliveries WHERE correlation_id = $1"
    return await hub.rows(query, headers["X-Correlation-Id"])


@claim("webhook.signature")
@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("type=payment&data.id={0}", {"type": "payment", "data": {"id": "{1}"}}),
        ("type=payment&data.id={0}", {"type": "order", "data": {"id": "{0}"}}),
        ("type=order&data.id={0}", {"type": "payment", "data": {"id": "{0}"}}),
        ("type=topic_merchant_order_wh&data.id={0}", {"id": "{1}", "data": {}}),
    ],
)
async def test_unsigned_webhook_fields_are_not_trusted(hub, query, body):
    signed_id, other = str(uuid4().int % 10**11), str(uuid4().int % 10**11)
    headers = signed(signed_id)
    body = json.loads(json.dumps(body).replace("{0}", signed_id).replace("{1}", other))
    assert await post(hub, query.format(signed_id), body, headers) == (400, "invalid_notification")
    assert await kept(hub, headers) == []


@pytest.mark.parametrize("query", ["", "type=payment", "type=payment&data.id=", "type=payment&id={0}"])
async def test_signature_without_id_is_not_trusted(others_hub, query):
    """Such a signature would match a delivery about any resource."""
    hub = others_hub
    other = str(uuid4().int % 10**11)
    headers = signed(None)
    body = {"type": "payment", "data": {"id": other}, "user_id": "174087000"}
    assert await post(hub, query.format(other), body, headers) == (200, None)
    assert await kept(hub, headers) == [(other, "unverifiable", True)]


@claim("webhook.panel")
@pytest.mark.parametrize("address", ["/webhooks/mercadopago", ADDRESS, ADDRESS.rstrip("/")])
@pytest.mark.usefixtures("only_when_asked")
async def test_panel_test_is_answered_without_provider_call(hub, until, address):
    before = await hub.asked(GET_PAYMENT)
    for query in ("", "?topic=payment&id=123456", "?type=payment&data.id=123456"):
        async with hub.session.get(hub.url + address + query) as answer:
            assert (answer.status, await answer.json()) == (200, {"success": True})
    for body in (
        {"topic": "payment", "resource": "123456"},
        {"topic": "merchant_order", "resource": "https://api.mercadolibre.com/merchant_orders/123456"},
        {"type": "payment", "data": {"id": "123456"}, "action": "payment.updated"},
    ):
        async with hub.session.post(hub.url + address, json=body) as answer:
            assert (answer.status, await answer.json()) == (200, {"success": True})
    # The provider gets no call for them before the call for the signed one.
    assert await post(hub, "type=payment&data.id=123456", {}, signed("123456")) == (200, None)

    async def is_asked_once() -> bool:
        return await hub.asked(GET_PAYMENT) == before + 1

    await until(is_asked_once, "the provider is asked only about the signed one")
