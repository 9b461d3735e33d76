"""A payment can be served as before its latest change, for some requests or permanently."""

from __future__ import annotations

import pytest


@pytest.fixture
async def forms(sandbox) -> list[dict]:
    """A Pix before and after its payment."""
    pix = await sandbox.pix(external_reference="PED-1")
    return [pix, await sandbox.pay(payment_id=pix["id"], outcome="approved")]


async def test_stale_answer_is_served_the_requested_number_of_times(sandbox, forms):
    earlier, present = forms
    order = {"payment_id": present["id"], "answers": 2}
    assert await sandbox.control("POST", "stale", order) == (200, earlier)
    seen = [await sandbox.payment(present["id"]) for _ in range(3)]
    assert seen == [earlier, earlier, present]
    await sandbox.control("POST", "stale", order)
    await sandbox.control("POST", "stale", order | {"answers": 0})
    assert await sandbox.payment(present["id"]) == present


async def test_order_is_stale_with_its_payment(sandbox):
    order = await sandbox.order()
    payment = await sandbox.pay(order_id=order["id"], outcome="approved")
    await sandbox.control("POST", "stale", {"payment_id": payment["id"], "answers": 1})
    assert [(await sandbox.shown_order(order["id"]))["status"] for _ in range(2)] == ["action_required", "processed"]


async def test_change_is_reverted(sandbox, forms):
    earlier, present = forms
    later = await sandbox.pix(key="later")
    order = {"payment_id": present["id"], "answers": None}
    assert await sandbox.control("POST", "stale", order) == (200, earlier)
    assert [await sandbox.payment(present["id"]) for _ in range(2)] == [earlier, earlier]
    _, found = await sandbox.call("GET", "/v1/payments/search?sort=date_last_updated&criteria=desc")
    assert [each["id"] for each in found["results"]] == [later["id"], earlier["id"]]
    assert found["results"][1]["date_last_updated"] == earlier["date_last_updated"]
    assert (await sandbox.money("PED-1"))["by_currency"]["BRL"]["held_centavos"] == 0
    status, body = await sandbox.control("POST", "stale", order)
    assert (status, body["error"]) == (409, "no_earlier_form")
    again = await sandbox.pay(payment_id=present["id"], outcome="approved")
    assert again["date_last_updated"] > present["date_last_updated"]


async def test_reverted_change_stays_reverted_after_a_restart(start):
    async with start() as sandbox:
        pix = await sandbox.pix()
        await sandbox.pay(payment_id=pix["id"], outcome="approved")
        await sandbox.control("POST", "stale", {"payment_id": pix["id"], "answers": None})
    async with start() as sandbox:
        assert await sandbox.payment(pix["id"]) == pix


async def test_reverted_refund_is_unknown(sandbox, forms):
    refunded = await sandbox.pay(payment_id=forms[1]["id"], outcome="refunded")
    await sandbox.control("POST", "stale", {"payment_id": refunded["id"], "answers": None})
    refund = refunded["refunds"][0]["id"]
    status, body = await sandbox.control("POST", f"refunds/{refund}", {"status": "rejected"})
    assert (status, body["error"]) == (404, "unknown_refund")


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"payment_id": 1, "answers": 1}, 404, "unknown_payment"),
        ({"payment_id": 1}, 400, "invalid_staleness"),
        ({"payment_id": 1, "answers": -1}, 400, "invalid_staleness"),
    ],
)
async def test_impossible_staleness_is_rejected(sandbox, order, status, code):
    refused, body = await sandbox.control("POST", "stale", order)
    assert (refused, body["error"]) == (status, code)


async def test_unchanged_payment_has_no_earlier_form(sandbox):
    pix = await sandbox.pix()
    status, body = await sandbox.control("POST", "stale", {"payment_id": pix["id"], "answers": 1})
    assert (status, body["error"]) == (409, "no_earlier_form")
