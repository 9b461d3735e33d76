"""Rate limits reject too many requests of one key or address, and no others."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
import pytest_asyncio

from extrato.domain.merchant import RESERVED_SLUG
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from tests.compatibility.claim import claim
from tests.homes import new_home
from tests.pace import within
from tests.promised import holding
from tests.running_hub import CAUSE, MERCHANT, RunningHub, running_hub

pytestmark = pytest.mark.xdist_group("limits")

FEW = {
    "EXTRATO_CREATIONS_PER_MINUTE": "5",
    "EXTRATO_CHECKS_PER_MINUTE": "8",
    "EXTRATO_CONFIRMATIONS_PER_MINUTE": "6",
    "EXTRATO_LISTS_PER_MINUTE": "7",
    "EXTRATO_FAILURES_PER_MINUTE": "3",
    "EXTRATO_TRUSTED_PROXIES": "127.0.0.0/8",
}


TESTS_AT_MOST = 20


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def identities():
    """A hub with low limits, and unused addresses and keys for each test.

    The keys are issued without requests, because the limits count those.
    """
    with new_home() as home:
        async with running_hub(home, **FEW) as hub:
            keys = await new_keys(hub, MERCHANT, "payments:write", "payments:read", "payments:refund", "confirm")
            admin_keys = await new_keys(hub, RESERVED_SLUG, "admin", "metrics", "payments:read")
            addresses = [f"203.0.113.{number}" for number in range(TESTS_AT_MOST)]
            yield hub, zip(addresses, keys, admin_keys, strict=True)


async def new_keys(hub, merchant, *scopes):
    keys = [new_api_key(merchant, scopes) for _ in range(TESTS_AT_MOST)]
    async with hub.inside() as inside:
        await change_merchant(inside, merchant, [issue for _, issue in keys], cause=CAUSE)
    return [key for key, _ in keys]


@pytest.fixture
async def strict(identities):
    """A hub with low limits, with an address and keys that no other test has used."""
    started, unused = identities
    address, api_key, admin_key = next(unused)
    promises = holding(started.url)
    async with aiohttp.ClientSession(headers={"X-Forwarded-For": address}, trace_configs=[promises]) as session:
        hub = RunningHub(started.home, started.url, started.sandbox_url, session)
        hub.api_key, hub.admin_key = api_key, admin_key
        yield hub


async def _get(hub, path, **headers):
    async with hub.session.get(hub.url + path, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


@claim("errors.limits")
async def test_each_rate_limit_answers_retry_after(strict):
    hub = strict
    created = [await hub.post("/payments/pix", {"value": 1}, {"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(7)]
    assert [status for status, _ in created] == [201] * 5 + [429] * 2
    assert created[-1][1]["code"] == "too_many_requests"
    events = await hub.count_requested_events()
    async with hub.session.post(
        f"{hub.url}/payments/api/generate-link/", json={}, headers={**hub.headers, "X-Forwarded-For": "192.0.2.9"}
    ) as answer:
        assert answer.status == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert (await answer.json())["error"] == "Requisições demais; aguarde um instante"
    assert await hub.count_requested_events() == events

    payment = created[0][1]["payment"]
    page = payment["payment_url"].removeprefix(hub.url)
    seen = [(await _get(hub, page, **{"X-Forwarded-For": "198.51.100.1"}))[0] for _ in range(10)]
    assert seen == [200] * 8 + [429] * 2
    status, headers, text = await _get(hub, page, **{"X-Forwarded-For": "198.51.100.1"})
    assert (status, headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert "Muitas consultas seguidas" in text
    assert (await _get(hub, page, **{"X-Forwarded-For": "198.51.100.2"}))[0] == 200


async def test_admin_writes_and_reads_have_separate_limits(strict):
    hub = strict
    path = "/admin/merchants/padaria-do-marcos"
    renamed = [await hub.administer("PATCH", path, {"city": f"Recife {n}"}) for n in range(7)]
    assert [status for status, _ in renamed] == [200] * 5 + [429] * 2
    assert (await hub.administer("POST", f"{path}/api-keys", {"scopes": ["payments:read"]}))[0] == 429
    looked = [await hub.administer("GET", each) for each in ("/admin/merchants", f"{path}/api-keys", *[path] * 7)]
    assert [status for status, _ in looked] == [200] * 7 + [429] * 2
    assert looked[6][1]["merchant"]["city"] == "Recife 4"
    assert looked[-1][1]["error"] == "Requisições demais; aguarde um instante"
    # A request for metrics counts as a list.
    assert (await _get(hub, "/metrics", Authorization=f"Bearer {hub.admin_key}"))[0] == 429


async def test_lists_are_limited_by_key_and_address(strict):
    hub = strict
    _, created = await hub.post("/payments/pix", {"value": 1})
    paths = (
        "/payments/api/pending/?padaria_slug=padaria-do-marcos",
        "/payments/api/monitors/",
        f"/payments/api/{created['payment']['id']}/events/",
    )
    spread = [await _get(hub, paths[n % 3], **hub.headers, **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(9)]
    assert [status for status, _, _ in spread] == [200] * 7 + [429] * 2
    assert 1 <= int(spread[-1][1]["Retry-After"]) <= 60
    # Pages for payers and creations have separate limits.
    assert (await hub.post("/payments/pix", {"value": 1}))[0] == 201
    assert (await _get(hub, created["payment_url"].removeprefix(hub.url)))[0] == 200


async def test_limited_confirmations_and_returns_store_nothing(strict):
    hub = strict
    _, created = await hub.post("/payments/pix", {"value": 1})
    payment = created["payment"]
    confirmation = {"bank_payment_id": payment["bank_payment_id"], "value": 1}
    assert (await hub.post("/payments/pix/confirmation", confirmation))[0] == 200
    returned = {"return_id": "R1", "amount": 5, "returned_at": "2026-11-22T12:30:00-03:00"}
    path = f"/payments/pix/{payment['id']}/returned"
    statuses = [(await hub.post(path, returned))[0] for _ in range(5)]
    assert statuses == [400] * 5
    events = await hub.count_requested_events()
    for refused_path, body in (("/payments/pix/confirmation", confirmation), (path, returned)):
        status, refused = await hub.post(refused_path, body, {"X-Forwarded-For": "192.0.2.77"})
        assert (status, refused["code"]) == (429, "too_many_requests")
        assert refused["message"] == "Too many requests; wait a moment."
    assert await hub.count_requested_events() == events


async def test_guessing_address_is_limited_neighbours_key_is_not(strict):
    hub = strict
    path = "/payments/api/pending/?padaria_slug=padaria-do-marcos"
    assert (await _get(hub, path, **hub.headers))[0] == 200
    wrong = {"Authorization": f"Bearer {hub.api_key[:-4]}0000"}
    assert [(await _get(hub, path, **wrong))[0] for _ in range(5)] == [401, 401, 401, 429, 429]
    assert (await _get(hub, path, **hub.headers))[0] == 200
    assert (await _get(hub, path, **wrong, **{"X-Forwarded-For": "192.0.2.200"}))[0] == 401


async def test_guessed_payer_tokens_are_limited(strict):
    hub = strict
    statuses = [(await _get(hub, f"/payments/api/check/1/?t={n:032x}"))[0] for n in range(6)]
    assert statuses == [401] * 3 + [429] * 3
    _, created = await hub.post("/payments/pix", {"value": 1})
    page = created["payment"]["payment_url"].removeprefix(hub.url)
    assert (await _get(hub, page))[0] == 200


async def test_guessed_return_references_are_limited(strict):
    hub = strict
    link = await hub.link()
    references = [f"extrato_{link['payment_id']}_{n:012x}" for n in range(4)] + ["extrato_999999_0123456789ab"]
    path = "/payments/mp/return/?external_reference="
    statuses = [(await _get(hub, path + reference))[0] for reference in references]
    assert statuses == [404] * 3 + [429] * 2
    assert (await _get(hub, path + link["external_reference"]))[0] == 200


async def test_socket_opening_is_limited(strict):
    hub = strict
    _, created = await hub.post("/payments/pix", {"value": 1})
    number, token = created["payment"]["id"], created["payment_url"].partition("t=")[2]
    socket = f"{hub.url}/ws?payment_id={number}&t={token}"
    for _ in range(8):
        await (await hub.session.ws_connect(socket)).close()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await hub.session.ws_connect(socket)
    assert refused.value.status == 429


async def test_oversized_request_is_rejected_first(hub):
    for request in (
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(hub.url.rpartition(":")[2]))
        writer.write(request)
        status = (await reader.readline()).split()[1]
        assert status == b"400"
        writer.close()
        await writer.wait_closed()
    status, _ = await hub.post("/payments/pix", {"value": 1, "description": "a" * 70_000})
    assert status == 413


async def test_slow_head_times_out(hub):
    refused = 'extrato_requests_limited_total{what="heads"}'
    before = await hub.metric(refused) if refused in await hub.metrics() else 0
    reader, writer = await asyncio.open_connection("127.0.0.1", int(hub.url.rpartition(":")[2]))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    async with within(20):
        response = await reader.read()
    writer.close()
    assert response.startswith(b"HTTP/1.1 408 ")
    assert await hub.metric(refused) == before + 1


async def test_slow_body_times_out(hub):
    _, created = await hub.post("/payments/pix", {"value": 1})
    polling = "/socket.io/?EIO=4&transport=polling"
    async with hub.session.get(hub.url + polling) as answer:
        session = (await answer.text()).partition('"sid":"')[2].partition('"')[0]

    async def send_a_part(path):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(hub.url.rpartition(":")[2]))
        lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", "Content-Length: 20")
        writer.write("\r\n".join((*lines, f"Authorization: {hub.headers['Authorization']}", "", "{")).encode())
        # The server closes the connection after the response.
        response = await reader.read()
        writer.close()
        assert response.split()[1] == b"408", response
        assert b"body_too_slow" in response
        assert path != "/payments/pix" or b"within 2 seconds" in response

    async with within(20):
        await asyncio.gather(
            send_a_part("/payments/pix"),
            send_a_part(f"/payments/api/{created['payment']['id']}/refund/"),
            send_a_part("/webhooks/mercadopago/padaria-do-marcos/?type=payment&data.id=1"),
            send_a_part(f"{polling}&sid={session}"),
        )


@pytest.mark.parametrize(
    "path", ["/payments/api/pending/?padaria_slug=padaria-do-marcos", "/nowhere", "/payments/pix/999999", "/healthz"]
)
async def test_responses_disallow_caching_and_sniffing(hub, path):
    _, headers, _ = await _get(hub, path, **hub.headers)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "extrato"


async def test_links_ignore_the_host_header(hub):
    status, created = await hub.post("/payments/pix", {"value": 1}, {"Host": "evil.example"})
    assert status == 201
    assert "evil.example" not in str(created)
