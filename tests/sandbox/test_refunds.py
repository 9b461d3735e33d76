"""Refunds are checked against the rest of the payment, and a repeated key has no second effect."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
async def path(sandbox) -> str:
    """The refunds path of an approved payment of 10 reais."""
    payment = await sandbox.pix(transaction_amount=10)
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    return f"/v1/payments/{payment['id']}/refunds"


async def test_partial_refunds_of_the_total_refund_the_payment(sandbox, path):
    status, refund = await sandbox.call("POST", path, {"amount": 4.99}, key="1")
    _, payment = await sandbox.call("GET", path.removesuffix("/refunds"))
    assert (status, refund["amount"], refund["status"]) == (201, 4.99, "approved")
    assert (payment["status"], payment["status_detail"]) == ("approved", "partially_refunded")
    await sandbox.call("POST", path, {"amount": 5.01}, key="2")
    _, payment = await sandbox.call("GET", path.removesuffix("/refunds"))
    assert (payment["status"], payment["status_detail"]) == ("refunded", "refunded")
    assert payment["transaction_amount_refunded"] == 10
    assert [each["amount"] for each in payment["refunds"]] == [4.99, 5.01]


async def test_repeated_key_answers_200_with_an_empty_body(sandbox, path):
    await sandbox.call("POST", path, {"amount": 4}, key="1")
    assert await sandbox.call("POST", path, {"amount": 4}, key="1") == (200, None)
    _, refunds = await sandbox.call("GET", path)
    assert len(refunds) == 1


async def test_concurrent_refunds_never_exceed_the_payment(sandbox, path):
    answers = await asyncio.gather(*(sandbox.call("POST", path, {"amount": 4}, key=str(number)) for number in range(5)))
    assert sorted(status for status, _ in answers) == [201, 201, 400, 400, 400]


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [(10.01, 400, 2017), (1.005, 400, 2017), (0, 401, 4040), (-1, 401, 4040), ("5", 401, 4041)],
)
async def test_impossible_amount_is_rejected(sandbox, path, amount, status, code):
    refused, body = await sandbox.call("POST", path, {"amount": amount}, key="1")
    assert (refused, body["cause"][0]["code"]) == (status, code)


async def test_refund_after_a_full_refund_is_rejected(sandbox, path):
    await sandbox.call("POST", path, key="1")
    status, body = await sandbox.call("POST", path, {}, key="2")
    assert (status, body["cause"][0]["code"]) == (400, 2063)


async def test_pending_payment_cannot_be_refunded(sandbox):
    payment = await sandbox.pix()
    status, body = await sandbox.call("POST", f"/v1/payments/{payment['id']}/refunds", {}, key="1")
    assert (status, body["cause"][0]["code"]) == (400, 2063)


async def test_rejected_refund_does_not_use_its_key(sandbox, path):
    await sandbox.call("POST", path, {"amount": 11}, key="1")
    status, _ = await sandbox.call("POST", path, {"amount": 10}, key="1")
    assert status == 201


async def test_refund_needs_a_key_and_a_known_payment(sandbox, path):
    status, body = await sandbox.call("POST", path, {})
    assert (status, body["cause"][0]["code"]) == (400, 4292)
    status, body = await sandbox.call("POST", "/v1/payments/1/refunds", {}, key="1")
    assert (status, body["cause"][0]["code"]) == (404, 2000)
    status, body = await sandbox.call("GET", f"{path}/1")
    assert (status, body["cause"][0]["code"]) == (404, 2032)
