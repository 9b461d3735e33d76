"""A refund can be in process, end as approved or failed, and be reversed after its approval."""

from __future__ import annotations

import pytest

ASKING = {"X-Render-In-Process-Refunds": "true"}


@pytest.fixture
async def path(sandbox) -> str:
    """The refunds path of an approved payment of 10 reais, with refunds in process."""
    payment = await sandbox.pix(transaction_amount=10, external_reference="PED-1")
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    await sandbox.faults(refunds_in_process=True)
    return f"/v1/payments/{payment['id']}/refunds"


async def payment_at(sandbox, path) -> dict:
    return (await sandbox.call("GET", path.removesuffix("/refunds")))[1]


async def refund_in_process(sandbox, path, *, amount: float = 4, key: str = "1") -> dict:
    status, refund = await sandbox.call("POST", path, {"amount": amount}, key=key, headers=ASKING)
    assert (status, refund["status"]) == (201, "in_process")
    return refund


async def test_refund_in_process_leaves_the_payment_unchanged(sandbox, path):
    before = await payment_at(sandbox, path)
    refund = await refund_in_process(sandbox, path)
    assert (refund["amount"], refund["amount_refunded_to_payer"]) == (4, 0)
    assert await payment_at(sandbox, path) == before
    _, found = await sandbox.call("GET", "/v1/payments/search")
    assert [each["date_last_updated"] for each in found["results"]] == [before["date_last_updated"]]


async def test_refund_in_process_is_listed_only_with_the_header(sandbox, path):
    refund = await refund_in_process(sandbox, path)
    assert await sandbox.call("GET", path, headers=ASKING) == (200, [refund])
    assert await sandbox.call("GET", f"{path}/{refund['id']}", headers=ASKING) == (200, refund)
    assert await sandbox.call("GET", path) == (200, [])
    status, body = await sandbox.call("GET", f"{path}/{refund['id']}")
    assert (status, body["cause"][0]["code"]) == (404, 2032)


async def test_refund_in_process_is_answered_400_without_the_header(sandbox, path):
    status, body = await sandbox.call("POST", path, {"amount": 4}, key="1")
    assert (status, body["cause"][0]["code"]) == (400, 2084)
    assert await sandbox.call("POST", path, {"amount": 4}, key="1") == (200, None)
    _, (refund,) = await sandbox.call("GET", path, headers=ASKING)
    assert (refund["status"], refund["amount"]) == ("in_process", 4)


async def test_refund_in_process_reserves_its_amount_until_it_fails(sandbox, path):
    refund = await refund_in_process(sandbox, path)
    status, body = await sandbox.call("POST", path, {"amount": 7}, key="2", headers=ASKING)
    assert (status, body["cause"][0]["code"]) == (400, 2017)
    await sandbox.end_refund(refund["id"], "rejected")
    await refund_in_process(sandbox, path, amount=10, key="3")
    status, body = await sandbox.call("POST", path, key="4", headers=ASKING)
    assert (status, body["cause"][0]["code"]) == (400, 2063)


@pytest.mark.parametrize("amount", [4, 10])
async def test_approved_refund_refunds_the_payment(sandbox, path, amount):
    before = await payment_at(sandbox, path)
    refund = await refund_in_process(sandbox, path, amount=amount)
    payment = await sandbox.end_refund(refund["id"], "approved")
    assert payment["transaction_amount_refunded"] == amount
    assert payment["date_last_updated"] > before["date_last_updated"]
    states = {4: ("approved", "partially_refunded"), 10: ("refunded", "refunded")}
    assert (payment["status"], payment["status_detail"]) == states[amount]
    made = refund | {"status": "approved", "amount_refunded_to_payer": amount}
    assert await sandbox.call("GET", path) == (200, [made])


@pytest.mark.parametrize("end", ["rejected", "cancelled"])
async def test_failed_refund_is_listed_with_its_status(sandbox, path, end):
    refund = await refund_in_process(sandbox, path)
    payment = await sandbox.end_refund(refund["id"], end)
    assert (payment["status"], payment["status_detail"]) == ("approved", "accredited")
    assert payment["transaction_amount_refunded"] == 0
    for headers in (None, ASKING):
        _, refunds = await sandbox.call("GET", path, headers=headers)
        assert [(each["id"], each["status"]) for each in refunds] == [(refund["id"], end)]


