"""Money that does not fit the charge: parts, late and second payments, and their alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.compatibility.claim import claim
from tests.e2e.test_pix import short_pix
from tests.e2e.test_socket_io import listening

MERCHANT = "padaria-do-marcos"
FOREIGN = {"Origin": "https://outra.example", "Access-Control-Request-Method": "POST"}


async def pay(hub, link, amount, **more):
    """Pay a part of a link by a new attempt, make the hub check it, and return Mercado Pago's id."""
    order = {"preference_id": link["preference_id"], "new_attempt": True, "outcome": "approved", "amount": amount}
    paid = await hub.sandbox("POST", "/_sandbox/pay", order | more)
    return str(paid["id"])


async def pay_with_two_cards(hub, link):
    """Pay R$ 2,00 and R$ 3,00; the hub has seen the first before the second, for it lists attempts in that order."""
    attempts = []
    for amount, held in ((2, 2.0), (3, 5.0)):
        attempts.append(await pay(hub, link, amount, method="visa"))
        await hub.until_checked(link["payment_id"], held_amount=held)
    return attempts


async def act(hub, payment_id, what, body=None):
    return await hub.post(f"/payments/api/{payment_id}/{what}/", body or {})


def transfer(number):
    """Return a new end-to-end id of Pix."""
    return f"E{number:031d}"


async def confirm(hub, payment, value, number, **more):
    body = {"bank_payment_id": payment["bank_payment_id"], "value": value, "end_to_end_id": transfer(number)}
    return await hub.post("/payments/pix/confirmation", body | more)


async def late_pix(hub, number):
    """A Pix of R$ 7,00 that was paid one second after its deadline."""
    async with hub.inside() as inside:
        opened = await short_pix(inside)
    intent = opened.payment.intent
    payment = {"id": opened.payment_id, "bank_payment_id": intent.bank_payment_id}
    paid_at = (intent.expires_at + timedelta(seconds=1)).isoformat()
    status, answer = await confirm(hub, payment, 7, number, paid_at=paid_at)
    assert (status, answer["code"]) == (409, "late_payment")
    return payment


async def shown(hub, address):
    async with hub.session.get(address, allow_redirects=False) as page:
        return page.status, await page.text()


@claim("check.amount", "check.money", "check.attempts", "status.partially-paid", "secure-link.part")
async def test_two_cards_pay_one_charge(hub):
    link = await hub.link()
    first = await pay(hub, link, 2, method="visa")
    checked = await hub.until_checked(link["payment_id"], held_amount=2.0)
    assert (checked["status"], checked["status_detail"]) == ("pending", "partially_paid")
    assert (checked["alerts"], checked["paid_at"]) == (["partially_paid"], None)
    assert checked["checkout_url"] is None
    async with hub.session.get(link["status_check_url"]) as answer:
        as_payer = await answer.json()
    assert (as_payer["held_amount"], as_payer["attempts"], as_payer["alerts"]) == (2.0, [], [])
    status, page = await shown(hub, link["secure_checkout_url"])
    assert status == 200
    assert "Pagamento incompleto" in page
    assert "R$ 2,00" in page
    assert "R$ 3,00" in page
    assert "checkout/v1/redirect" not in page
    second = await pay(hub, link, 3, method="visa")
    checked = await hub.until_checked(link["payment_id"], held_amount=5.0)
    assert (checked["status"], checked["status_detail"], checked["alerts"]) == ("approved", "accredited", [])
    assert [(each["mp_payment_id"], each["held_amount"]) for each in checked["attempts"]] == [
        (first, 2.0),
        (second, 3.0),
    ]


@claim("cancel.holds-money")
async def test_payment_with_held_money_cannot_be_cancelled(hub):
    link = await hub.link()
    await pay(hub, link, 2)
    await hub.until_checked(link["payment_id"], held_amount=2.0)
    status, answer = await act(hub, link["payment_id"], "cancel")
    assert (status, answer["code"]) == (409, "payment_holds_money")
    assert "R$ 2,00" in answer["error"]


