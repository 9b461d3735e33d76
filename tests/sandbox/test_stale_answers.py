"""A question about a payment can be answered as before its latest change, a few times or for good."""

from __future__ import annotations

import pytest


@pytest.fixture
async def forms(sandbox) -> list[dict]:
    """A Pix while it waited, and after it was paid."""
    pix = await sandbox.pix(external_reference="PED-1")
    return [pix, await sandbox.pay(payment_id=pix["id"], outcome="approved")]


async def test_a_stale_answer_is_given_as_often_as_was_asked(sandbox, forms):
    earlier, present = forms
    order = {"payment_id": present["id"], "answers": 2}
    assert await sandbox.control("POST", "stale", order) == (200, earlier)
    seen = [await sandbox.payment(present["id"]) for _ in range(3)]
    assert seen == [earlier, earlier, present]
    await sandbox.control("POST", "stale", order)
    await sandbox.control("POST", "stale", order | {"answers": 0})
    assert await sandbox.payment(present["id"]) == present


async def test_an_order_is_stale_with_its_payment(sandbox):
    order = await sandbox.order()
    payment = await sandbox.pay(order_id=order["id"], outcome="approved")
    await sandbox.control("POST", "stale", {"payment_id": payment["id"], "answers": 1})
    assert [(await sandbox.shown_order(order["id"]))["status"] for _ in range(2)] == ["action_required", "processed"]


async def test_a_change_is_taken_back_for_good(sandbox, forms):
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


async def test_a_change_that_was_taken_back_stays_so_through_a_restart(start):
    async with start() as sandbox:
        pix = await sandbox.pix()
        await sandbox.pay(payment_id=pix["id"], outcome="approved")
        await sandbox.control("POST", "stale", {"payment_id": pix["id"], "answers": None})
    async with start() as sandbox:
        assert await sandbox.payment(pix["id"]) == pix


async def test_a_refund_that_was_taken_back_for_good_is_unknown(sandbox, forms):
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
async def test_an_impossible_staleness_is_refused(sandbox, order, status, code):
    refused, body = await sandbox.control("POST", "stale", order)
    assert (refused, body["error"]) == (status, code)


async def test_a_payment_that_never_changed_has_no_earlier_form(sandbox):
    pix = await sandbox.pix()
    status, body = await sandbox.control("POST", "stale", {"payment_id": pix["id"], "answers": 1})
    assert (status, body["error"]) == (409, "no_earlier_form")
