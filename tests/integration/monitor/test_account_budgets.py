"""Sweeps, checks and webhook questions under the budget of an account, and webhooks that stop and come back."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import REGISTRY

from contracts.events import WebhooksFailing, WebhooksRecovered
from extrato.domain import merchant as merchant_domain
from extrato.domain.sweep_lanes import FAST
from extrato.providers.call_budget import budget_name, calling_for
from extrato.store.inbox import Delivery
from extrato.use_cases.cancel_payment import cancel_payment
from services.gateway.api.account_gauges import measure_accounts
from services.gateway.api.monitored_accounts import monitored_accounts
from services.gateway.api.response_bodies import local_time
from services.gateway.api.token_gauge import measure_tokens
from services.gateway.api.webhooks import receive_mercado_pago
from services.gateway.gateway import GATEWAY
from services.gateway.http.caller import CORRELATION_ID
from services.gateway.http.rate_limits import RateLimiter
from services.gateway.metrics import PROVIDER_BUDGET_LEFT, WEBHOOK_ACCOUNTS_FAILING
from services.gateway.workers.provider_checks import ProviderChecks
from services.gateway.workers.webhook_budgets import WebhookBudgets
from services.gateway.workers.webhook_workers import WebhookWorkers
from services.monitor.backoff import BackOff
from services.monitor.cursors import Cursors
from services.monitor.deliveries import Deliveries
from services.monitor.open_payments import OpenPayments
from services.monitor.schedule import Again
from services.monitor.sweeps import Sweeps
from services.monitor.webhook_health import JudgeAccounts
from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import ACCOUNTS, CAUSE
from tests.integration.store.budget_clock import stop_budget_clock
from tests.pace import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.monitor.conftest import Clock, World

PADARIA, PROVIDER = "padaria.mercado_pago", "mercado_pago"
NAME = budget_name(PROVIDER, ACCOUNTS["padaria"].access_token)


@pytest.fixture(autouse=True)
def stopped_budget_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_budget_clock(monkeypatch)


async def use_up(world: World, *, left: float) -> None:
    """Leave `left` tokens."""
    await world.hub.budgets.report(unused_after_s=0.0)
    await world.pool.execute("UPDATE provider_budgets SET tokens = $1", left)


async def asked(world: World) -> int:
    return (await world.sandbox.control("GET", "stats"))["requests"]["total"]


async def test_used_up_budget_delays_background_and_not_payments(world: World, logged):
    payment = await world.open()
    await world.sandbox.pay(payment)
    sweeps = world.sweeps()
    # The reserve of a fifth is left: enough for a check, not for a sweep.
    await use_up(world, left=1000)
    before = await asked(world)
    decision = await sweeps.run_once(FAST, PADARIA)
    assert isinstance(decision, Again)
    assert 0 < decision.delay_s <= 60
    assert [line["account"] for line in logged("sweep_waits_for_budget")] == [PADARIA]
    assert not logged("sweep_failed")

    # A webhook's question waits and is not lost, however long it takes.
    delivery = Delivery(
        delivery_id=uuid4(),
        merchant="padaria",
        provider=PROVIDER,
        kind="payment",
        resource_id="1",
        verdict="verified",
        raw=b"{}",
        correlation_id="test",
        received_at=world.hub.now() - timedelta(minutes=1),
    )
    await world.hub.inbox.store(delivery)
    await world.pool.execute("UPDATE webhook_deliveries SET attempts = 11")
    await Deliveries(hub=world.hub).run_once()
    row = await world.pool.fetchrow(
        "SELECT attempts, handled_at, next_attempt_at > received_at FROM webhook_deliveries"
    )
    assert tuple(row) == (11, None, True)
    assert await asked(world) == before

    # A payer's check waits too, and a check of the shop does not share its refusal.
    checks = ProviderChecks(world.hub, fresh_s=0.1)
    of_payer, checked = await asyncio.gather(
        checks.check(payment, cause=CAUSE, purpose="payer"), checks.check(payment, cause=CAUSE)
    )
    assert of_payer.synced_at is None
    assert (checked.loaded.payment.status, checked.synced_at is not None) == ("approved", True)
    # Nothing is left: a check answers the known state, and creations and cancellations go on.
    other = await world.open()
    await use_up(world, left=0)
    checked = await ProviderChecks(world.hub, fresh_s=0.1).check(other, cause=CAUSE)
    assert (checked.loaded.payment.status, checked.synced_at) == ("pending", None)
    last = await world.open()
    assert (await cancel_payment(world.hub, last.payment_id, cause=CAUSE)).payment.status == "cancelled"


async def test_delivery_that_waits_long_is_tried_less_often(world: World, clock: Clock):
    """A pile of deliveries that the budget delays must not keep PostgreSQL busy, nor delay other merchants."""
    await world.open()
    clock.stop()
    await use_up(world, left=1199)
    for age in (timedelta(seconds=1), timedelta(minutes=2), timedelta(hours=2)):
        delivery = Delivery(
            delivery_id=uuid4(),
            merchant="padaria",
            provider=PROVIDER,
            kind="payment",
            resource_id=str(age.seconds),
            verdict="verified",
            raw=b"{}",
            correlation_id="test",
            received_at=world.hub.now() - age,
        )
        await world.hub.inbox.store(delivery)
    await world.pool.execute("UPDATE webhook_deliveries SET next_attempt_at = received_at")
    now = world.hub.now()
    await Deliveries(hub=world.hub).run_once()
    rows = await world.pool.fetch("SELECT next_attempt_at FROM webhook_deliveries ORDER BY received_at DESC")
    waits_s = [(row[0] - now).total_seconds() for row in rows]
    assert 0 < waits_s[0] < 5
    assert 29 < waits_s[1] < 35
    assert 59 < waits_s[2] < 65


async def test_throttled_calls_take_nothing_from_the_budget(world: World):
    await world.open()
    await world.hub.budgets.report(unused_after_s=0.0)
    used = (await world.hub.budgets.left([NAME]))[NAME].used_last_minute
    await world.sandbox.faults(error_rate=1.0, error_kind="too_many_requests")
    credential = await world.hub.vault.get("padaria", PROVIDER)
    for _ in range(5):
        with calling_for("check"), contextlib.suppress(Exception):
            await world.hub.providers.remote[PROVIDER].observe_attempt("1", credential)
    await world.hub.budgets.report(unused_after_s=0.0)
    # The first call was answered 429; the others were not made.
    assert (await world.hub.budgets.left([NAME]))[NAME].used_last_minute == used + 1


@contextlib.asynccontextmanager
async def webhook_gateway(world: World) -> AsyncIterator[TestClient]:
    """The gateway's webhook route in this process, with its workers."""
    workers = WebhookWorkers(world.hub)
    gateway = SimpleNamespace(
        hub=world.hub,
        settings=world.settings,
        rate_limiter=RateLimiter(world.settings),
        webhook_budgets=WebhookBudgets(),
        webhook_workers=workers,
    )

    @web.middleware
    async def identified(request: web.Request, handler: Any) -> web.StreamResponse:
        request[CORRELATION_ID] = str(uuid4())
        return await handler(request)

    app = web.Application(middlewares=[identified])
    app[GATEWAY] = gateway
    app.router.add_post("/webhooks/mercadopago/{merchant}/", receive_mercado_pago)
    working = asyncio.create_task(workers.run())
    async with TestClient(TestServer(app)) as client:
        yield client
    working.cancel()


