"""The control API of the sandbox: outcomes, faults, stats, reset."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from services.sandbox.state.accounts import DEMO_ACCOUNT, token_digest
from services.sandbox.state.settings import InvalidSettings, Settings


async def test_first_outcome_on_a_preference_creates_an_attempt(sandbox):
    preference = await sandbox.preference(external_reference="PED-1")
    payment = await sandbox.pay(preference_id=preference["id"], outcome="approved")
    assert (payment["status"], payment["payment_method_id"]) == ("approved", "pix")
    assert (payment["transaction_amount"], payment["external_reference"]) == (7.5, "PED-1")
    assert payment["order"]["type"] == "mercadopago"


async def test_approval_changes_the_pending_attempt(sandbox):
    preference = await sandbox.preference(external_reference="PED-1")
    pending = await sandbox.pay(external_reference="PED-1", outcome="pending")
    approved = await sandbox.pay(external_reference="PED-1", outcome="approved")
    refunded = await sandbox.pay(preference_id=preference["id"], outcome="refunded")
    assert pending["id"] == approved["id"] == refunded["id"]
    assert refunded["status"] == "refunded"
    assert [refund["amount"] for refund in refunded["refunds"]] == [7.5]


async def test_rejected_card_is_an_attempt_beside_the_pending_pix(sandbox):
    preference = await sandbox.preference()
    pix = await sandbox.pay(preference_id=preference["id"], outcome="pending")
    rejected = await sandbox.pay(preference_id=preference["id"], outcome="rejected")
    by_card = await sandbox.pay(preference_id=preference["id"], outcome="approved", method="card")
    assert len({pix["id"], rejected["id"], by_card["id"]}) == 3
    assert (await sandbox.payment(pix["id"]))["status"] == "pending"


async def test_card_under_review_is_decided_later(sandbox):
    preference = await sandbox.preference()
    review = await sandbox.pay(preference_id=preference["id"], outcome="in_process")
    rejected = await sandbox.pay(preference_id=preference["id"], outcome="rejected")
    assert (rejected["id"], rejected["status"]) == (review["id"], "rejected")


async def test_method_selects_the_attempt(sandbox):
    preference = await sandbox.preference()
    pix = await sandbox.pay(preference_id=preference["id"], outcome="pending")
    boleto = await sandbox.pay(preference_id=preference["id"], outcome="pending", method="boleto")
    rejected = await sandbox.pay(preference_id=preference["id"], outcome="rejected", method="pix")
    assert (rejected["id"], rejected["status_detail"]) == (pix["id"], "rejected_by_bank")
    cancelled = await sandbox.pay(preference_id=preference["id"], outcome="cancelled")
    assert (cancelled["id"], cancelled["status_detail"]) == (boleto["id"], "by_payer")


async def test_pix_without_preference_is_found_by_reference(sandbox):
    pix = await sandbox.pix(external_reference="PED-1")
    rejected = await sandbox.pay(external_reference="PED-1", outcome="rejected")
    assert (rejected["id"], rejected["status"]) == (pix["id"], "rejected")


async def test_dispute_ends_in_a_chargeback(sandbox):
    payment = await sandbox.pix()
    outcomes = ["approved", "in_mediation", "charged_back"]
    seen = [await sandbox.pay(payment_id=payment["id"], outcome=outcome) for outcome in outcomes]
    assert [each["status"] for each in seen] == outcomes


@pytest.mark.parametrize(
    "path",
    [
        ["pending"],
        ["in_process"],
        ["in_process", "approved"],
        ["approved"],
        ["rejected"],
        ["cancelled"],
        ["approved", "refunded"],
        ["approved", "in_mediation"],
        ["approved", "in_mediation", "approved"],
        ["approved", "in_mediation", "refunded"],
        ["approved", "charged_back"],
        ["approved", "in_mediation", "charged_back"],
    ],
)
async def test_pix_reaches_every_status(sandbox, path):
    payment = await sandbox.pix()
    for outcome in path:
        if outcome != "pending":
            payment = await sandbox.pay(payment_id=payment["id"], outcome=outcome)
    assert (await sandbox.payment(payment["id"]))["status"] == path[-1]


@pytest.mark.parametrize(
    ("outcome", "detail"),
    [("cancelled", "expired"), ("rejected", "bank_error"), ("in_process", "pending_review_manual")],
)
async def test_detail_can_differ_from_the_default(sandbox, outcome, detail):
    payment = await sandbox.pix()
    moved = await sandbox.pay(payment_id=payment["id"], outcome=outcome, detail=detail)
    assert (moved["status"], moved["status_detail"]) == (outcome, detail)
    preference = await sandbox.preference()
    attempt = await sandbox.pay(preference_id=preference["id"], outcome="rejected", detail="cc_rejected_high_risk")
    assert attempt["status_detail"] == "cc_rejected_high_risk"


async def test_amount_or_currency_can_differ_from_the_charge(sandbox):
    preference = await sandbox.preference()
    strange = await sandbox.pay(preference_id=preference["id"], outcome="approved", amount=0.01, currency_id="ARS")
    assert (strange["transaction_amount"], strange["currency_id"]) == (0.01, "ARS")
    pix = await sandbox.pix()
    moved = await sandbox.pay(payment_id=pix["id"], outcome="approved", amount=8)
    assert moved["transaction_amount"] == 8
    assert moved["transaction_details"]["net_received_amount"] == 7.92


async def test_control_can_refund_in_part(sandbox):
    payment = await sandbox.pix()
    await sandbox.pay(payment_id=payment["id"], outcome="approved")
    refunded = await sandbox.pay(payment_id=payment["id"], outcome="refunded", amount=2.5)
    assert (refunded["status"], refunded["transaction_amount_refunded"]) == ("approved", 2.5)


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"outcome": "approved"}, 400, "one_target"),
        ({"outcome": "approved", "payment_id": 1, "preference_id": "1"}, 400, "one_target"),
        ({"outcome": "paid", "payment_id": 1}, 400, "invalid_order"),
        ({"outcome": "approved", "payment_id": 1, "colour": "red"}, 400, "invalid_order"),
        ({"outcome": "approved", "payment_id": 1, "order_id": "ORD01"}, 400, "one_target"),
        ({"outcome": "approved", "order_id": "ORD01"}, 404, "unknown_order"),
        ({"outcome": "approved", "payment_id": 1, "detail": "Not a detail"}, 400, "invalid_order"),
        ({"outcome": "approved", "payment_id": 1}, 404, "unknown_payment"),
        ({"outcome": "approved", "payment_id": "one"}, 404, "unknown_payment"),
        ({"outcome": "approved", "preference_id": "1"}, 404, "unknown_preference"),
        ({"outcome": "approved", "external_reference": "PED-0"}, 404, "unknown_reference"),
        ({"outcome": "refunded", "external_reference": "PED-1"}, 409, "no_such_attempt"),
        ({"outcome": "approved", "external_reference": "PED-1", "method": "cheque"}, 400, "unknown_method"),
        ({"outcome": "approved", "external_reference": "PED-1", "amount": 0}, 400, "invalid_amount"),
        ({"outcome": "approved", "external_reference": "PED-1", "amount": 1.001}, 400, "invalid_amount"),
        (
            {"outcome": "approved", "external_reference": "PED-1", "currency_id": "reais"},
            400,
            "invalid_order",
        ),
    ],
)
async def test_impossible_outcome_is_rejected_with_a_code(sandbox, order, status, code):
    await sandbox.preference(external_reference="PED-1")
    refused, body = await sandbox.control("POST", "pay", order)
    assert (refused, body["error"]) == (status, code)
    assert body["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "pay", {"outcom": "approved"}, "There is no field 'outcom'. Did you mean 'outcome'?"),
        (
            *("POST", "pay", {"outcome": 5, "externalReference": "PED-1"}),
            "There is no field 'externalReference'. Did you mean 'external_reference'?",
        ),
        ("POST", "refunds/1", {"state": "approved"}, "There is no field 'state'. Did you mean 'status'?"),
        ("POST", "refunds/1", {"x": "approved"}, "There is no field 'x'. There are: status."),
        ("POST", "stale", {"payment": 1, "answers": 1}, "There is no field 'payment'. Did you mean 'payment_id'?"),
        ("PUT", f"accounts/{DEMO_ACCOUNT.collector_id}", {"url": "x"}, "There is no field 'url'. "),
        ("PUT", "faults", {"latency": 1}, "There is no field 'latency'. Did you mean 'latency_ms'?"),
        ("PUT", "faults", {"colour": 1}, "There is no field 'colour'. There are: error_kind, error_rate, "),
        ("POST", "pay", {"x\n" * 100: 1}, "There is no field 'x\\nx\\n"),
    ],
)
async def test_unknown_control_field_is_named_with_the_nearest(sandbox, method, path, body, message):
    status, answer = await sandbox.control(method, path, body)
    assert (status, answer["message"][: len(message)]) == (400, message)
    assert len(answer["message"]) < 500


@pytest.mark.parametrize("body", [b'{"outcome": 5, ', b"[1]", b"[" * 5000, b"", b'{"outcome": "\xff"}'])
async def test_wrong_control_body_is_rejected_with_a_sentence(sandbox, body):
    headers = {"Content-Type": "application/json"}
    async with aiohttp.request("POST", f"{sandbox.url}/_sandbox/pay", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_order")


@pytest.mark.parametrize("last", ["rejected", "cancelled", "refunded", "charged_back"])
async def test_final_payment_does_not_change(sandbox, last):
    payment = await sandbox.pix()
    if last in {"refunded", "charged_back"}:
        await sandbox.pay(payment_id=payment["id"], outcome="approved")
    await sandbox.pay(payment_id=payment["id"], outcome=last)
    status, body = await sandbox.control("POST", "pay", {"payment_id": payment["id"], "outcome": "approved"})
    assert (status, body["error"]) == (409, "illegal_move")


@pytest.mark.parametrize(
    "change",
    [
        {"latency_ms": -1},
        {"latency_ms": "100"},
        {"error_rate": 1.01},
        {"webhooks": "off"},
        {"error_kind": "gremlins"},
        {"webhook_duplicates": 21},
        {"gravity": 0},
    ],
)
async def test_impossible_fault_is_rejected(sandbox, change):
    _, before = await sandbox.control("GET", "faults")
    status, body = await sandbox.control("PUT", "faults", {"search_lag_ms": 5, **change})
    assert (status, body["error"]) == (400, "invalid_faults")
    assert next(iter(change)) in body["message"]
    assert (await sandbox.control("GET", "faults"))[1] == before


async def test_faults_are_changed_one_by_one(sandbox):
    await sandbox.faults(latency_ms=1)
    await sandbox.faults(error_rate=0.25)
    _, faults = await sandbox.control("GET", "faults")
    assert (faults["latency_ms"], faults["error_rate"], faults["webhooks"]) == (1, 0.25, True)


async def test_lost_answer_follows_a_recorded_change(sandbox):
    preference = await sandbox.preference()
    paid = await sandbox.pay(preference_id=preference["id"], outcome="approved")
    await sandbox.faults(lost_answers=1)
    headers = {"Authorization": f"Bearer {DEMO_ACCOUNT.access_token}", "X-Idempotency-Key": "lost"}
    address = f"{sandbox.url}/v1/payments/{paid['id']}"
    async with sandbox.session.post(f"{address}/refunds", json={"amount": 1}, headers=headers) as answer:
        assert answer.status == 500
    async with sandbox.session.get(address, headers=headers) as answer:
        assert (answer.status, (await answer.json())["transaction_amount_refunded"]) == (200, 1)


async def test_error_rate_fails_the_api_but_not_the_pages(sandbox):
    preference = await sandbox.preference()
    await sandbox.faults(error_rate=1)
    status, body = await sandbox.call("GET", "/users/me")
    assert (status, body["error"]) == (500, "internal_error")
    async with sandbox.session.get(preference["init_point"]) as response:
        assert response.status == 200
    await sandbox.pay(preference_id=preference["id"], outcome="approved")


@pytest.mark.parametrize(
    ("kind", "status", "word"),
    [
        ("bad_request", 400, "bad_request"),
        ("too_many_requests", 429, "too_many_requests"),
        ("invalid_access_token", 401, "unauthorized"),
        ("policy", 403, None),
    ],
)
async def test_error_kind_selects_the_error(sandbox, kind, status, word):
    await sandbox.faults(error_rate=1, error_kind=kind)
    headers = {"Authorization": f"Bearer {DEMO_ACCOUNT.access_token}"}
    async with sandbox.session.get(f"{sandbox.url}/users/me", headers=headers) as response:
        assert (response.status, (await response.json()).get("error")) == (status, word)
        assert "Retry-After" not in response.headers


async def test_error_can_be_an_html_page(sandbox):
    await sandbox.faults(error_rate=1, error_kind="html")
    async with sandbox.session.get(f"{sandbox.url}/v1/payments/1") as response:
        assert (response.status, response.content_type) == (502, "text/html")


async def test_connection_can_be_cut_before_any_change(sandbox):
    await sandbox.faults(error_rate=1, error_kind="connection_reset")
    with pytest.raises(aiohttp.ClientConnectionError):
        await sandbox.pix()
    await sandbox.faults(error_rate=0)
    _, found = await sandbox.call("GET", "/v1/payments/search")
    assert found["paging"]["total"] == 0


async def test_latency_delays_the_api_but_not_the_control(sandbox):
    await sandbox.faults(latency_ms=150)
    clock = asyncio.get_running_loop().time
    began = clock()
    await sandbox.stats()
    between = clock()
    await sandbox.call("GET", "/users/me")
    assert clock() - between >= 0.15
    assert between - began < 0.15


async def test_rate_limit_is_per_token_and_sends_retry_after(sandbox, other_account):
    await sandbox.faults(rate_limit_per_s=2)
    answers = [await sandbox.call("GET", "/users/me") for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1]["error"] == "too_many_requests"
    headers = {"Authorization": f"Bearer {DEMO_ACCOUNT.access_token}"}
    async with sandbox.session.get(f"{sandbox.url}/users/me", headers=headers) as response:
        assert response.headers["Retry-After"] == "1"
    assert (await sandbox.call("GET", "/users/me", account=other_account))[0] == 200


async def test_stats_count_by_route_and_account_without_tokens(sandbox, other_account):
    await sandbox.pix()
    await sandbox.call("GET", "/v1/payments/1")
    await sandbox.call("GET", "/v1/payments/2", account=other_account)
    stats = await sandbox.stats()
    assert stats["requests"]["by_route"] == {"POST /v1/payments": 1, "GET /v1/payments/{payment_id}": 2}
    assert stats["requests"]["by_access_token"][0] == {
        "account": DEMO_ACCOUNT.nickname,
        "token_digest": token_digest(DEMO_ACCOUNT.access_token),
        "requests": 2,
    }
    assert stats["requests"]["total"] == 3
    assert DEMO_ACCOUNT.access_token not in str(stats)


async def test_reset_deletes_everything_and_reuses_no_id(sandbox):
    before = await sandbox.pix(key="k", external_reference="PED-1")
    await sandbox.faults(latency_ms=1)
    assert (await sandbox.control("POST", "reset"))[0] == 200
    assert (await sandbox.stats())["requests"]["total"] == 0
    assert (await sandbox.control("GET", "faults"))[1]["latency_ms"] == 0
    assert (await sandbox.call("GET", f"/v1/payments/{before['id']}"))[0] == 404
    assert (await sandbox.call("GET", "/v1/payments/search"))[1]["paging"]["total"] == 0
    after = await sandbox.pix(key="k")
    assert after["id"] > before["id"]


async def test_health_answers_the_number_of_records(sandbox):
    await sandbox.pix()
    status, body = await sandbox.control("GET", "health")
    assert (status, body["status"], body["payments"]) == (200, "ok", 1)


# --- origins ---------------------------------------------------------------------------------------

CHANGES = (
    ("POST", "pay"),
    ("POST", "refunds/1"),
    ("POST", "stale"),
    ("PUT", "faults"),
    ("PUT", f"accounts/{DEMO_ACCOUNT.collector_id}"),
    ("POST", "reset"),
)
READS = (("GET", "money"), ("GET", f"accounts/{DEMO_ACCOUNT.collector_id}"), ("GET", "faults"), ("GET", "stats"))


async def send(sandbox, method, path, *, content=b"{}", content_type="application/json", **headers):
    """Send a request as a browser or a program does, and return the status and the error code."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if method != "GET" and content_type is not None:
        headers["Content-Type"] = content_type
    data, skipped = (None, ()) if method == "GET" else (content, ("Content-Type",))
    url = f"{sandbox.url}/_sandbox/{path}"
    async with sandbox.session.request(method, url, data=data, headers=headers, skip_auto_headers=skipped) as answer:
        return answer.status, (await answer.json()).get("error")


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "https://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://evil.example@localhost"},
    {"Host": "evil.example"},
    {"Host": "evil.example:8001", "Origin": "http://evil.example:8001", "Sec_Fetch_Site": "same-origin"},
    {"Host": "127.0.0.1.evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
]


