"""Storage by webhooks is bounded for strangers and tenants; verified ones are always processed."""

from __future__ import annotations

import asyncio
import json
import time
from uuid import uuid4

import pytest

from services.gateway.api.webhook_record import MAX_UNVERIFIED_BYTES, MAX_VERIFIED_BYTES
from services.gateway.workers.webhook_budgets import BODY_BYTES_PER_MINUTE, UNVERIFIED_BURST
from services.sandbox.webhooks.signature import signature_header
from tests.running_hub import WEBHOOK_SECRET

GET_PAYMENT = "GET /v1/payments/{payment_id}"
KEPT = """
    SELECT w.verdict, e.digest, e.body FROM webhook_deliveries w LEFT JOIN evidence e ON e.digest = w.evidence
    WHERE w.merchant = $1 ORDER BY w.received_at
"""


def signed(data_id, *, request_id=None, ts=None):
    request_id, ts = request_id or uuid4().hex, ts or str(int(time.time()))
    signature = signature_header(secret=WEBHOOK_SECRET, data_id=data_id, request_id=request_id, ts=ts)
    return {"x-signature": signature, "x-request-id": request_id}


async def post(hub, data_id, headers, *, body=None, kind="payment", more=""):
    address = f"{hub.url}/webhooks/mercadopago/{hub.merchant}/?type={kind}&data.id={data_id}{more}"
    async with hub.session.post(address, data=body or b"{}", headers=headers) as answer:
        return answer.status


async def kept(hub):
    """The verdict and the record of each delivery of the merchant, in order."""
    async with hub.inside() as inside:
        seal = await inside.personal_data.body_seal()
    return [(verdict, seal.open_body(digest, body)) for verdict, digest, body in await hub.rows(KEPT, hub.merchant)]


def a_number():
    return str(uuid4().int % 10**11)


@pytest.mark.parametrize(
    ("headers", "more", "body"),
    [
        ({}, "", b'{"x":"' + b"\\u0001" * 10_000 + b'"}'),
        ({"User-Agent": "a" * 7000}, "", b"{}"),
        ({"x-signature": "a" * 7000}, "", b"{}"),
        ({"x-request-id": "\\" * 7000}, "&x=" + "a" * 7000, b'{"x":"' + b"a" * 60_000 + b'"}'),
    ],
    ids=["body", "user_agent", "signature", "everything"],
)
async def test_unverified_delivery_is_stored_in_four_kilobytes(others_hub, headers, more, body):
    hub = others_hub
    assert await post(hub, a_number(), {"x-signature": "ts=1", **headers}, body=body, more=more) == 401
    ((verdict, record),) = await kept(hub)
    assert verdict == "malformed"
    assert len(record) <= MAX_UNVERIFIED_BYTES
    assert json.loads(record)["body_bytes"] == len(body)


async def test_verified_delivery_is_stored_in_sixteen_kilobytes(others_hub):
    hub, number = others_hub, a_number()
    body = json.dumps({"type": "payment", "data": {"id": number}, "x": "a" * 60_000}).encode()
    assert await post(hub, number, signed(number), body=body) == 200
    ((verdict, record),) = await kept(hub)
    assert verdict == "verified"
    assert MAX_VERIFIED_BYTES - 12 < len(record) <= MAX_VERIFIED_BYTES
    assert json.loads(record)["body"].startswith('{"type": "payment"')


async def test_stranger_cannot_use_up_other_merchants_budget(hub, others_hub):
    statuses = await asyncio.gather(*(post(others_hub, a_number(), {}) for _ in range(2 * UNVERIFIED_BURST)))
    assert set(statuses) == {401}
    assert UNVERIFIED_BURST <= len(await kept(others_hub)) <= UNVERIFIED_BURST + 2
    number = a_number()
    assert await post(hub, number, {}) == 401
    assert await hub.rows("SELECT verdict FROM webhook_deliveries WHERE resource_id = $1", number) == [("missing",)]
    # Verified deliveries have a separate budget.
    assert await post(others_hub, number, signed(number)) == 200
    assert (await kept(others_hub))[-1][0] == "verified"


