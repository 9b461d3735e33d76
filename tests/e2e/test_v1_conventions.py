"""The conventions of `/v1`, on the operations that need nothing else: problems, positions, ETags, rate limits."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from contracts.errors import CATALOGUE
from contracts.operations import OPERATIONS
from contracts.operations.examples import EXAMPLES

V1 = [operation for operation in OPERATIONS if operation.is_v1]
PLACES = {"refund_id": "x", "alert": "late_payment", "key_id": "00000000"}
PORTUGUESE = {"Accept-Language": "de, pt-BR;q=0.9, en;q=0.5"}


async def read(hub, path, headers=None):
    async with hub.session.get(hub.url + path, headers={**hub.headers, **(headers or {})}) as answer:
        body = await answer.json(content_type=None) if answer.status != 304 else None
        return answer, body


async def write(hub, path, body):
    async with hub.session.post(hub.url + path, json=body, headers=hub.headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


@pytest.fixture
async def payment_id(hub):
    status, created = await hub.post("/payments/pix", {"value": 35, "description": "Pedido 15"})
    assert status == 201
    return created["payment"]["id"]


async def test_payment_is_read_as_the_hub_knows_it(hub, payment_id):
    answer, payment = await read(hub, f"/v1/payments/{payment_id}")
    assert answer.status == 200
    assert {name: payment[name] for name in ("object", "id", "method", "status", "amount_centavos", "currency")} == {
        "object": "payment",
        "id": str(payment_id),
        "method": "pix",
        "status": "pending",
        "amount_centavos": 3500,
        "currency": "BRL",
    }
    assert payment["created_at"].endswith("Z")
    async with hub.session.get(payment["payment_page"]["url"]) as page:
        assert page.status == 200


async def test_socket_of_the_payment_page_opens(hub, payment_id):
    _, payment = await read(hub, f"/v1/payments/{payment_id}")
    async with hub.session.ws_connect(payment["payment_page"]["socket_url"]) as socket:
        assert (await socket.receive_json())["payments"][0]["payment_id"] == payment_id


async def test_problem_names_its_entry_in_the_catalogue(hub):
    answer, problem = await read(hub, "/v1/payments/999999", {"X-Correlation-Id": "a-request"})
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert problem == {
        "type": "/docs/errors#payment_not_found",
        "title": "Payment not found",
        "status": 404,
        "detail": CATALOGUE["payment_not_found"].sentences[""].english.format(about="999999"),
        "code": "payment_not_found",
        "correlation_id": "a-request",
        "errors": [],
    }


async def test_problem_has_the_language_of_the_client(hub):
    answer, problem = await read(hub, "/v1/payments/999999", PORTUGUESE)
    assert answer.headers["Content-Language"] == "pt-BR"
    assert problem["detail"] == "Pagamento 999999 não encontrado"


async def test_unknown_address_is_a_problem(hub):
    answer, problem = await read(hub, "/v1/coffee")
    assert (answer.status, answer.content_type, problem["code"]) == (404, "application/problem+json", "not_found")


async def test_all_faults_of_a_query_are_in_one_problem(hub):
    answer, problem = await read(hub, "/v1/payments/999999?merchnt=x&merchant=A&merchant=B")
    assert answer.status == 400
    faults = [(fault["in"], fault["pointer"], fault["code"]) for fault in problem["errors"]]
    assert faults == [
        ("query", "/merchant", "repeated_value"),
        ("query", "/merchnt", "unknown_parameter"),
        ("query", "/merchant", "invalid_slug"),
    ]


async def test_payment_of_another_named_merchant_is_missing(hub, payment_id, other_merchant):
    answer, _ = await read(hub, f"/v1/payments/{payment_id}?merchant={other_merchant.slug}")
    assert answer.status == 404


async def test_known_content_is_not_sent_again(hub, payment_id):
    answer, _ = await read(hub, f"/v1/payments/{payment_id}")
    again, _ = await read(hub, f"/v1/payments/{payment_id}", {"If-None-Match": answer.headers["ETag"]})
    changed, _ = await read(hub, f"/v1/payments/{payment_id}", {"If-None-Match": '"other"'})
    assert (again.status, again.headers["ETag"], changed.status) == (304, answer.headers["ETag"], 200)
    assert again.headers["Extrato-Position"] == answer.headers["Extrato-Position"]


async def test_position_of_an_answer_is_known(hub, payment_id):
    answer, _ = await read(hub, f"/v1/payments/{payment_id}")
    position = answer.headers["Extrato-Position"]
    again, _ = await read(hub, f"/v1/payments/{payment_id}", {"Extrato-After": position})
    assert (again.status, again.headers["Extrato-Position"]) == (200, position)


async def test_answer_has_at_least_the_position_that_its_request_sent(hub, payment_id):
    status, newer, headers = await write(hub, "/v1/payments", {"method": "pix", "amount_centavos": 100})
    assert status == 201
    for path in (f"/v1/payments/{payment_id}", f"/v1/payments?reference={newer['id']}"):
        answer, _ = await read(hub, path, {"Extrato-After": headers["Extrato-Position"]})
        assert answer.status == 200
        again, _ = await read(hub, f"/v1/payments/{newer['id']}", {"Extrato-After": answer.headers["Extrato-Position"]})
        assert again.headers["Extrato-Position"] == answer.headers["Extrato-Position"]
    assert answer.headers["Extrato-Position"]


async def test_change_without_an_effect_has_no_earlier_position_than_the_writes_before(hub, payment_id):
    cancel = f"/v1/payments/{payment_id}/cancel"
    await write(hub, cancel, {})
    for attempt in ((cancel, {}), (f"/v1/payments/{payment_id}/refunds", {"all": True})):
        status, newer, _ = await write(hub, "/v1/payments", {"method": "pix", "amount_centavos": 100})
        assert status == 201
        _, _, headers = await write(hub, *attempt)
        _, page = await read(hub, "/v1/payments?limit=1", {"Extrato-After": headers["Extrato-Position"]})
        assert page["data"][0]["id"] == newer["id"]


async def test_list_has_no_position_that_it_does_not_show(hub, payment_id):
    _, payment = await read(hub, f"/v1/payments/{payment_id}")
    projections = hub.pid("projections")
    os.kill(projections, signal.SIGSTOP)
    try:
        # The gateway follows the log while a socket is open.
        async with hub.session.ws_connect(payment["payment_page"]["socket_url"]) as socket:
            await socket.receive_json()
            status, _, headers = await write(hub, f"/v1/payments/{payment_id}/cancel", {})
            assert status == 200
            await socket.receive_json()
        listed, page = await read(hub, "/v1/payments?limit=1")
        assert (listed.status, page["data"][0]["status"]) == (200, "pending")
        again, _ = await read(hub, "/v1/payments?limit=1", {"Extrato-After": listed.headers["Extrato-Position"]})
        assert again.status == 200
    finally:
        os.kill(projections, signal.SIGCONT)
    after, page = await read(hub, "/v1/payments?limit=1", {"Extrato-After": headers["Extrato-Position"]})
    assert (after.status, page["data"][0]["status"]) == (200, "cancelled")


@pytest.mark.parametrize("position", ["x", "", "=", "é", "1", "A" * 65])
async def test_unknown_position_is_rejected(hub, position):
    answer, problem = await read(hub, "/v1/payments/999999", {"Extrato-After": position})
    assert (answer.status, problem["code"]) == (409, "position_unknown")


async def test_rate_limit_is_in_the_headers(hub, payment_id):
    began_s = time.monotonic()
    answers = [(await read(hub, f"/v1/payments/{payment_id}"))[0] for _ in range(2)]
    took_s = time.monotonic() - began_s
    policies = {answer.headers["RateLimit-Policy"] for answer in answers}
    assert len(policies) == 1
    per_minute = int(re.fullmatch(r'"checks";q=([0-9]+);w=60', policies.pop())[1])
    left = [int(re.fullmatch(r'"checks";r=([0-9]+);t=[0-9]+', answer.headers["RateLimit"])[1]) for answer in answers]
    # A bucket that earlier requests emptied earns some between the two.
    assert left[1] <= left[0] + took_s * per_minute / 60


async def test_request_without_a_key_is_a_problem_without_the_position(hub):
    async with hub.session.get(f"{hub.url}/v1/payments/1") as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (401, "unauthenticated")
    assert "Extrato-Position" not in answer.headers


# --- every operation ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", V1, ids=lambda operation: operation.name)
async def test_every_operation_rejects_an_unknown_parameter(hub, operation, payment_id):
    key = hub.admin_key if operation.scope == "admin" else hub.api_key
    path = operation.path.format(payment_id=payment_id, **PLACES)
    headers = {"Authorization": f"Bearer {key}", **PORTUGUESE}
    async with hub.session.request(
        operation.method,
        f"{hub.url}{path}?merchant={hub.merchant}&desconhecido=1",
        json=EXAMPLES.get(operation.body),
        headers=headers,
    ) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert ("query", "/desconhecido", "unknown_parameter") in [
        (fault["in"], fault["pointer"], fault["code"]) for fault in problem["errors"]
    ]
    assert "Extrato-Position" in answer.headers
    assert answer.headers["Content-Language"] == "pt-BR"
    assert answer.headers["RateLimit"].startswith(f'"{operation.limit}";r=')


@pytest.mark.parametrize(
    "operation", [each for each in V1 if each.method == "GET"], ids=lambda operation: operation.name
)
async def test_every_read_rejects_an_unknown_position(hub, operation, payment_id):
    key = hub.admin_key if operation.scope == "admin" else hub.api_key
    path = operation.path.format(payment_id=payment_id, **PLACES)
    headers = {"Authorization": f"Bearer {key}", "Extrato-After": "x"}
    async with hub.session.get(f"{hub.url}{path}?merchant={hub.merchant}", headers=headers) as answer:
        problem = await answer.json(content_type=None)
    assert (answer.status, problem["code"]) == (409, "position_unknown")
