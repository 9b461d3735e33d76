"""One suite for every provider of the registry, and tests that only remote providers need.

Mercado Pago's adapter calls the simulated Mercado Pago. For failures that the sandbox does not have, it calls a stub
server with answers from the test.
"""

from __future__ import annotations

import asyncio
import gzip
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from msgspec.structs import replace

from contracts.events import ChargeCreated, Item
from extrato.domain.brcode import decode
from extrato.errors import (
    ExtratoError,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.providers.mercado_pago import client as mercado_pago_client
from extrato.providers.mercado_pago.adapter import pix_body
from extrato.providers.port import ChargeRequest, Receiver, RefundRequest, RefundSeen
from extrato.providers.registry import providers
from extrato.settings import Settings
from extrato.values import Credential, Payer
from services.sandbox.app import create_app
from services.sandbox.state.accounts import DEMO_ACCOUNT, Account
from services.sandbox.state.settings import Settings as SandboxSettings
from tests.compatibility.claim import claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extrato.providers.port import ChargeCreator, Observation, Providers, RemoteProvider

REMOTE = ("mercado_pago",)
NAMES = (*REMOTE, "pix")
TOKEN = DEMO_ACCOUNT.access_token
CREDENTIAL = Credential(
    access_token=TOKEN,
    webhook_secret=DEMO_ACCOUNT.webhook_secret,
    account_id=str(DEMO_ACCOUNT.collector_id),
)
OTHER_ACCOUNT = Account(
    access_token="APP_USR-other", collector_id=200, nickname="Loja ao Lado", webhook_secret="other-secret"
)
RECEIVER = Receiver(name="Padaria do Marcos", city="São Paulo", pix_key="123e4567-e12b-12d1-a456-426655440000")


def a_request(**changes: Any) -> ChargeRequest:
    bank_payment_id = str(uuid4())
    request = ChargeRequest(
        method="checkout",
        opened_at=datetime.now(UTC),
        asked_at=datetime.now(UTC),
        payment_id=15,
        bank_payment_id=bank_payment_id,
        external_reference=f"extrato_15_{bank_payment_id[-12:]}",
        amount_centavos=3500,
        title="Pedido Padaria do Marcos",
        description="Pão e bolo",
        items=(Item("Pão Francês", 10, 50), Item("Bolo de Chocolate", 1, 3000)),
        payer=Payer(email="cliente@example.com"),
        expires_at=datetime.now(UTC) + timedelta(hours=1),
        notification_url="http://127.0.0.1:9/webhooks/mercadopago/padaria-do-marcos/",
        return_url="http://127.0.0.1:9/payments/mp/return/",
        receiver=RECEIVER,
        credential=CREDENTIAL,
    )
    return replace(request, **changes)


def registry(session: aiohttp.ClientSession, mercado_pago_url: str) -> Providers:
    """The providers as the hub builds them."""
    settings = Settings.from_environment({"EXTRATO_MERCADOPAGO_URL": mercado_pago_url})
    return providers(settings, session)


@dataclass
class Sandbox:
    """The simulated Mercado Pago and its control API."""

    url: str
    session: aiohttp.ClientSession

    async def control(self, verb: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self.session.request(verb, f"{self.url}/_sandbox/{path}", json=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return answer

    async def pay(self, outcome: str, **order: Any) -> dict[str, Any]:
        return await self.control("POST", "pay", {"outcome": outcome, **order})

    async def faults(self, **change: Any) -> None:
        await self.control("PUT", "faults", change)


@dataclass
class StubServer:
    """A provider with scripted answers, which keeps the requests."""

    url: str = ""
    behaviours: list[Any] = field(default_factory=list)
    requests: list[web.BaseRequest] = field(default_factory=list)

    def answers(self, *behaviours: Any) -> None:
        """Use these behaviours in order, and repeat the last one."""
        self.behaviours = list(behaviours)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        behave = self.behaviours.pop(0) if len(self.behaviours) > 1 else self.behaviours[0]
        return await behave(request)


def answering(status: int, body: Any = b"{}", **headers: str) -> Any:
    """A behaviour: answer with this status and body."""

    async def behave(request: web.Request) -> web.Response:
        del request
        if isinstance(body, bytes):
            return web.Response(body=body, status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    return behave


async def closing_connection(request: web.Request) -> web.Response:
    request.transport.abort()
    return web.Response()


async def truncating(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id":')
    request.transport.close()
    return response


async def never_answering(request: web.Request) -> web.Response:
    del request
    await asyncio.Event().wait()
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 65_536)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def sandbox(tmp_path: Path, session: aiohttp.ClientSession) -> AsyncIterator[Sandbox]:
    port = unused_port()
    url = f"http://127.0.0.1:{port}"
    settings = SandboxSettings(
        port=port, public_url=url, data=tmp_path / "sandbox", accounts=(DEMO_ACCOUNT, OTHER_ACCOUNT)
    )
    async with TestServer(create_app(settings), host="127.0.0.1", port=port):
        yield Sandbox(url, session)


@pytest.fixture
async def stub() -> AsyncIterator[StubServer]:
    stub = StubServer()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", stub.handle)
    async with TestServer(app, host="127.0.0.1", shutdown_timeout=0.1) as server:
        stub.url = str(server.make_url("")).rstrip("/")
        yield stub


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch):
    """The adapter's retries and time-outs, but shorter."""
    monkeypatch.setattr(mercado_pago_client, "RETRY_WAIT_S", 0.01)
    monkeypatch.setattr(mercado_pago_client, "TIMEOUT", aiohttp.ClientTimeout(total=5, connect=1, sock_read=0.3))


@pytest.fixture
def mercado_pago(sandbox: Sandbox) -> RemoteProvider:
    return registry(sandbox.session, sandbox.url).remote["mercado_pago"]


@pytest.fixture
def stubbed(stub: StubServer, session: aiohttp.ClientSession) -> RemoteProvider:
    """Mercado Pago's adapter in front of the stub server."""
    return registry(session, stub.url).remote["mercado_pago"]


def full_text(error: BaseException) -> str:
    """All text of an error and its causes that a log could contain."""
    texts = ["".join(traceback.format_exception(error))]
    cause: BaseException | None = error
    while cause is not None:
        texts += [str(cause), repr(cause), repr(vars(cause))]
        cause = cause.__cause__
    return "\n".join(texts)


# --- every provider -------------------------------------------------------------------------------


@pytest.fixture(params=NAMES)
def creator(request: pytest.FixtureRequest, sandbox: Sandbox) -> ChargeCreator:
    return registry(sandbox.session, sandbox.url).creators[request.param]


@pytest.fixture(params=REMOTE)
def provider(request: pytest.FixtureRequest, sandbox: Sandbox) -> RemoteProvider:
    return registry(sandbox.session, sandbox.url).remote[request.param]


def test_suite_covers_every_provider_of_the_registry(session):
    listed = registry(session, "http://127.0.0.1:9")

    assert (tuple(sorted(listed.creators)), tuple(listed.remote)) == (NAMES, REMOTE)
    assert all(creator.name == name for name, creator in listed.creators.items())


async def test_charge_can_be_paid(creator):
    charge = await creator.create_charge(a_request())

    assert charge.charge_id
    assert (charge.checkout_url is None) != (charge.pix_payload is None)


async def test_repeated_charge_request_is_harmless(creator):
    request = a_request()
    first, second = await creator.create_charge(request), await creator.create_charge(request)

    assert first.checkout_url or first.pix_payload
    assert second.checkout_url or second.pix_payload


async def test_repeated_charge_request_creates_no_attempt(provider):
    request = a_request()
    for _ in range(2):
        await provider.create_charge(request)

    assert (await provider.observe_reference(request.external_reference, CREDENTIAL)).observations == ()


async def test_merchant_without_an_account_cannot_charge(creator):
    nowhere = a_request(credential=None, receiver=replace(RECEIVER, pix_key=None))

    with pytest.raises(ProviderNotConnected):
        await creator.create_charge(nowhere)


async def test_remote_provider_needs_a_credential_for_a_charge(provider):
    with pytest.raises(ProviderNotConnected):
        await provider.create_charge(a_request(credential=None))


async def test_missing_attempt_is_none(provider):
    assert await provider.observe_attempt("90000000001", CREDENTIAL) is None


async def test_unpaid_reference_has_no_attempts(provider):
    assert (await provider.observe_reference("extrato_1_nothing", CREDENTIAL)).observations == ()


async def test_first_page_without_changes_is_the_last(provider):
    now = datetime.now(UTC)
    page = await provider.observe_changes(since=now - timedelta(hours=1), until=now, offset=0, credential=CREDENTIAL)

    assert (page.observations, page.is_last) == ((), True)


# --- Pix ------------------------------------------------------------------------------------------


@pytest.fixture
def pix(session: aiohttp.ClientSession) -> ChargeCreator:
    return registry(session, "http://127.0.0.1:9").creators["pix"]


async def test_pix_code_has_receiver_amount_and_description(pix):
    request = a_request()
    charge = await pix.create_charge(request)
    code = decode(charge.pix_payload)

    assert (code.pix_key, code.amount_centavos) == (RECEIVER.pix_key, 3500)
    assert code.txid == charge.charge_id
    assert request.bank_payment_id.replace("-", "").upper().startswith(charge.charge_id)


async def test_same_payment_has_the_same_pix_code(pix):
    request = a_request()

    assert await pix.create_charge(request) == await pix.create_charge(request)


async def test_two_payments_have_two_pix_codes(pix):
    one, other = await pix.create_charge(a_request()), await pix.create_charge(a_request())

    assert one.charge_id != other.charge_id


async def test_pix_key_that_fits_no_code_is_refused(pix):
    with pytest.raises(ProviderRefused):
        await pix.create_charge(a_request(receiver=replace(RECEIVER, pix_key="ã" * 78)))


# --- Mercado Pago: its answers --------------------------------------------------------------------


@dataclass
class Link:
    """A charged link, with all three queries for its attempts."""

    provider: RemoteProvider
    sandbox: Sandbox
    reference: str
    preference_id: str

    async def pay(self, outcome: str, **order: Any) -> dict[str, Any]:
        return await self.sandbox.pay(outcome, preference_id=self.preference_id, **order)

    async def seen(self) -> list[Observation]:
        """Return the observations of every attempt, which are the same in every query."""
        by_reference = (await self.provider.observe_reference(self.reference, CREDENTIAL)).observations
        changes = await all_changes(self.provider)
        single = [await self.provider.observe_attempt(seen.attempt_id, CREDENTIAL) for seen in by_reference]
        # The bytes of the answers differ: a search omits pictures.
        without_answers = [
            sorted((replace(seen, answer=b"") for seen in observations), key=lambda seen: seen.attempt_id)
            for observations in (by_reference, changes, single)
        ]
        assert without_answers[0] == without_answers[1] == without_answers[2]
        assert all(seen.attempt_id.encode() in seen.answer for seen in (*by_reference, *changes, *single))
        return without_answers[0]


async def all_changes(provider: RemoteProvider) -> list[Observation]:
    now = datetime.now(UTC)
    found: list[Observation] = []
    while True:
        page = await provider.observe_changes(
            since=now - timedelta(hours=1),
            until=now + timedelta(seconds=5),
            offset=len(found),
            credential=CREDENTIAL,
        )
        found += page.observations
        if page.is_last:
            return found


@pytest.fixture
async def link(mercado_pago: RemoteProvider, sandbox: Sandbox) -> Link:
    request = a_request()
    charge = await mercado_pago.create_charge(request)
    return Link(mercado_pago, sandbox, request.external_reference, charge.charge_id)


@claim("generate-link.checkout-url")
async def test_link_leads_to_a_page_that_can_be_paid(link, session):
    charge = await link.provider.create_charge(a_request())
    async with session.get(charge.checkout_url) as response:
        page = await response.text()

    assert response.status == 200
    assert "Bolo de Chocolate" in page


async def test_paid_amount_is_the_charged_amount(link):
    paid = await link.pay("approved")

    assert paid["transaction_amount"] == 35.0
    assert paid["external_reference"] == link.reference
    assert paid["metadata"] == {"payment_id": 15}


@pytest.mark.parametrize(
    ("steps", "status", "detail"),
    [
        (["pending"], "pending", "pending_waiting_transfer"),
        (["approved"], "approved", "accredited"),
        (["pending", "approved"], "approved", "accredited"),
        (["rejected"], "rejected", "cc_rejected_other_reason"),
        (["in_process"], "in_process", "pending_contingency"),
        (["in_process", "approved"], "approved", "accredited"),
        (["pending", "cancelled"], "cancelled", "by_payer"),
        (["approved", "refunded"], "refunded", "refunded"),
        (["approved", "charged_back"], "charged_back", "in_process"),
        (["approved", "in_mediation"], "in_mediation", "pending"),
        (["approved", "in_mediation", "approved"], "approved", "accredited"),
    ],
    ids="-".join,
)
async def test_every_query_reports_the_same_status(link, steps, status, detail):
    for step in steps:
        attempt = await link.pay(step)
    [seen] = await link.seen()

    assert (seen.status, seen.status_detail) == (status, detail)
    assert (seen.attempt_id, seen.external_reference) == (str(attempt["id"]), link.reference)
    assert (seen.amount_centavos, seen.currency) == (3500, "BRL")
    assert seen.refunded_centavos == (3500 if status == "refunded" else 0)
    assert seen.observed_at == datetime.fromisoformat(attempt["date_last_updated"])
    assert (seen.paid_at is not None) == ("approved" in steps)
    if seen.paid_at:
        assert seen.paid_at == datetime.fromisoformat(attempt["date_approved"])


async def test_partial_refunds_are_reported_one_by_one(link):
    await link.pay("approved")
    await link.pay("refunded", amount=12.34)
    [seen] = await link.seen()
    assert (seen.status, seen.status_detail) == ("approved", "partially_refunded")
    assert seen.refunded_centavos == 1234

    await link.pay("refunded")
    [seen] = await link.seen()
    assert (seen.status, seen.refunded_centavos) == ("refunded", 3500)


async def test_every_change_is_later_than_the_one_before(link):
    times = []
    for outcome in ("pending", "approved", "in_mediation", "refunded"):
        await link.pay(outcome)
        [seen] = await link.seen()
        times.append(seen.observed_at)

    assert times == sorted(set(times))


async def test_refused_card_and_a_pix_are_two_attempts(link):
    await link.pay("rejected", method="card")
    await link.pay("approved", method="pix")

    assert sorted(seen.status for seen in await link.seen()) == ["approved", "rejected"]


async def test_other_amount_and_currency_are_reported_unchanged(link):
    await link.pay("approved", amount=34.99, currency_id="USD")
    [seen] = await link.seen()

    assert (seen.amount_centavos, seen.currency) == (3499, "USD")


async def test_other_accounts_are_never_reported(link):
    paid = await link.pay("approved")
    theirs = Credential(access_token=OTHER_ACCOUNT.access_token, webhook_secret="x", account_id="200")

    assert await link.provider.observe_attempt(str(paid["id"]), theirs) is None
    assert (await link.provider.observe_reference(link.reference, theirs)).observations == ()


async def test_search_may_lag_behind_the_attempt(link):
    await link.sandbox.faults(search_lag_ms=60_000)
    paid = await link.pay("approved")

    assert (await link.provider.observe_reference(link.reference, CREDENTIAL)).observations == ()
    assert (await link.provider.observe_attempt(str(paid["id"]), CREDENTIAL)).status == "approved"


async def test_changes_come_in_pages_oldest_first_and_once(link):
    for _ in range(120):
        await link.pay("rejected")
    found = await all_changes(link.provider)

    assert len({seen.attempt_id for seen in found}) == len(found) == 120
    assert [seen.observed_at for seen in found] == sorted(seen.observed_at for seen in found)


async def test_page_has_fifty_and_says_whether_more_follow(link):
    for _ in range(100):
        await link.pay("rejected")
    now = datetime.now(UTC)
    span = {"since": now - timedelta(hours=1), "until": now + timedelta(seconds=5), "credential": CREDENTIAL}
    first = await link.provider.observe_changes(**span, offset=0)
    second = await link.provider.observe_changes(**span, offset=50)
    beyond = await link.provider.observe_changes(**span, offset=100)

    assert (len(first.observations), first.is_last) == (50, False)
    assert (len(second.observations), second.is_last) == (50, True)
    assert (len(beyond.observations), beyond.is_last) == (0, True)


async def test_only_changes_within_the_span_are_reported(link):
    await link.pay("rejected")
    [seen] = await link.seen()
    page = await link.provider.observe_changes(
        since=seen.observed_at - timedelta(minutes=2),
        until=seen.observed_at - timedelta(minutes=1),
        offset=0,
        credential=CREDENTIAL,
    )

    assert (page.observations, page.is_last) == ((), True)


# --- Mercado Pago: its failures -------------------------------------------------------------------


async def test_token_has_its_account(mercado_pago):
    assert await mercado_pago.account_of(TOKEN) == CREDENTIAL.account_id


async def test_rejected_token_has_no_account(mercado_pago):
    with pytest.raises(ProviderNotConnected, match="401"):
        await mercado_pago.account_of("APP_USR-wrong")


async def test_account_of_unknown_shape_is_misunderstood(stubbed, stub):
    for answered in ({}, {"id": None}, {"id": {}}, []):
        stub.answers(answering(200, answered))
        with pytest.raises(ProviderMisunderstood):
            await stubbed.account_of(TOKEN)


async def test_rejected_token_is_a_missing_connection(mercado_pago):
    wrong = replace(CREDENTIAL, access_token="APP_USR-wrong")

    with pytest.raises(ProviderNotConnected, match="401"):
        await mercado_pago.observe_reference("extrato_1_x", wrong)
    with pytest.raises(ProviderNotConnected, match="401"):
        await mercado_pago.create_charge(a_request(credential=wrong))


async def test_sale_of_unknown_shape_does_not_hide_others(stubbed, stub):
    results = [PAYMENT, PAYMENT | {"id": 2, "transaction_amount": "many"}, PAYMENT | {"id": 3}]
    stub.answers(answering(200, {"paging": {"total": 5, "limit": 50, "offset": 0}, "results": results}))
    now = datetime.now(UTC)

    page = await stubbed.observe_changes(since=now, until=now, offset=0, credential=CREDENTIAL)

    assert [seen.attempt_id for seen in page.observations] == [str(PAYMENT["id"]), "3"]
    assert (page.answers, page.is_last) == (3, False)


async def test_refused_order_has_mercado_pagos_reason(mercado_pago):
    with pytest.raises(ProviderRefused, match="400: unit_price invalid"):
        await mercado_pago.create_charge(a_request(items=(Item("Pão", 1, 0),)))


@pytest.mark.parametrize("attempt_id", ["", "abc", "1/refunds", "1?x=2", "../1", "²", "-1"])
async def test_malformed_attempt_id_is_never_requested(stubbed, stub, attempt_id):
    with pytest.raises(ProviderRefused):
        await stubbed.observe_attempt(attempt_id, CREDENTIAL)
    assert stub.requests == []


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [("17", 17.0), ("0.5", 0.5), ("86400", 300.0), ("inf", 300.0), ("nan", 5.0), ("soon", 5.0), (None, 5.0)],
)
async def test_throttled_call_reports_its_pause_and_is_not_retried(stubbed, stub, retry_after, wait_s):
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    stub.answers(answering(429, {"status": 429, "error": "too_many_requests"}, **headers))

    with pytest.raises(ProviderUnavailable) as caught:
        await stubbed.observe_reference("extrato_1_x", CREDENTIAL)

    assert caught.value.retry_after_s == wait_s
    assert len(stub.requests) == 1


async def test_rate_limit_of_an_account_is_reported(mercado_pago, sandbox):
    await sandbox.faults(rate_limit_per_s=0.05)
    await mercado_pago.observe_reference("extrato_1_x", CREDENTIAL)

    with pytest.raises(ProviderUnavailable) as caught:
        await mercado_pago.observe_reference("extrato_1_x", CREDENTIAL)
    assert 1 <= caught.value.retry_after_s <= 20


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_read_is_retried_after_a_server_error(stubbed, stub, status):
    found = {"paging": {"total": 0, "limit": 50, "offset": 0}, "results": []}
    stub.answers(answering(status), answering(status), answering(200, found))

    assert (await stubbed.observe_reference("extrato_1_x", CREDENTIAL)).observations == ()
    assert len(stub.requests) == 3


async def test_read_fails_after_three_attempts(stubbed, stub):
    stub.answers(answering(500))

    with pytest.raises(ProviderUnavailable, match="500"):
        await stubbed.observe_attempt("1", CREDENTIAL)
    assert len(stub.requests) == 3


async def test_retry_after_of_a_failed_provider_is_respected(stubbed, stub):
    stub.answers(answering(503, b"", **{"Retry-After": "30"}))

    with pytest.raises(ProviderUnavailable) as caught:
        await stubbed.observe_attempt("1", CREDENTIAL)
    assert (caught.value.retry_after_s, len(stub.requests)) == (30.0, 1)


@claim("monitor.asks")
async def test_cooldown_pauses_the_account_but_not_others_or_writes(stubbed, stub):
    found = {"paging": {"total": 0, "limit": 50, "offset": 0}, "results": []}
    preference = {"id": "1-a", "init_point": "https://checkout.example/1-a"}
    stub.answers(answering(429, {}, **{"Retry-After": "30"}), answering(200, found), answering(201, preference))
    with pytest.raises(ProviderUnavailable):
        await stubbed.observe_reference("extrato_1_x", CREDENTIAL)

    with pytest.raises(ProviderUnavailable) as caught:
        await stubbed.observe_attempt("1", CREDENTIAL)
    assert 29 < caught.value.retry_after_s <= 30
    assert len(stub.requests) == 1
    other = replace(CREDENTIAL, access_token="APP_USR-another")
    assert (await stubbed.observe_reference("extrato_1_x", other)).observations == ()
    # Throttled reads do not block writes.
    await stubbed.create_charge(a_request())
    assert len(stub.requests) == 3


async def test_requests_resume_after_the_cooldown(stubbed, stub):
    found = {"paging": {"total": 0, "limit": 50, "offset": 0}, "results": []}
    stub.answers(answering(429, {}, **{"Retry-After": "0.05"}), answering(200, found))
    with pytest.raises(ProviderUnavailable):
        await stubbed.observe_reference("extrato_1_x", CREDENTIAL)
    await asyncio.sleep(0.05)
    assert (await stubbed.observe_reference("extrato_1_x", CREDENTIAL)).observations == ()


@pytest.mark.parametrize(
    "code", [{}, {"point_of_interaction": None}, {"point_of_interaction": {"type": "OPENPLATFORM"}}]
)
async def test_created_and_refused_pix_is_a_refusal_without_retry(stubbed, stub, code):
    stub.answers(answering(201, {"id": 7, "status": "rejected", "status_detail": "rejected_high_risk", **code}))
    with pytest.raises(ProviderRefused, match="Mercado Pago refused the Pix: rejected_high_risk") as refused:
        await stubbed.create_charge(a_request(method="pix", payer=Payer(email="ana@example.com")))
    assert refused.value.reason == "rejected_high_risk"
    assert len(stub.requests) == 1


async def test_unrefused_pix_without_a_code_is_misunderstood(stubbed, stub):
    stub.answers(answering(201, {"id": 7, "status": "pending"}))
    with pytest.raises(ProviderMisunderstood):
        await stubbed.create_charge(a_request(method="pix", payer=Payer(email="ana@example.com")))


async def test_charge_is_requested_twice_at_most_under_one_key(stubbed, stub):
    stub.answers(answering(500))
    request = a_request()

    with pytest.raises(ProviderUnavailable):
        await stubbed.create_charge(request)
    keys = [asked.headers["X-Idempotency-Key"] for asked in stub.requests]
    assert keys == [request.bank_payment_id] * 2


async def test_charge_survives_one_failure(stubbed, stub):
    stub.answers(answering(502), answering(201, {"id": "1-a", "init_point": "https://pay.example/1-a"}))
    charge = await stubbed.create_charge(a_request())

    assert (charge.charge_id, charge.checkout_url) == ("1-a", "https://pay.example/1-a")


PAYMENT = {
    "id": 1,
    "status": "approved",
    "transaction_amount": 35.0,
    "currency_id": "BRL",
    "date_created": "2026-11-22T10:00:01.101-04:00",
}
NONSENSE = {
    "html": b"<!doctype html><title>503</title>",
    "empty": b"",
    "cut": b'{"id": 1, "status": "appro',
    "a_list": b"[]",
    "null": b"null",
    "nothing_in_it": b"{}",
    "not_utf_8": b'{"id": "\xff"}',
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
async def test_malformed_answer_is_misunderstood_without_retry(stubbed, stub, body):
    stub.answers(answering(200, body))
    now = datetime.now(UTC)
    for ask in (
        lambda: stubbed.observe_attempt("1", CREDENTIAL),
        lambda: stubbed.observe_reference("extrato_1_x", CREDENTIAL),
        lambda: stubbed.observe_changes(since=now, until=now, offset=0, credential=CREDENTIAL),
        lambda: stubbed.create_charge(a_request()),
    ):
        stub.requests.clear()
        with pytest.raises(ProviderMisunderstood):
            await ask()
        assert len(stub.requests) == 1


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
async def test_malformed_refusal_is_a_refusal(stubbed, stub, body):
    stub.answers(answering(400, body))

    with pytest.raises(ProviderRefused, match="no reason given"):
        await stubbed.observe_attempt("1", CREDENTIAL)


@pytest.mark.parametrize(
    "changes",
    [{"transaction_amount": 35.005}, {"transaction_amount": None}, {"status": None}, {"date_created": "now"}],
    ids=["three_decimals", "no_amount", "no_status", "no_time"],
)
async def test_malformed_payment_does_not_hide_others(stubbed, stub, changes):
    bent = PAYMENT | changes
    stub.answers(answering(200, bent))
    with pytest.raises(ProviderMisunderstood):
        await stubbed.observe_attempt("1", CREDENTIAL)

    paging = {"total": 2, "limit": 50, "offset": 0}
    for results in ([PAYMENT | {"id": 2}, bent], [bent, PAYMENT | {"id": 2}]):
        stub.answers(answering(200, {"paging": paging, "results": results}))
        found = await stubbed.observe_reference("extrato_1_x", CREDENTIAL)
        # It does not hide the others, and is counted.
        assert ([seen.attempt_id for seen in found.observations], found.answers) == (["2"], 2)


async def test_answer_bytes_are_kept_unchanged(stubbed, stub):
    written = (
        b'{ "id":1,"status":"approved", "transaction_amount":35.00,\n"currency_id":"BRL",'
        b'"date_created":"2026-11-22T10:00:01.101-04:00"}'
    )
    stub.answers(answering(200, written))
    assert (await stubbed.observe_attempt("1", CREDENTIAL)).answer == written

    stub.answers(answering(200, b'{"paging":{"total":1,"limit":50,"offset":0},"results":[%b]}' % written))
    [seen] = (await stubbed.observe_reference("extrato_1_x", CREDENTIAL)).observations
    assert seen.answer == written


@pytest.mark.parametrize("status", [501, 505, 520, 524, 408, 425])
async def test_proxy_error_leaves_the_outcome_unknown(stubbed, stub, status):
    stub.answers(answering(status, b"<html>"))

    with pytest.raises(ProviderUnavailable, match=str(status)):
        await stubbed.observe_attempt("1", CREDENTIAL)


@pytest.mark.parametrize("status", [204, 301, 302, 304])
async def test_unexpected_status_is_misunderstood(stubbed, stub, status):
    stub.answers(answering(status, b"", Location="/elsewhere"))

    with pytest.raises(ProviderMisunderstood, match=str(status)):
        await stubbed.observe_attempt("1", CREDENTIAL)
    assert len(stub.requests) == 1


async def test_only_a_payment_may_be_not_found(stubbed, stub):
    stub.answers(answering(404))

    assert await stubbed.observe_attempt("1", CREDENTIAL) is None
    with pytest.raises(ProviderMisunderstood):
        await stubbed.observe_reference("extrato_1_x", CREDENTIAL)
    with pytest.raises(ProviderMisunderstood):
        await stubbed.create_charge(a_request())


@pytest.mark.parametrize("behave", [closing_connection, truncating, never_answering])
async def test_broken_connection_is_an_unavailable_provider(stubbed, stub, behave):
    stub.answers(behave)

    with pytest.raises(ProviderUnavailable):
        await stubbed.observe_attempt("1", CREDENTIAL)
    # The HTTP library retries once by default if the connection breaks before the answer.
    assert len(stub.requests) == (6 if behave is closing_connection else 3)


async def test_charge_is_requested_twice_at_most_on_broken_connections(stubbed, stub):
    stub.answers(closing_connection)

    with pytest.raises(ProviderUnavailable):
        await stubbed.create_charge(a_request())
    assert len(stub.requests) == 2


async def test_request_is_retried_after_a_broken_connection(stubbed, stub):
    stub.answers(closing_connection, answering(200, PAYMENT))

    assert (await stubbed.observe_attempt("1", CREDENTIAL)).amount_centavos == 3500


async def test_closed_port_is_an_unavailable_provider(session):
    nobody = registry(session, f"http://127.0.0.1:{unused_port()}").remote["mercado_pago"]

    with pytest.raises(ProviderUnavailable):
        await nobody.observe_attempt("1", CREDENTIAL)


async def test_endless_answer_is_read_up_to_a_limit(stubbed, stub):
    stub.answers(endless)

    with pytest.raises(ProviderMisunderstood, match="exceeds the size limit"):
        await stubbed.observe_attempt("1", CREDENTIAL)
    assert len(stub.requests) == 1


async def test_compressed_answer_is_read_up_to_a_limit(stubbed, stub):
    packed = gzip.compress(b" " * (32 << 20))
    stub.answers(answering(200, packed, **{"Content-Encoding": "gzip"}))

    with pytest.raises(ProviderMisunderstood, match="exceeds the size limit"):
        await stubbed.observe_attempt("1", CREDENTIAL)


# --- the credential is never shown ----------------------------------------------------------------


async def test_every_request_has_the_token_in_its_header_only(stubbed, stub):
    stub.answers(answering(200, PAYMENT))
    await stubbed.observe_attempt("1", CREDENTIAL)
    [asked] = stub.requests

    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(asked.url)


def test_credential_does_not_show_its_secrets():
    request = a_request()
    for text in (repr(CREDENTIAL), str(CREDENTIAL), f"{CREDENTIAL}", repr(request), repr([CREDENTIAL])):
        assert TOKEN not in text
        assert CREDENTIAL.webhook_secret not in text


async def answering_without_http(request: web.Request) -> web.Response:
    request.transport.write(b"HTTP/9 999999 what\r\n\r\n")
    request.transport.close()
    return web.Response()


@pytest.mark.parametrize(
    "behave",
    [
        answering(401, {"message": "invalid access token", "error": "unauthorized", "status": 401}),
        answering(400, {"message": f"Authorization: Bearer {TOKEN} is not welcome"}),
        answering(400, {"message": {"header": f"Bearer {TOKEN}"}}),
        answering(400, {"message": "x" * 190 + TOKEN}),
        answering(403, f"<p>{TOKEN}</p>".encode()),
        answering(429, {"message": TOKEN}),
        answering(500, {"message": TOKEN}),
        answering(302, TOKEN.encode(), Location=f"/?access_token={TOKEN}"),
        answering(200, {"id": TOKEN}),
        answering(200, TOKEN.encode()),
        answering(200, PAYMENT | {"transaction_amount": TOKEN}),
        closing_connection,
        truncating,
        never_answering,
        answering_without_http,
    ],
)
async def test_no_error_contains_the_token(stubbed, stub, behave):
    stub.answers(behave)
    now = datetime.now(UTC)
    for ask in (
        stubbed.observe_attempt("1", CREDENTIAL),
        stubbed.observe_changes(since=now, until=now, offset=0, credential=CREDENTIAL),
        stubbed.create_charge(a_request()),
    ):
        with pytest.raises(ExtratoError) as caught:
            await ask
        assert TOKEN not in full_text(caught.value)
        # A part of the token would be as bad: the adapter removes the token before it truncates a text.
        assert TOKEN[:24] not in full_text(caught.value)


# --- Mercado Pago: a Pix by either of its APIs -------------------------------------------------------


@pytest.fixture(params=["payments", "orders", "refused by payments"])
async def pix_credential(request: pytest.FixtureRequest, sandbox: Sandbox) -> Credential:
    """The ways to create a Pix: with Payments, with Orders, or with both because of a test user."""
    is_test_user = request.param == "refused by payments"
    await sandbox.control("PUT", f"accounts/{DEMO_ACCOUNT.collector_id}", {"is_test_user": is_test_user})
    return replace(CREDENTIAL, pix_api="orders" if request.param == "orders" else "payments")


def a_pix(credential: Credential, **changes: Any) -> ChargeRequest:
    payer = Payer(email="ana@testuser.com", name="Ana da Silva", cpf="52998224725")
    return a_request(method="pix", credential=credential, payer=payer, **changes)


async def charged(mercado_pago: RemoteProvider, credential: Credential) -> tuple[ChargeRequest, ChargeCreated]:
    request = a_pix(credential)
    return request, await mercado_pago.create_charge(request)


async def paid(
    mercado_pago: RemoteProvider, sandbox: Sandbox, credential: Credential
) -> tuple[ChargeRequest, ChargeCreated]:
    request, charge = await charged(mercado_pago, credential)
    await sandbox.pay("approved", external_reference=request.external_reference)
    return request, charge


async def test_pix_has_a_code_for_the_amount_and_is_the_attempt(mercado_pago, pix_credential):
    _, charge = await charged(mercado_pago, pix_credential)

    code = decode(charge.pix_payload)
    assert (code.amount_centavos, charge.checkout_url is None, charge.sandbox_url) == (3500, False, None)
    assert charge.attempt_id.isdigit()


async def test_repeated_pix_request_returns_one_pix(mercado_pago, pix_credential):
    request = a_pix(pix_credential)
    assert await mercado_pago.create_charge(request) == await mercado_pago.create_charge(request)


async def test_paid_pix_is_one_attempt_in_every_query(mercado_pago, sandbox, pix_credential):
    request, charge = await paid(mercado_pago, sandbox, pix_credential)

    seen = await mercado_pago.observe_charge(charge, pix_credential)
    [searched] = (await mercado_pago.observe_reference(request.external_reference, pix_credential)).observations
    assert replace(seen, answer=b"") == replace(searched, answer=b"")
    assert (seen.attempt_id, seen.status, seen.amount_centavos) == (charge.attempt_id, "approved", 3500)


async def test_pix_request_repeated_much_later_returns_one_pix(mercado_pago, pix_credential):
    request = a_pix(pix_credential, expires_at=datetime.now(UTC) + timedelta(minutes=45))
    later = replace(request, asked_at=request.asked_at + timedelta(minutes=10))
    assert await mercado_pago.create_charge(request) == await mercado_pago.create_charge(later)


async def test_order_reports_the_same_as_its_payment(mercado_pago, sandbox):
    orders = replace(CREDENTIAL, pix_api="orders")
    request, charge = await charged(mercado_pago, orders)
    waiting = await mercado_pago.observe_attempt(charge.charge_id, orders)
    assert (waiting.status, waiting.status_detail) == ("pending", "pending_waiting_transfer")
    await sandbox.pay("approved", external_reference=request.external_reference)
    order = await mercado_pago.observe_attempt(charge.charge_id, orders)
    payment = await mercado_pago.observe_attempt(charge.attempt_id, orders)
    for field_name in ("status", "status_detail", "amount_centavos", "currency", "external_reference", "observed_at"):
        assert getattr(order, field_name) == getattr(payment, field_name), field_name
    assert order.attempt_id == charge.charge_id


async def test_cancelled_pix_cannot_be_paid(mercado_pago, pix_credential):
    _, charge = await charged(mercado_pago, pix_credential)
    for _ in range(2):
        await mercado_pago.cancel_charge(charge, [], at=datetime.now(UTC), credential=pix_credential)

    seen = await mercado_pago.observe_charge(charge, pix_credential)
    assert seen.status == "cancelled"


async def test_cancelling_a_paid_charge_changes_nothing(mercado_pago, sandbox, pix_credential):
    _, charge = await paid(mercado_pago, sandbox, pix_credential)
    await mercado_pago.cancel_charge(charge, [], at=datetime.now(UTC), credential=pix_credential)

    assert (await mercado_pago.observe_charge(charge, pix_credential)).status == "approved"


async def test_closed_link_and_its_waiting_attempts_cannot_be_paid(link, mercado_pago):
    charge = ChargeCreated(
        charge_id=link.preference_id,
        attempt_id=None,
        account_id=None,
        checkout_url=None,
        sandbox_url=None,
        pix_payload=None,
    )
    waiting = await link.pay("pending")
    for _ in range(2):
        await mercado_pago.cancel_charge(charge, [str(waiting["id"])], at=datetime.now(UTC), credential=CREDENTIAL)

    [seen] = await link.seen()
    assert seen.status == "cancelled"
    order = {"outcome": "approved", "preference_id": link.preference_id}
    async with link.sandbox.session.post(f"{link.sandbox.url}/_sandbox/pay", json=order) as refused:
        assert refused.status == 409


def a_refund(charge: ChargeCreated, amount_centavos: int, *, known: tuple[str, ...] | None = ()) -> RefundRequest:
    return RefundRequest(
        refund_id=str(uuid4()),
        charge=charge,
        attempt_id=charge.attempt_id,
        amount_centavos=amount_centavos,
        known_refunds=known,
    )


async def test_refunds_are_made_in_parts_and_once_for_each_id(mercado_pago, sandbox, pix_credential):
    _, charge = await paid(mercado_pago, sandbox, pix_credential)
    first = a_refund(charge, 1000)
    made = await mercado_pago.refund_attempt(first, pix_credential)
    again = await mercado_pago.refund_attempt(first, pix_credential)
    [shown] = await mercado_pago.observe_refunds(charge, charge.attempt_id, pix_credential)
    assert (shown.amount_centavos, shown.state) == (1000, "made")
    assert (made, again) in {(shown, None), (shown, shown)}
    seen = await mercado_pago.observe_charge(charge, pix_credential)
    assert (seen.refunded_centavos, seen.status_detail) == (1000, "partially_refunded")
    known = (shown.refund_id,)
    with pytest.raises(ProviderRefused):
        await mercado_pago.refund_attempt(a_refund(charge, 2501, known=known), pix_credential)
    await mercado_pago.refund_attempt(a_refund(charge, 2500, known=known), pix_credential)
    assert (await mercado_pago.observe_charge(charge, pix_credential)).status == "refunded"


async def test_full_refund_is_made_in_one_request(mercado_pago, sandbox, pix_credential):
    _, charge = await paid(mercado_pago, sandbox, pix_credential)
    await mercado_pago.refund_attempt(a_refund(charge, 3500), pix_credential)
    seen = await mercado_pago.observe_charge(charge, pix_credential)
    assert (seen.status, seen.refunded_centavos) == ("refunded", 3500)


async def test_equal_refunds_are_distinguished_by_the_known_ones(mercado_pago, sandbox, pix_credential):
    _, charge = await paid(mercado_pago, sandbox, pix_credential)
    names: tuple[str, ...] = ()
    for _ in range(3):
        made = await mercado_pago.refund_attempt(a_refund(charge, 1000, known=names), pix_credential)
        assert made.refund_id not in names
        names += (made.refund_id,)
    shown = await mercado_pago.observe_refunds(charge, charge.attempt_id, pix_credential)
    assert sorted(seen.refund_id for seen in shown) == sorted(names)


@pytest.mark.parametrize(("end", "state", "counts"), [("approved", "made", 1000), ("rejected", "refused", 0)])
async def test_refund_in_process_is_pending_until_the_provider_ends_it(mercado_pago, sandbox, end, state, counts):
    _, charge = await paid(mercado_pago, sandbox, CREDENTIAL)
    await sandbox.faults(refunds_in_process=True)
    made = await mercado_pago.refund_attempt(a_refund(charge, 1000), CREDENTIAL)
    assert (made.amount_centavos, made.state) == (1000, "pending")
    assert await mercado_pago.observe_refunds(charge, charge.attempt_id, CREDENTIAL) == (made,)
    seen = await mercado_pago.observe_charge(charge, CREDENTIAL)
    assert (seen.status, seen.refunded_centavos) == ("approved", 0)

    await sandbox.control("POST", f"refunds/{made.refund_id}", {"status": end})
    assert await mercado_pago.observe_refunds(charge, charge.attempt_id, CREDENTIAL) == (replace(made, state=state),)
    assert (await mercado_pago.observe_charge(charge, CREDENTIAL)).refunded_centavos == counts


ORDERS = replace(CREDENTIAL, pix_api="orders")


@pytest.mark.parametrize(("end", "state", "counts"), [("approved", "made", 1000), ("rejected", "refused", 0)])
async def test_processing_order_refund_is_listed_when_it_ends(mercado_pago, sandbox, end, state, counts):
    _, charge = await paid(mercado_pago, sandbox, ORDERS)
    await sandbox.faults(order_refunds="processing")
    made = await mercado_pago.refund_attempt(a_refund(charge, 1000), ORDERS)
    assert (made.amount_centavos, made.state) == (1000, "pending")
    assert await mercado_pago.observe_refunds(charge, charge.attempt_id, ORDERS) == ()

    await sandbox.control("POST", f"refunds/{made.refund_id}", {"status": end})
    assert await mercado_pago.observe_refunds(charge, charge.attempt_id, ORDERS) == (replace(made, state=state),)
    assert (await mercado_pago.observe_attempt(charge.charge_id, ORDERS)).refunded_centavos == counts


async def test_fully_refunded_order_is_refunded_under_either_status(mercado_pago, sandbox):
    await sandbox.faults(order_refunded_as_processed=True)
    _, charge = await paid(mercado_pago, sandbox, ORDERS)
    await mercado_pago.refund_attempt(a_refund(charge, 1000), ORDERS)
    seen = await mercado_pago.observe_attempt(charge.charge_id, ORDERS)
    assert (seen.status, seen.refunded_centavos) == ("approved", 1000)
    await mercado_pago.refund_attempt(a_refund(charge, 2500), ORDERS)
    for as_processed in (True, False):
        await sandbox.faults(order_refunded_as_processed=as_processed)
        seen = await mercado_pago.observe_attempt(charge.charge_id, ORDERS)
        assert (seen.status, seen.status_detail, seen.refunded_centavos) == ("refunded", "refunded", 3500)


async def test_notification_of_an_order_leads_to_its_charge(mercado_pago, sandbox):
    request, charge = await charged(mercado_pago, replace(CREDENTIAL, pix_api="orders"))

    assert await mercado_pago.reference_of("order", charge.charge_id, CREDENTIAL) == request.external_reference
    assert await mercado_pago.reference_of("order", "ORD00000000000000000000000000", CREDENTIAL) is None
    assert await mercado_pago.reference_of("order", "../payments/1", CREDENTIAL) == ""
    assert await mercado_pago.reference_of("something_else", charge.charge_id, CREDENTIAL) == ""


A_PIX = ChargeCreated(
    charge_id="1", attempt_id="1", account_id=None, checkout_url=None, sandbox_url=None, pix_payload="000201"
)
AN_ORDER = replace(A_PIX, charge_id="ORD0123456789")


def order_with(*refunds: dict[str, Any]) -> dict[str, Any]:
    """A paid order with these refunds."""
    return {
        "id": "ORD0123456789",
        "status": "processed",
        "total_amount": "35.00",
        "created_date": "2026-01-01T00:00:00Z",
        "transactions": {"payments": [{"id": "PAY01"}], "refunds": list(refunds)},
    }


def refund_answer_with(*refunds: dict[str, Any]) -> dict[str, Any]:
    """The answer to a refund of an order: no amount, no payment and no time."""
    return {
        "id": "ORD0123456789",
        "status": "processed",
        "status_detail": "partially_refunded",
        "transactions": {"refunds": list(refunds)},
    }


AN_ORDER_PAID = order_with()


async def test_refund_with_an_unreadable_answer_is_accepted(stubbed, stub):
    for body in (b"", b"{}", b"[]", b"<html>"):
        stub.answers(answering(201, body))
        assert await stubbed.refund_attempt(a_refund(A_PIX, 100), CREDENTIAL) is None
        stub.answers(answering(200, AN_ORDER_PAID), answering(201, body))
        assert await stubbed.refund_attempt(a_refund(AN_ORDER, 100), CREDENTIAL) is None
    a_part_of_a_centavo = refund_answer_with({"id": "REF01", "amount": "1.005", "status": "processed"})
    stub.answers(answering(200, AN_ORDER_PAID), answering(201, a_part_of_a_centavo))
    assert await stubbed.refund_attempt(a_refund(AN_ORDER, 100), CREDENTIAL) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("approved", "made"),
        ("in_process", "pending"),
        ("rejected", "refused"),
        ("cancelled", "refused"),
        (None, "made"),
        ("invented_since", "made"),
    ],
)
async def test_refund_state_follows_its_status(stubbed, stub, status, state):
    refund = {"id": 3269585000, "payment_id": 1, "amount": 1, "status": status, "date_created": "2026-01-01T00:00:00Z"}
    asked_at = datetime(2026, 1, 1, tzinfo=UTC)
    seen = RefundSeen(refund_id="3269585000", amount_centavos=100, state=state, asked_at=asked_at)
    stub.answers(answering(201, refund), answering(200, [refund]))
    assert await stubbed.refund_attempt(a_refund(A_PIX, 100), CREDENTIAL) == seen
    assert await stubbed.observe_refunds(A_PIX, "1", CREDENTIAL) == (seen,)


@pytest.mark.parametrize(
    ("status", "state", "counts"),
    [("processed", "made", 100), ("processing", "pending", 0), ("failed", "refused", 0)],
)
async def test_order_refund_state_follows_its_status(stubbed, stub, status, state, counts):
    stub.answers(answering(200, order_with({"id": "REF01", "amount": "1.00", "status": status})))
    seen = RefundSeen(refund_id="REF01", amount_centavos=100, state=state, asked_at=None)
    assert await stubbed.observe_refunds(AN_ORDER, "1", CREDENTIAL) == (seen,)
    assert (await stubbed.observe_attempt("ORD0123456789", CREDENTIAL)).refunded_centavos == counts


@pytest.mark.parametrize(
    ("known", "answered", "expected"),
    [
        ((), ["REF01"], "REF01"),
        (("REF01",), ["REF01", "REF02"], "REF02"),
        (("REF01",), ["REF01"], None),
        ((), ["REF01", "REF02"], None),
        ((), [None], None),
        (None, ["REF01"], None),
    ],
)
async def test_only_the_new_refund_of_an_order_is_returned(stubbed, stub, known, answered, expected):
    made = [{"id": name, "amount": "1.00", "status": "processed"} for name in answered]
    another = {"id": "REF00", "amount": "2.00", "status": "processed"}
    stub.answers(answering(200, AN_ORDER_PAID), answering(201, refund_answer_with(another, *made)))
    seen = await stubbed.refund_attempt(a_refund(AN_ORDER, 100, known=known), CREDENTIAL)
    assert (seen.refund_id if seen else None) == expected


@pytest.mark.parametrize(
    ("detail", "amounts", "status"),
    [
        ("accredited", ["10.00", "25.00"], "refunded"),
        ("partially_refunded", ["10.00", "25.00"], "refunded"),
        ("refunded", [], "refunded"),
        ("partially_refunded", ["10.00", "24.99"], "approved"),
    ],
)
async def test_order_with_made_refunds_of_its_total_is_refunded(stubbed, stub, detail, amounts, status):
    made = [{"id": f"REF{amount}", "amount": amount, "status": "processed"} for amount in amounts]
    stub.answers(answering(200, order_with(*made) | {"status_detail": detail}))
    assert (await stubbed.observe_attempt("ORD0123456789", CREDENTIAL)).status == status


async def test_open_refunds_of_an_order_do_not_count(stubbed, stub):
    failed = {"id": "REF01", "amount": "35.00", "status": "failed"}
    stub.answers(answering(200, order_with(failed)))
    seen = await stubbed.observe_attempt("ORD0123456789", CREDENTIAL)
    assert (seen.status, seen.refunded_centavos) == ("approved", 0)


@pytest.mark.parametrize("status", [409, 424])
@pytest.mark.parametrize("code", ["", "resource_locked", "2063"])
async def test_conflict_is_no_refusal_of_a_refund(stubbed, stub, status, code):
    conflict = answering(status, {"message": "conflict", "cause": [{"code": code}]})
    stub.answers(conflict)
    with pytest.raises(ProviderUnavailable):
        await stubbed.refund_attempt(a_refund(A_PIX, 100), CREDENTIAL)
    stub.answers(answering(200, AN_ORDER_PAID), conflict)
    with pytest.raises(ProviderUnavailable):
        await stubbed.refund_attempt(a_refund(AN_ORDER, 100), CREDENTIAL)


@pytest.mark.parametrize("code", ["cannot_refund_order", "order_already_refunded"])
async def test_order_state_without_refunds_is_a_refusal(stubbed, stub, code):
    stub.answers(answering(200, AN_ORDER_PAID), answering(409, {"errors": [{"code": code, "message": "no"}]}))
    with pytest.raises(ProviderRefused):
        await stubbed.refund_attempt(a_refund(AN_ORDER, 100), CREDENTIAL)


async def test_refunds_are_requested_with_those_in_process(stubbed, stub):
    """Without the header they are refused and in no list, although they go on."""
    stub.answers(answering(201, b""))
    await stubbed.refund_attempt(a_refund(A_PIX, 100), CREDENTIAL)
    stub.answers(answering(200, []))
    await stubbed.observe_refunds(A_PIX, "1", CREDENTIAL)
    stub.answers(answering(200, AN_ORDER_PAID), answering(201, b""))
    await stubbed.refund_attempt(a_refund(AN_ORDER, 100), CREDENTIAL)
    about_refunds = [asked for asked in stub.requests if "refund" in asked.path]
    assert [asked.method for asked in about_refunds] == ["POST", "GET", "POST"]
    assert {asked.headers.get("X-Render-In-Process-Refunds") for asked in about_refunds} == {"true"}


@pytest.mark.parametrize(
    "answered",
    [
        {"expires": False, "expiration_date_to": None},
        {"expires": True, "expiration_date_to": "2099-01-01T00:00:00.000Z"},
        {"expires": False, "expiration_date_to": "2020-01-01T00:00:00.000Z"},
    ],
)
async def test_preference_that_ignored_the_change_is_not_closed(stubbed, stub, answered):
    link = replace(A_PIX, charge_id="1-a", attempt_id=None, checkout_url="https://checkout.example", pix_payload=None)
    stub.answers(answering(200, {"id": "1-a", "init_point": "https://checkout.example", **answered}))
    with pytest.raises(ProviderUnavailable):
        await stubbed.cancel_charge(link, [], at=datetime.now(UTC), credential=CREDENTIAL)


async def test_repeated_pix_request_has_the_same_body():
    now = datetime.now(UTC)
    request = a_pix(CREDENTIAL, opened_at=now, asked_at=now, expires_at=now + timedelta(minutes=30))
    assert pix_body(request) == pix_body(replace(request, asked_at=now + timedelta(seconds=59)))
    for late_s in (0, 59, 60, 61, 600, 1799):
        due = pix_body(replace(request, asked_at=now + timedelta(seconds=late_s)))["date_of_expiration"]
        assert timedelta(minutes=30) < datetime.fromisoformat(due) - (now + timedelta(seconds=late_s))
        assert datetime.fromisoformat(due) - (now + timedelta(seconds=late_s)) <= timedelta(minutes=31)


async def test_order_without_a_code_is_misunderstood(stubbed, stub):
    order = {
        "id": "ORD0123456789",
        "status": "action_required",
        "total_amount": "35.00",
        "created_date": "2026-01-01T00:00:00Z",
    }
    stub.answers(answering(201, order))
    with pytest.raises(ProviderMisunderstood):
        await stubbed.create_charge(a_pix(replace(CREDENTIAL, pix_api="orders")))


async def test_order_without_a_ticket_is_an_attempt_by_its_id(stubbed, stub):
    order = {
        "id": "ORD0123456789",
        "status": "action_required",
        "total_amount": "35.00",
        "created_date": "2026-01-01T00:00:00Z",
        "transactions": {"payments": [{"id": "PAY01", "payment_method": {"id": "pix", "qr_code": "000201"}}]},
    }
    stub.answers(answering(201, order))
    charge = await stubbed.create_charge(a_pix(replace(CREDENTIAL, pix_api="orders")))
    assert (charge.charge_id, charge.attempt_id) == ("ORD0123456789", "ORD0123456789")
    stub.answers(answering(200, order))
    assert (await stubbed.observe_charge(charge, CREDENTIAL)).attempt_id == "ORD0123456789"