@claim("refund.amount", "refund.attempts", "refund.answer")
async def test_full_refund_covers_all_attempts_only_with_all(hub):
    link = await hub.link()
    await pay_with_two_cards(hub, link)
    status, answer = await act(hub, link["payment_id"], "refund")
    assert (status, answer["code"]) == (400, "amount_or_all")
    address, key = f"/payments/api/{link['payment_id']}/refund/", {"Idempotency-Key": "all-of-it"}
    status, answer = await hub.post(address, {"all": True, "reason": "desistência"}, key)
    assert (status, answer["refund_status"], answer["amount"]) == (200, "made", 5.0)
    assert [each["amount"] for each in answer["refunds"]] == [2.0, 3.0]
    assert (answer["mp_payment_id"], answer["held_amount"], answer["status"]) == (None, 0.0, "refunded")
    again = await hub.post(address, {"all": True, "reason": "desistência"}, key)
    assert again[1]["refunds"] == answer["refunds"]
    asked = [event["data"] for event in await hub.events(link["payment_id"]) if event["type"] == "RefundRequested"]
    assert [each["reason"] for each in asked] == ["desistência"] * 2


@claim("refund.attempts")
async def test_partial_refund_of_several_attempts_must_name_one(hub):
    link = await hub.link()
    first, second = await pay_with_two_cards(hub, link)
    status, answer = await act(hub, link["payment_id"], "refund", {"amount": 1})
    assert (status, answer["code"]) == (400, "choose_attempt")
    assert f"{first} (R$ 2,00), {second} (R$ 3,00)" in answer["error"]
    status, answer = await act(hub, link["payment_id"], "refund", {"amount": 1, "mp_payment_id": second})
    assert (status, answer["mp_payment_id"], answer["remaining_amount"]) == (200, second, 2.0)


@claim("refund.pending")
async def test_pending_refund_is_accepted_and_completed_later(hub, until):
    link = await hub.link()
    await pay(hub, link, 5)
    await hub.until_checked(link["payment_id"], held_amount=5.0)
    await hub.faults(refunds_in_process=True)
    status, answer = await act(hub, link["payment_id"], "refund", {"amount": 2})
    assert (status, answer["refund_status"], answer["refunds"][0]["refund_status"]) == (202, "requested", "in_process")
    first = answer["refunds"][0]["refund_id"]
    status, answer = await act(hub, link["payment_id"], "refund", {"amount": 2})
    assert (status, answer["code"]) == (409, "refund_in_progress")
    assert first in answer["error"]
    [accepted] = [each["data"] for each in await hub.events(link["payment_id"]) if each["type"] == "RefundAccepted"]
    ended = {"status": "approved"}
    await hub.sandbox("POST", f"/_sandbox/refunds/{accepted['provider_refund_id']}", ended)

    async def is_made():
        return "RefundMade" in [event["type"] for event in await hub.events(link["payment_id"])]

    await until(is_made, "the monitor has found the refund", within_s=30)
    assert (await hub.until_checked(link["payment_id"], held_amount=3.0))["refunded_amount"] == 2.0


@claim("pix-confirmation.status", "accept.approves")
async def test_late_pix_can_be_accepted(hub):
    payment = await late_pix(hub, 1)
    checked = await hub.check(payment["id"])
    assert (checked["status"], checked["held_amount"], checked["alerts"]) == ("cancelled", 7.0, ["late_payment"])
    for _ in range(2):
        status, answer = await act(hub, payment["id"], "accept")
        assert (status, answer["status"], answer["held_amount"], answer["alerts"]) == (200, "approved", 7.0, [])
    assert await hub.status_changes(payment["id"]) == [("pending", "cancelled"), ("cancelled", "approved")]
    _, created = await hub.post("/payments/pix", {"value": 5})
    status, answer = await act(hub, created["payment"]["id"], "accept")
    assert (status, answer["code"]) == (409, "nothing_to_accept")


@claim("pix-confirmation.more")
async def test_short_pix_is_held_and_rejected(hub):
    _, created = await hub.post("/payments/pix", {"value": 5})
    payment = created["payment"]
    for _ in range(2):
        status, answer = await confirm(hub, payment, 2, 2)
        assert (status, answer["code"]) == (400, "wrong_amount")
    checked = await hub.check(payment["id"])
    assert (checked["status"], checked["status_detail"]) == ("pending", "partially_paid")
    assert (checked["held_amount"], checked["alerts"]) == (2.0, ["partially_paid"])
    status, page = await shown(hub, created["payment_url"])
    assert status == 200
    assert "Pagamento incompleto" in page
    assert payment["payload"] not in page
    async with hub.session.get(payment["qr_code_url"]) as picture:
        assert picture.status == 409
    status, answer = await confirm(hub, payment, 5, 2)
    assert (status, answer["code"]) == (400, "wrong_amount")
    await confirm(hub, payment, 3, 3)
    assert (await hub.check(payment["id"]))["status"] == "approved"


