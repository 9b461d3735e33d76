"""A chargeback begins, sends webhooks, and ends with the money lost or returned."""

from __future__ import annotations

import pytest


@pytest.fixture
async def disputed(sandbox) -> dict:
    """A paid Pix with a chargeback."""
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    return await sandbox.pay(payment_id=payment["id"], outcome="charged_back")


async def found(sandbox, query: str) -> list[dict]:
    status, body = await sandbox.call("GET", f"/v1/chargebacks/search?{query}")
    assert status == 200, body
    assert body["paging"]["total"] == len(body["results"])
    return body["results"]


async def test_chargeback_is_found_by_its_payment(sandbox, disputed):
    (chargeback,) = await found(sandbox, f"payment_id={disputed['id']}")
    assert (chargeback["payments"], chargeback["amount"]) == ([disputed["id"]], 7.5)
    assert (chargeback["status"], chargeback["coverage_applied"]) == ("in_review", None)
    assert await sandbox.call("GET", f"/v1/chargebacks/{chargeback['id']}") == (200, chargeback)
    assert await found(sandbox, "payment_id=1") == []


@pytest.mark.parametrize(("end", "status", "is_covered"), [("settled", "lost", False), ("reimbursed", "won", True)])
async def test_chargeback_ends_and_keeps_its_id(sandbox, disputed, end, status, is_covered):
    (before,) = await found(sandbox, "")
    ended = await sandbox.pay(payment_id=disputed["id"], outcome="charged_back", detail=end)
    assert (ended["status"], ended["status_detail"]) == ("charged_back", end)
    (after,) = await found(sandbox, f"status={status}")
    assert (after["id"], after["coverage_applied"]) == (before["id"], is_covered)
    refused, body = await sandbox.control("POST", "pay", {"payment_id": disputed["id"], "outcome": "charged_back"})
    assert (refused, body["error"]) == (409, "illegal_move")


async def test_chargeback_of_another_merchant_is_answered_404(sandbox, disputed, other_account):
    (chargeback,) = await found(sandbox, "")
    status, _ = await sandbox.call("GET", f"/v1/chargebacks/{chargeback['id']}", account=other_account)
    assert status == 404
    assert (await sandbox.call("GET", "/v1/chargebacks/1"))[0] == 404


async def test_chargeback_and_its_end_cause_webhooks(sandbox, shop, disputed):
    await sandbox.panel(webhook_url=f"{shop.url}?source_news=webhooks")
    await sandbox.pay(payment_id=disputed["id"], outcome="charged_back", detail="settled")
    received = {webhook.query["type"]: webhook for webhook in await shop.wait_for_webhooks(2)}
    (chargeback,) = await found(sandbox, "")
    webhook = received["topic_chargebacks_wh"]
    assert webhook.query["data.id"] == chargeback["id"]
    assert webhook.body["actions"] == ["changed_case_status"]
    assert webhook.body["data"] == {"id": int(chargeback["id"]), "payment_id": disputed["id"]}
    assert received["payment"].body["action"] == "payment.updated"


async def test_chargeback_survives_a_restart(start):
    async with start() as sandbox:
        payment = await sandbox.pix()
        await sandbox.pay(payment_id=payment["id"], outcome="approved")
        await sandbox.pay(payment_id=payment["id"], outcome="charged_back")
        before = await found(sandbox, "")
    async with start() as sandbox:
        assert await found(sandbox, "") == before
        assert (await sandbox.call("GET", f"/v1/chargebacks/{before[0]['id']}"))[0] == 200
