"""Clients that guess secrets are limited before they cost much, and do not lock out others at the same address."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time

import aiohttp
import pytest
import pytest_asyncio

from services.gateway.http.rate_limits import OVERFLOW_ATTEMPTS_PER_MINUTE, RETURNS_OF_PAYMENT_PER_MINUTE
from tests.homes import new_home
from tests.promised import holding
from tests.running_hub import MERCHANT, WEBHOOK_SECRET, RunningHub, running_hub

pytestmark = pytest.mark.xdist_group("guessing")

# An address without failed attempts.
ELSEWHERE = "192.0.2.200"
FEW = {"EXTRATO_FAILURES_PER_MINUTE": "3", "EXTRATO_TRUSTED_PROXIES": "127.0.0.0/8"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started():
    with new_home() as home:
        async with running_hub(home, **FEW) as hub:
            yield hub


@pytest_asyncio.fixture
async def hub(started):
    """The hub of this file with an HTTP session of this test."""
    async with aiohttp.ClientSession(trace_configs=[holding(started.url)]) as session:
        yield RunningHub(started.home, started.url, started.sandbox_url, session)


async def ask(hub, path, address, *, method="GET", **options):
    headers = {"X-Forwarded-For": address, **options.pop("headers", {})}
    async with hub.session.request(method, hub.url + path, headers=headers, **options) as answer:
        return answer.status


def signed() -> dict[str, str]:
    at = int(time.time())
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"id:123;request-id:r;ts:{at};".encode(), hashlib.sha256).hexdigest()
    return {"x-signature": f"ts={at},v1={digest}", "x-request-id": "r"}


async def deliver(hub, whose, address, *, body=None, headers=None):
    path = f"/webhooks/mercadopago/{whose}?type=payment&data.id=123"
    return await ask(hub, path, address, method="POST", json=body or {}, headers=headers or {})


async def test_webhooks_for_unknown_merchants_are_limited(hub):
    # An accepted credential still works after the overflow budget is used up.
    assert await deliver(hub, f"{MERCHANT}/", ELSEWHERE, headers=signed()) == 200
    statuses = [await deliver(hub, f"nobody-{n}/", "192.0.2.1") for n in range(5)]
    assert statuses == [404] * 3 + [429] * 2
    assert [await deliver(hub, f"{MERCHANT}/", "192.0.2.1", headers=signed()) for _ in range(20)] == [200] * 20
    assert await deliver(hub, "nobody-9/", "192.0.2.2") == 404


async def test_webhooks_for_unknown_accounts_are_limited(hub):
    account = {"user_id": 174087000}
    assert await deliver(hub, "", ELSEWHERE, body=account, headers=signed()) == 200
    statuses = [await deliver(hub, "", "192.0.2.3", body={"user_id": n}) for n in range(1, 6)]
    assert statuses == [404] * 3 + [429] * 2
    assert await deliver(hub, "", "192.0.2.3", body=account, headers=signed()) == 200


async def test_guessed_picture_names_are_limited_known_ones_are_not(hub):
    _, created = await hub.post("/payments/pix", {"value": 1})
    picture = created["payment"]["qr_code_url"].removeprefix(hub.url)
    assert await ask(hub, picture, ELSEWHERE) == 200
    guesses = [f"{picture[:-12]}{n:012x}" for n in range(5)]
    assert [await ask(hub, guess, "192.0.2.4") for guess in guesses] == [404] * 3 + [429] * 2
    assert [await ask(hub, picture, "192.0.2.4") for _ in range(20)] == [200] * 20


async def test_return_page_asks_about_few_unknown_attempts(hub):
    async def asked_about() -> int:
        asked = (await hub.sandbox("GET", "/_sandbox/stats"))["requests"]["by_route"]
        return sum(count for route, count in asked.items() if route.startswith("GET /v1/payments/{"))

    await hub.faults(webhooks=False)
    link = await hub.link()
    path = f"/payments/mp/return/?external_reference={link['external_reference']}&collection_id="
    before = await asked_about()
    for attempt in range(10):
        assert await ask(hub, f"{path}{7_000_000 + attempt}", "192.0.2.5") == 200
    assert await asked_about() - before == RETURNS_OF_PAYMENT_PER_MINUTE
    await hub.faults(webhooks=True)


async def test_limited_client_cannot_recognise_a_right_reference(hub):
    known, *secrets = [await hub.link() for _ in range(11)]
    path = "/payments/mp/return/?external_reference="
    assert await ask(hub, path + known["external_reference"], "192.0.2.6") == 200
    stem = known["external_reference"].rpartition("_")[0]
    guesses = [f"{path}{stem}_{n:012x}" for n in range(OVERFLOW_ATTEMPTS_PER_MINUTE * 2)]
    statuses = []
    for at in range(0, len(guesses), 50):
        statuses += await asyncio.gather(*(ask(hub, guess, "192.0.2.7") for guess in guesses[at : at + 50]))
    assert statuses.count(404) == 3
    assert set(statuses) == {404, 429}
    # The overflow budget still admits ten a second, so that a right guess is rare.
    right = [path + secret["external_reference"] for secret in secrets]
    last_statuses = await asyncio.gather(*(ask(hub, guess, "192.0.2.7") for guess in [*guesses[-100:], *right]))
    assert last_statuses[-len(right) :].count(429) > len(right) / 2
    # A known payer at the same address still sees the page, and so does a payer at another address.
    assert await ask(hub, path + known["external_reference"], "192.0.2.7") == 200
    assert [await ask(hub, reference, "192.0.2.8") for reference in right] == [200] * len(right)