@claim("pix-confirmation.status", "pix-return.body", "pix-return.refusals")
async def test_returned_pix_is_not_held(hub):
    payment = await late_pix(hub, 4)
    address = f"/payments/pix/{payment['id']}/returned"
    body = {"return_id": "D" * 32, "amount": 7, "returned_at": datetime.now(UTC).isoformat()}
    for _ in range(2):
        status, answer = await hub.post(address, body)
        assert (status, answer["held_amount"], answer["refunded_amount"]) == (200, 0.0, 7.0)
        assert (answer["end_to_end_id"], answer["status"]) == (transfer(4), "cancelled")
    assert (await hub.check(payment["id"]))["alerts"] == []
    for more, code in (
        ({"amount": 6}, "return_id_reused"),
        ({"return_id": "E" * 35}, "return_exceeds_held"),
        ({"return_id": "E" * 36}, "invalid_return_id"),
        ({"return_id": ""}, "invalid_return_id"),
        ({"return_id": "X", "returned_at": "2026-01-12"}, "invalid_returned_at"),
        ({"return_id": "X", "returned_at": "2035-01-12T00:00:00Z"}, "invalid_returned_at"),
        ({"return_id": "X", "returned_at": None}, "invalid_returned_at"),
        ({"return_id": "X", "amount": 0}, "amount_zero"),
        ({"return_id": "X", "end_to_end_id": transfer(5)}, "unknown_transfer"),
    ):
        status, answer = await hub.post(address, body | more)
        assert (status, answer["code"]) == (409 if code.startswith("return_") else 400, code)
    link = await hub.link()
    status, answer = await hub.post(f"/payments/pix/{link['payment_id']}/returned", body)
    assert (status, answer["code"]) == (400, "not_a_pix")


@claim("check.alerts", "resolve-alert.closes")
async def test_alert_can_be_resolved(hub):
    _, created = await hub.post("/payments/pix", {"value": 5})
    payment_id = created["payment"]["id"]
    for number in (6, 7):
        assert (await confirm(hub, created["payment"], 5, number))[0] == 200
    assert (await hub.check(payment_id))["alerts"] == ["duplicate_payment"]
    for body, code in (
        ({}, "missing_field"),
        ({"reason": " "}, "missing_field"),
        ({"reason": "x" * 501}, "text_too_long"),
    ):
        status, answer = await act(hub, payment_id, "alerts/duplicate_payment/resolve", body)
        assert (status, answer["code"]) == (400, code)
    for _ in range(2):
        status, answer = await act(hub, payment_id, "alerts/duplicate_payment/resolve", {"reason": "combinado"})
        assert (status, answer["alerts"]) == (200, [])
    assert (await hub.check(payment_id))["alerts"] == []
    status, answer = await act(hub, payment_id, "alerts/late_payment/resolve", {"reason": "nada"})
    assert (status, answer["code"]) == (404, "alert_not_found")
    await confirm(hub, created["payment"], 5, 8)
    assert (await hub.check(payment_id))["alerts"] == ["duplicate_payment"]


@claim("socket-io.confirmed")
async def test_payment_is_confirmed_once(hub):
    link = await hub.link()
    async with listening(hub.url, auth={"api_key": hub.api_key}) as heard:
        await pay(hub, link, 2)
        await hub.until_checked(link["payment_id"], held_amount=2.0)
        await pay(hub, link, 3)
        event, payload = await heard.next()
        assert (event, payload["status"]) == (f"payment-confirmed-{link['payment_id']}", "approved")
        await act(hub, link["payment_id"], "refund", {"all": True})
        await pay(hub, link, 5)
        await hub.until_checked(link["payment_id"], held_amount=5.0)
        other = await hub.link()
        await pay(hub, other, 5)
        event, _ = await heard.next()
        assert event == f"payment-confirmed-{other['payment_id']}"


@claim("accept.approves", "resolve-alert.closes")
@pytest.mark.parametrize("what", ["refund", "accept", "alerts/late_payment/resolve"])
async def test_money_routes_are_not_shared_cross_origin(hub, what):
    link = await hub.link()
    address = f"{hub.url}/payments/api/{link['payment_id']}/{what}/"
    async with hub.session.options(address, headers=FOREIGN) as preflight:
        assert "Access-Control-Allow-Origin" not in preflight.headers
    status, answer = await act(hub, link["payment_id"], what, {"reason": "x"} if "alerts" in what else {"all": True})
    assert status in {404, 409}
    assert answer["code"] in {"payment_not_paid", "nothing_to_accept", "alert_not_found"}