@pytest.mark.parametrize(("method", "path"), [*CHANGES, *READS])
async def test_foreign_page_cannot_use_control_routes(sandbox, method, path):
    for headers in FOREIGN:
        assert await send(sandbox, method, path, **headers) == (403, "foreign_page"), headers


@pytest.mark.parametrize(("method", "path"), CHANGES)
@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"],
)
async def test_form_content_types_are_rejected(sandbox, method, path, content_type):
    await sandbox.faults(error_rate=0.5)
    assert await send(sandbox, method, path, content_type=content_type) == (415, "unsupported_media_type")
    assert (await sandbox.control("GET", "faults"))[1]["error_rate"] == 0.5


async def test_request_of_a_foreign_page_has_no_effect(sandbox):
    preference = await sandbox.preference(external_reference="PED-1")
    order = b'{"preference_id": "%s", "outcome": "approved"}' % preference["id"].encode()
    for headers in FOREIGN:
        assert (await send(sandbox, "POST", "pay", content=order, **headers))[0] == 403
    assert (await send(sandbox, "POST", "pay", content=order, content_type="text/plain"))[0] == 415
    assert (await sandbox.money("PED-1"))["payments"] == []
    assert (await send(sandbox, "POST", "pay", content=order, content_type="application/json; charset=utf-8"))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:3000"},
        {"Origin": "http://127.0.0.1:8000", "Sec_Fetch_Site": "same-site"},
        {"Origin": "http://[::1]:5173", "Sec_Fetch_Site": "cross-site"},
        {"Host": "localhost:8001"},
        {"Host": "[::1]"},
        {"Sec_Fetch_Site": "none"},
    ],
)
async def test_pages_and_programs_of_this_machine_are_accepted(sandbox, headers):
    assert (await send(sandbox, "GET", "stats", **headers))[0] == 200
    assert (await send(sandbox, "POST", "reset", **headers))[0] == 200