async def test_approved_refund_is_reversed(sandbox, path):
    await sandbox.faults(refunds_in_process=False)
    _, first = await sandbox.call("POST", path, {"amount": 4}, key="1")
    await sandbox.call("POST", path, key="2")
    refunded = await payment_at(sandbox, path)
    assert refunded["status"] == "refunded"
    second = refunded["refunds"][1]["id"]
    payment = await sandbox.end_refund(second, "rejected")
    assert (payment["status"], payment["status_detail"]) == ("approved", "partially_refunded")
    assert payment["transaction_amount_refunded"] == 4
    assert payment["date_last_updated"] > refunded["date_last_updated"]
    payment = await sandbox.end_refund(first["id"], "cancelled")
    assert (payment["status_detail"], payment["transaction_amount_refunded"]) == ("accredited", 0)
    assert [each["status"] for each in payment["refunds"]] == ["cancelled", "rejected"]


async def test_failed_refund_stays_failed(sandbox, path):
    refund = await refund_in_process(sandbox, path)
    await sandbox.end_refund(refund["id"], "rejected")
    for status, name, body, code in (
        (409, refund["id"], {"status": "approved"}, "illegal_move"),
        (404, 1, {"status": "approved"}, "unknown_refund"),
        (400, refund["id"], {"status": "in_process"}, "invalid_refund"),
    ):
        refused, answer = await sandbox.control("POST", f"refunds/{name}", body)
        assert (refused, answer["error"]) == (status, code)


async def test_refund_in_process_survives_a_restart(start):
    async with start() as sandbox:
        payment = await sandbox.pix()
        await sandbox.pay(payment_id=payment["id"], outcome="approved")
        await sandbox.faults(refunds_in_process=True)
        refund = await refund_in_process(sandbox, f"/v1/payments/{payment['id']}/refunds")
    async with start() as sandbox:
        payment = await sandbox.end_refund(refund["id"], "approved")
        assert payment["transaction_amount_refunded"] == 4


async def test_panel_refund_has_its_own_id(sandbox, path):
    number = int(path.split("/")[3])
    for amount in (1, 2.5):
        payment = await sandbox.pay(payment_id=number, outcome="refunded", amount=amount)
    _, refunds = await sandbox.call("GET", path)
    assert [(each["amount"], each["status"]) for each in refunds] == [(1, "approved"), (2.5, "approved")]
    assert len({each["id"] for each in refunds}) == 2
    assert payment["refunds"] == refunds


@pytest.fixture
async def order(sandbox) -> dict:
    """A paid order of 10 reais."""
    order = await sandbox.order(amount="10.00")
    await sandbox.pay(order_id=order["id"], outcome="approved")
    return order


@pytest.mark.parametrize(("end", "word"), [("approved", "processed"), ("rejected", "failed")])
async def test_order_lists_a_refund_after_it_ended(sandbox, order, end, word):
    await sandbox.faults(order_refunds="processing")
    before = await sandbox.shown_order(order["id"])
    name = before["transactions"]["payments"][0]["id"]
    body = {"transactions": [{"id": name, "amount": "4.00"}]}
    answers = [await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", body, key="1") for _ in range(2)]
    assert answers[0] == answers[1]
    status, answer = answers[0]
    (refund,) = answer["transactions"]["refunds"]
    assert (status, answer["status_detail"], refund["status"]) == (201, "accredited", "processing")
    assert await sandbox.shown_order(order["id"]) == before
    await sandbox.end_refund(refund["id"], end)
    after = await sandbox.shown_order(order["id"])
    assert after["transactions"]["refunds"] == [refund | {"status": word}]
    assert after["status_detail"] == ("partially_refunded" if word == "processed" else "accredited")


async def test_refund_of_an_order_is_reversed(sandbox, order):
    _, refunded = await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", key="1")
    (refund,) = refunded["transactions"]["refunds"]
    await sandbox.end_refund(refund["reference_id"], "cancelled")
    shown = await sandbox.shown_order(order["id"])
    assert (shown["status"], shown["status_detail"]) == ("processed", "accredited")
    assert shown["transactions"]["refunds"] == [refund | {"status": "failed"}]
    assert "refunded_amount" not in shown["transactions"]["payments"][0]


async def test_refunded_order_can_be_shown_as_processed(sandbox, shop, order):
    await sandbox.panel(webhook_url=shop.url)
    await sandbox.faults(order_refunded_as_processed=True)
    _, refunded = await sandbox.call("POST", f"/v1/orders/{order['id']}/refund", key="1")
    shown = await sandbox.shown_order(order["id"])
    (webhook,) = await shop.wait_for_webhooks(1)
    assert (webhook.body["action"], webhook.body["data"]["status"]) == ("order.refunded", "processed")
    window = "begin_date=2020-01-01T00:00:00.000Z&end_date=2090-01-01T00:00:00.000Z"
    _, found = await sandbox.call("GET", f"/v1/orders?{window}&status=processed&status_detail=refunded")
    for each in (refunded, shown, shown["transactions"]["payments"][0], *found["data"]):
        assert (each["status"], each["status_detail"]) == ("processed", "refunded")
    assert len(found["data"]) == 1