@claim("list-monitors.accounts")
async def test_blocked_webhooks_are_noticed_and_their_return_too(world: World, clock):
    """The simulated provider drops webhooks, then sends them again."""
    async with webhook_gateway(world) as client:
        hub = world.hub
        public = dataclasses.replace(hub, public_url=str(client.make_url("")).rstrip("/"))
        sweeps = Sweeps(
            hub=hub, open_payments=OpenPayments(world.pool), cursors=Cursors(world.pool), pauses=BackOff[str](hub.now)
        )
        [account] = await monitored_accounts(hub, world.pool, "padaria")
        assert (account.webhooks.state, account.last_sweep_at) == ("not_seen", None)
        for _ in range(3):
            await world.sandbox.pay(await world.open(hub=public))
        await sweeps.run_once(FAST, PADARIA)
        clock.ahead += timedelta(seconds=61)
        await JudgeAccounts(hub=hub).run_once()
        hub.merchants.forget("padaria")
        [account] = await monitored_accounts(hub, world.pool, "padaria")
        assert (account.webhooks.state, account.webhooks.reason) == ("failing", "not_received")
        assert account.webhooks.failing_since is not None
        assert account.last_sweep_at is not None
        assert 0 < account.left <= account.requests_per_minute == 6000
        assert await monitored_accounts(hub, world.pool, None) == []
        assert account.token_expires_at is None
        await measure_accounts(world.pool, hub).measure()
        assert WEBHOOK_ACCOUNTS_FAILING.labels(PROVIDER)._value.get() == 1
        assert 0 < PROVIDER_BUDGET_LEFT.labels(PROVIDER)._value.get() <= 1

        await world.sandbox.faults(webhooks=True)
        clock.ahead = timedelta(0)
        payment = await world.open(hub=public)
        await world.sandbox.pay(payment)
        await world.wait_for_status(payment, "approved")

        async def is_counted() -> bool:
            return bool(await world.pool.fetchval("SELECT brought FROM webhook_health WHERE merchant = 'padaria'"))

        await until(is_counted, "the webhook is counted")
        clock.ahead = timedelta(minutes=7)
        await JudgeAccounts(hub=hub).run_once()
        history = await hub.log.read_stream(merchant_domain.stream_id("padaria"))
        assert [type(each.event) for each in history[-2:]] == [WebhooksFailing, WebhooksRecovered]
        hub.merchants.forget("padaria")
        [account] = await monitored_accounts(hub, world.pool, "padaria")
        assert (account.webhooks.state, account.webhooks.reason) == ("working", None)
        assert account.webhooks.last_verified_at is not None


async def test_end_of_a_token_is_shown_to_its_merchant_and_as_a_metric(world: World):
    tokens = measure_tokens(world.pool, world.hub.providers.remote)

    async def days_left() -> float | None:
        await tokens.measure()
        return REGISTRY.get_sample_value("extrato_provider_token_days_left", {"provider": PROVIDER})

    async def expire_in(merchant: str, left: timedelta | None) -> None:
        await world.pool.execute(
            "UPDATE credentials SET token_expires_at = now() + $2 WHERE merchant = $1", merchant, left
        )

    assert await days_left() is None
    first, other = list(ACCOUNTS)[:2]
    await expire_in(first, timedelta(days=30))
    await expire_in(other, timedelta(days=20))
    assert await days_left() == pytest.approx(20, abs=0.01)
    shown = {each: (await monitored_accounts(world.hub, world.pool, each))[0].token_expires_at for each in ACCOUNTS}
    expires_at = await world.pool.fetchval("SELECT token_expires_at FROM credentials WHERE merchant = $1", first)
    assert shown.pop(first) == local_time(expires_at)
    assert shown.pop(other) != local_time(expires_at)
    assert set(shown.values()) <= {None}
    await expire_in(other, timedelta(days=-3))
    assert await days_left() == 0
    await expire_in(first, None)
    await expire_in(other, None)
    assert await days_left() is None