@pytest.mark.usefixtures("only_when_asked")
async def test_deliveries_over_budget_are_processed_without_bodies(others_hub, until):
    hub, filling = others_hub, b'{"x":"' + b"a" * 60_000 + b'"}'

    async def deliver(count, kind):
        numbers = [a_number() for _ in range(count)]
        posts = (post(hub, number, signed(number), body=filling, kind=kind) for number in numbers)
        assert set(await asyncio.gather(*posts)) == {200}
        return numbers

    await deliver(2 * BODY_BYTES_PER_MINUTE // MAX_VERIFIED_BYTES, "nothing")
    before = await hub.asked(GET_PAYMENT)
    numbers = await deliver(10, "payment")
    records = [json.loads(record) for _, record in await kept(hub)]
    ours = [record for record in records if any(f"data.id={number}" in record["path"] for number in numbers)]
    assert len(ours) == 10
    # The budget grows by one body a second.
    assert sum("body" in record for record in ours) < 5

    async def are_asked() -> bool:
        return await hub.asked(GET_PAYMENT) >= before + 10

    await until(are_asked, "all are processed")


async def test_repeated_delivery_is_not_stored_again(others_hub):
    hub, number = others_hub, a_number()
    headers = signed(number)
    statuses = await asyncio.gather(*(post(hub, number, headers) for _ in range(10)))
    # Another body or unsigned header does not make it another delivery.
    statuses += [await post(hub, number, {**headers, "User-Agent": "b"}, body=b'{"x":1}', more="&x=1")]
    assert set(statuses) == {200}
    assert len(await kept(hub)) == 1
    async with hub.inside() as inside:
        seal = await inside.personal_data.body_seal()
    bodies = [
        seal.open_body(*row) for row in await hub.rows("SELECT digest, body FROM evidence WHERE sealed_by = 'hub'")
    ]
    assert sum(number.encode() in body for body in bodies) == 1
    assert await hub.rows("SELECT 1 FROM evidence WHERE position($1::bytea IN body) > 0", number.encode()) == []


async def test_notices_with_one_request_id_are_all_stored(others_hub):
    hub, number, other = others_hub, a_number(), a_number()
    request_id, ts = uuid4().hex, int(time.time())
    first = signed(number, request_id=request_id, ts=str(ts))
    assert await post(hub, number, first) == 200
    assert await post(hub, number, first, kind="order") == 200
    assert await post(hub, other, signed(other, request_id=request_id, ts=str(ts))) == 200
    assert await post(hub, number, signed(number, request_id=request_id, ts=str(ts - 1))) == 200
    assert await post(hub, number, signed(number, ts=str(ts))) == 200
    assert len(await kept(hub)) == 5


async def test_delivery_repeated_under_other_types_is_stored_once(others_hub):
    hub, number = others_hub, f"ORD{a_number()}"
    headers = signed(number.lower())
    for kind in ("order", "ORDER", "Order", *(f"t{each}" for each in range(20))):
        assert await post(hub, number, headers, kind=kind) == 200
        assert await post(hub, number.lower(), headers, kind=kind) == 200
    assert len(await kept(hub)) == 2


async def test_forged_delivery_does_not_block_verified_one(others_hub):
    hub, number = others_hub, a_number()
    headers = signed(number)
    forged = {
        **headers,
        "x-signature": headers["x-signature"][:-1] + ("0" if headers["x-signature"][-1] != "0" else "1"),
    }
    assert await post(hub, number, forged) == 401
    assert await post(hub, number, headers) == 200
    assert [verdict for verdict, _ in await kept(hub)] == ["mismatched", "verified"]


async def test_notice_for_shared_account_is_stored_for_both_merchants(hub, others_hub):
    number = a_number()
    headers = signed(number)
    for each in (hub, others_hub):
        assert await post(each, number, headers) == 200
    stored = await hub.rows("SELECT count(DISTINCT merchant) FROM webhook_deliveries WHERE resource_id = $1", number)
    assert stored == [(2,)]