async def test_setting_adds_control_hosts(start):
    async with start(control_hosts=frozenset({"sandbox.test"})) as sandbox:
        for headers in ({"Host": "sandbox.test:8001"}, {"Host": "SANDBOX.test", "Origin": "http://sandbox.test"}):
            assert (await send(sandbox, "GET", "stats", **headers))[0] == 200
        for headers in ({"Host": "a.sandbox.test"}, {"Host": "sandbox.test", "Origin": "http://evil.example"}):
            assert (await send(sandbox, "GET", "stats", **headers))[0] == 403


@pytest.mark.parametrize("text", ["sandbox.test:8001", "http://sandbox.test", "a@b", "*, x/y"])
def test_control_host_must_be_a_name(text):
    with pytest.raises(InvalidSettings, match="EXTRATO_SANDBOX_CONTROL_HOSTS"):
        Settings.from_env({"EXTRATO_SANDBOX_CONTROL_HOSTS": text})


def test_control_hosts_are_read():
    settings = Settings.from_env({"EXTRATO_SANDBOX_CONTROL_HOSTS": "Sandbox.test, 10.0.0.7,fd00::1"})
    assert settings.control_hosts == {"sandbox.test", "10.0.0.7", "fd00::1"}
    assert Settings.from_env({}).control_hosts == frozenset()


async def test_health_answers_under_any_host_name(sandbox):
    assert (await send(sandbox, "GET", "health", Host="sandbox.internal"))[0] == 200
