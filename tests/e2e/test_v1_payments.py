"""`/v1/payments`: one payment is verified, cancelled and refunded; its events, refunds and alerts are listed."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from uuid import uuid4, uuid5

import pytest

from extrato.domain.payment.identifiers import stream_id
from tests.e2e.test_money_that_does_not_fit import late_pix, pay, pay_with_two_cards

V1 = "/v1/payments"


async def ask(hub, method, path, body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with hub.session.request(method, hub.url + path, json=body, headers={**hub.headers, **named}) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def walk(hub, path, *, limit):
    """Read every page of a list, and return its rows."""
    rows, cursor = [], ""
    while True:
        status, page, _ = await ask(hub, "GET", f"{path}?limit={limit}{cursor}")
        assert (status, page["object"]) == (200, "list")
        assert len(page["data"]) <= limit
        rows += page["data"]
        assert page["has_more"] == (page["next"] is not None)
        if not page["has_more"]:
            return rows
        cursor = f"&cursor={page['next']}"


@pytest.fixture
async def paid(hub):
    """The id of a paid link."""
    link = await hub.link()
    await hub.pay_as_a_person(link["checkout_url"])
    await hub.until_checked(link["payment_id"], status="approved")
    return link["payment_id"]


async def pix_id(hub):
    status, created = await hub.post("/payments/pix", {"value": 9})
    assert status == 201
    return created["payment"]["id"]


async def requests_of_the_provider(hub):
    return (await hub.sandbox("GET", "/_sandbox/stats"))["requests"]["by_route"]


# --- verify ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("only_when_asked")
async def test_verifying_asks_the_provider_and_says_when(hub):
    link = await hub.link()
    path = f"{V1}/{link['payment_id']}"
    await hub.pay_as_a_person(link["checkout_url"])
    _, before, _ = await ask(hub, "GET", path)
    status, payment, _ = await ask(hub, "POST", f"{path}/verify")
    _, after, _ = await ask(hub, "GET", path)
    assert (before["status"], status, payment["status"], payment["held_centavos"]) == ("pending", 200, "approved", 500)
    assert after["verified_at"] == payment["verified_at"] >= payment["created_at"]
    assert after["live_mode"] is False
    assert datetime.fromisoformat(after["next_check_at"]) > datetime.fromisoformat(after["verified_at"])
    assert [attempt["held_centavos"] for attempt in after["attempts"]] == [500]


@pytest.mark.usefixtures("only_when_asked")
async def test_question_after_a_webhook_verifies_the_payment(hub, until):
    link = await hub.link()
    path = f"{V1}/{link['payment_id']}"
    await hub.faults(webhooks=True)
    paid_after = datetime.now(UTC)
    await hub.pay_as_a_person(link["checkout_url"])

    async def is_paid():
        return (await ask(hub, "GET", path))[1]["status"] == "approved"

    await until(is_paid, "the webhook has changed the payment")

    async def is_verified():
        # The answer is noted just after the event is recorded.
        verified_at = (await ask(hub, "GET", path))[1]["verified_at"]
        return verified_at is not None and datetime.fromisoformat(verified_at) > paid_after

    await until(is_verified, "the question of the webhook counts")


@pytest.mark.usefixtures("only_when_asked")
async def test_list_has_no_verification_whose_findings_it_does_not_show(hub, until):
    link = await hub.link()
    path = f"{V1}/{link['payment_id']}"
    await hub.until_checked(link["payment_id"], status="pending")
    _, before, headers = await ask(hub, "GET", path)
    listed = f"{V1}?charge_id={before['charge_id']}"
    _, page, _ = await ask(hub, "GET", listed, Extrato_After=headers["Extrato-Position"])
    assert page["data"][0]["verified_at"] == before["verified_at"] is not None
    projections = hub.pid("projections")
    os.kill(projections, signal.SIGSTOP)
    try:
        await hub.pay_as_a_person(link["checkout_url"])

        async def is_verified():
            # A check that was just made is not repeated.
            _, payment, headers = await ask(hub, "POST", f"{path}/verify")
            return (payment, headers) if payment["status"] == "approved" else None

        verified, headers = await until(is_verified, "the provider is asked again")
        _, page, _ = await ask(hub, "GET", listed)
    finally:
        os.kill(projections, signal.SIGCONT)
    assert page["data"][0]["status"] == "pending"
    assert verified["verified_at"] > before["verified_at"]
    assert page["data"][0]["verified_at"] in {None, before["verified_at"]}
    _, page, _ = await ask(hub, "GET", listed, Extrato_After=headers["Extrato-Position"])
    assert (page["data"][0]["status"], page["data"][0]["verified_at"]) == ("approved", verified["verified_at"])


@pytest.mark.usefixtures("only_when_asked")
async def test_reading_asks_nobody(hub):
    link = await hub.link()
    before = await requests_of_the_provider(hub)
    status, _, _ = await ask(hub, "GET", f"{V1}/{link['payment_id']}")
    assert (status, await requests_of_the_provider(hub)) == (200, before)


@pytest.mark.usefixtures("only_when_asked")
async def test_provider_that_does_not_answer_is_a_problem(hub):
    link = await hub.link()
    await hub.faults(webhooks=False, error_rate=1)
    status, problem, headers = await ask(hub, "POST", f"{V1}/{link['payment_id']}/verify")
    assert (status, problem["code"]) == (503, "provider_unavailable")
    assert int(headers["Retry-After"]) >= 1


async def test_pix_has_no_provider_to_ask(hub):
    status, payment, _ = await ask(hub, "POST", f"{V1}/{await pix_id(hub)}/verify")
    assert (status, payment["verified_at"], payment["next_check_at"]) == (200, None, None)
    assert payment["live_mode"] is True


# --- cancel ---------------------------------------------------------------------------------------


async def test_repeated_cancellation_is_a_repetition_only_with_its_key(hub):
    path, key = f"{V1}/{await pix_id(hub)}/cancel", uuid4().hex
    answers = [await ask(hub, "POST", path, Idempotency_Key=key) for _ in range(2)]
    another = await ask(hub, "POST", path, Idempotency_Key=uuid4().hex)
    assert [(status, payment["status"]) for status, payment, _ in (*answers, another)] == [(200, "cancelled")] * 3
    replayed = [headers.get("Idempotent-Replayed") for _, _, headers in (*answers, another)]
    assert replayed == [None, "true", None]


async def test_key_of_another_request_is_rejected(hub):
    first, second, key = await pix_id(hub), await pix_id(hub), uuid4().hex
    await ask(hub, "POST", f"{V1}/{first}/cancel", Idempotency_Key=key)
    for path in (f"{V1}/{second}/cancel", f"{V1}/{first}/verify"):
        status, problem, _ = await ask(hub, "POST", path, Idempotency_Key=key)
        assert (status, problem["code"]) == (409, "idempotency_key_reused")
    _, payment, _ = await ask(hub, "GET", f"{V1}/{second}")
    assert payment["status"] == "pending"


async def test_paid_payment_is_not_cancelled(hub, paid):
    status, problem, _ = await ask(hub, "POST", f"{V1}/{paid}/cancel")
    assert (status, problem["code"]) == (409, "payment_already_paid")


async def test_cancellation_takes_no_fields(hub):
    status, problem, _ = await ask(hub, "POST", f"{V1}/{await pix_id(hub)}/cancel?x=1", {"reason": "x"})
    faults = [(fault["in"], fault["pointer"]) for fault in problem["errors"]]
    assert (status, faults) == (400, [("query", "/x"), ("body", "/reason")])


# --- refunds --------------------------------------------------------------------------------------


async def test_repeated_refund_is_made_once(hub, paid):
    path, key = f"{V1}/{paid}/refunds", uuid4().hex
    body = {"amount_centavos": 120, "reason": "Dois pães a menos"}
    status, made, headers = await ask(hub, "POST", path, body, Idempotency_Key=key)
    again_status, again, again_headers = await ask(hub, "POST", path, body, Idempotency_Key=key)
    assert (status, again_status, again) == (201, 201, made)
    assert made["id"] == str(uuid5(stream_id(int(paid)), f"v1 refund\n{key}"))
    assert ("Idempotent-Replayed" in headers, again_headers["Idempotent-Replayed"]) == (False, "true")
    [refund] = made["refunds"]
    assert (refund["status"], refund["amount_centavos"], refund["reason"]) == ("made", 120, "Dois pães a menos")
    _, read, _ = await ask(hub, "GET", f"{path}/{refund['id']}")
    assert read == refund
    _, payment, _ = await ask(hub, "GET", f"{V1}/{paid}")
    assert (payment["held_centavos"], payment["refunded_centavos"]) == (380, 120)


async def test_refunds_are_listed_page_by_page(hub, paid):
    path = f"{V1}/{paid}/refunds"
    ids = []
    for centavos in (100, 101, 102):
        status, made, _ = await ask(hub, "POST", path, {"amount_centavos": centavos})
        assert status == 201
        ids += [refund["id"] for refund in made["refunds"]]
    assert [refund["id"] for refund in await walk(hub, path, limit=2)] == ids
    assert await walk(hub, path, limit=200) == await walk(hub, path, limit=1)


@pytest.mark.parametrize("body", [{}, {"amount_centavos": 1, "all": True}, {"all": False}])
async def test_refund_names_an_amount_or_everything(hub, paid, body):
    status, problem, _ = await ask(hub, "POST", f"{V1}/{paid}/refunds", body)
    assert (status, problem["code"]) == (400, "amount_or_all")
    assert [fault["code"] for fault in problem["errors"]] == ["amount_or_all"]


async def test_refund_of_several_attempts_must_name_one(hub):
    link = await hub.link()
    first, second = await pay_with_two_cards(hub, link)
    path = f"{V1}/{link['payment_id']}/refunds"
    status, problem, _ = await ask(hub, "POST", path, {"amount_centavos": 100})
    assert (status, problem["code"]) == (400, "choose_attempt")
    assert problem["detail"] == f"Send attempt_id, one of: {first} (R$ 2,00), {second} (R$ 3,00)"
    assert [fault["pointer"] for fault in problem["errors"]] == ["/attempt_id"]
    status, made, _ = await ask(hub, "POST", path, {"amount_centavos": 100, "attempt_id": second})
    assert (status, made["refunds"][0]["attempt_id"]) == (201, second)


@pytest.mark.parametrize("amount", [{"amount_centavos": 100}, {"all": True}])
async def test_refund_of_unknown_attempt_names_the_field(hub, paid, amount):
    status, problem, _ = await ask(hub, "POST", f"{V1}/{paid}/refunds", {**amount, "attempt_id": "1"})
    assert (status, problem["code"]) == (400, "unknown_attempt")
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [("/attempt_id", "unknown_attempt")]


async def test_refund_of_unpaid_attempt_is_refused_as_not_paid(hub):
    link = await hub.link()
    rejected = await pay(hub, link, 5, outcome="rejected")
    await hub.until_checked(link["payment_id"], status="rejected")
    body = {"all": True, "attempt_id": rejected}
    status, problem, _ = await ask(hub, "POST", f"{V1}/{link['payment_id']}/refunds", body)
    assert (status, problem["code"], problem["errors"]) == (409, "payment_not_paid", [])


@pytest.mark.usefixtures("only_when_asked")
async def test_refund_finds_an_attempt_that_the_hub_has_not_seen(hub):
    link = await hub.link()
    await pay(hub, link, 2, method="visa")
    await hub.until_checked(link["payment_id"], held_amount=2.0)
    unseen = await pay(hub, link, 3, method="visa")
    body = {"amount_centavos": 100, "attempt_id": unseen}
    status, made, _ = await ask(hub, "POST", f"{V1}/{link['payment_id']}/refunds", body)
    assert (status, made["refunds"][0]["attempt_id"]) == (201, unseen)


async def test_unknown_refund_is_missing(hub, paid):
    status, problem, _ = await ask(hub, "GET", f"{V1}/{paid}/refunds/x")
    assert (status, problem["code"]) == (404, "refund_not_found")


# --- lists ----------------------------------------------------------------------------------------


async def test_events_are_listed_page_by_page(hub, paid):
    events = await walk(hub, f"{V1}/{paid}/events", limit=2)
    timeline = await hub.events(paid)
    assert [(event["id"], event["type"], event["data"]) for event in events] == [
        (event["event_id"], event["type"], event["data"]) for event in timeline
    ]
    status, _, headers = await ask(hub, "GET", f"{V1}/{paid}", Extrato_After=events[-1]["position"])
    assert status == 200
    assert headers["Extrato-Position"] == events[-1]["position"]


async def test_cursor_of_another_list_is_rejected(hub, paid):
    other = await pix_id(hub)
    _, page, _ = await ask(hub, "GET", f"{V1}/{paid}/events?limit=1")
    for path in (f"{V1}/{other}/events", f"{V1}/{paid}/alerts", f"{V1}/{paid}/refunds"):
        status, problem, _ = await ask(hub, "GET", f"{path}?cursor={page['next']}")
        assert (status, problem["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "201", "1000000000", "-1", "x", "", "1.0", "99999999999999999999"])
async def test_limit_is_bounded(hub, paid, limit):
    status, problem, _ = await ask(hub, "GET", f"{V1}/{paid}/events?limit={limit}")
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (400, "invalid_limit", "/limit")


@pytest.mark.parametrize("cursor", ["x", "A" * 500, "A" * 501, "%00", "é", ""])
async def test_invented_cursor_is_rejected(hub, paid, cursor):
    status, problem, _ = await ask(hub, "GET", f"{V1}/{paid}/events?cursor={cursor}")
    assert (status, problem["code"]) == (400, "invalid_cursor")
    assert [(fault["in"], fault["pointer"]) for fault in problem["errors"]] == [("query", "/cursor")]


# --- alerts ---------------------------------------------------------------------------------------


async def test_alert_is_listed_and_resolved(hub):
    payment = await late_pix(hub, uuid4().int % 10**30)
    path = f"{V1}/{payment['id']}/alerts"
    [alert] = await walk(hub, path, limit=50)
    assert (alert["id"], alert["status"], alert["occurrences"]) == ("late_payment", "open", 1)
    status, closed, _ = await ask(hub, "POST", f"{path}/late_payment/resolve", {"reason": "Falei com a cliente"})
    assert (status, closed["status"], closed["reason"]) == (200, "resolved", "Falei com a cliente")
    assert await walk(hub, path, limit=50) == [closed]
    resolved = [event["data"] for event in await hub.events(payment["id"]) if event["type"] == "AlertResolved"]
    assert resolved == [{"alert": "late_payment", "reason": "Falei com a cliente"}]


async def test_alert_that_never_was_is_missing(hub, paid):
    status, problem, _ = await ask(hub, "POST", f"{V1}/{paid}/alerts/late_payment/resolve", {"reason": "x"})
    assert (status, problem["code"]) == (404, "alert_not_found")
