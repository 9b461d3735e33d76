"""Webhook health on a real database: sweeps find changes, deliveries arrive or not, and alarms are recorded once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from contracts.events import WebhooksFailing, WebhooksRecovered
from extrato.assembly import open_hub
from extrato.domain import merchant as merchant_domain
from extrato.domain.sweep_lanes import FAST
from extrato.errors import StoreUnavailable
from extrato.settings import Settings
from extrato.store.inbox import Delivery
from extrato.store.webhook_health import Finding, count_failing
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.payments import load_payment
from extrato.use_cases.provider_accounts import connect_provider, disconnect_provider
from extrato.values import Credential
from services.monitor.webhook_health import JudgeAccounts
from tests.integration.monitor.conftest import CAUSE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from extrato.use_cases.hub import Hub
    from tests.integration.monitor.conftest import World

PROVIDER = "mercado_pago"
ALARMS = (WebhooksFailing, WebhooksRecovered)


@dataclass
class Accounts:
    """A hub without a bus and a provider, with the accounts of two merchants, and a clock that a test moves."""

    hub: Hub
    pool: asyncpg.Pool
    ahead: timedelta = timedelta(0)
    numbers: list[int] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def found(self, count: int = 1, *, merchant: str = "padaria", provider: str = PROVIDER) -> list[str]:
        """Note changes as a sweep does; returns the ids that webhooks would name."""
        first = len(self.numbers) + 1
        self.numbers += range(first, first + count)
        found = [
            Finding(payment_id=nth, changed_at=self.now(), resource_ids=(f"14{nth}", f"pref-{nth}"))
            for nth in range(first, first + count)
        ]
        await self.hub.webhook_health.note(merchant, provider, found, at=self.now())
        return [finding.resource_ids[0] for finding in found]

    async def deliver(
        self, resource_id: str, *, verdict: str = "verified", merchant: str = "padaria", outcome: str = "nothing_new"
    ) -> None:
        delivery = Delivery(
            delivery_id=uuid4(),
            merchant=merchant,
            provider=PROVIDER,
            kind="payment",
            resource_id=resource_id,
            verdict=verdict,
            raw=uuid4().bytes,
            correlation_id="test",
            received_at=self.now(),
        )
        await self.hub.inbox.store(delivery)
        if verdict == "verified" and outcome:
            await self.hub.inbox.mark_handled(delivery.delivery_id, at=self.now(), outcome=outcome)

    async def judge(self, *, after: timedelta = timedelta(0)) -> None:
        self.ahead += after
        await JudgeAccounts(hub=self.hub).run_once()

    async def alarms(self, slug: str = "padaria") -> list:
        history = await self.hub.log.read_stream(merchant_domain.stream_id(slug))
        return [envelope.event for envelope in history if isinstance(envelope.event, ALARMS)]

    async def findings(self) -> int:
        return await self.pool.fetchval("SELECT count(*) FROM webhook_findings")

    async def failing(self) -> dict[str, int]:
        found = await count_failing(self.pool, now=self.hub.now(), timeout_s=2)
        return {provider: share.failing for provider, share in found.items() if share.failing}

    async def judged_of_all(self, *, later: timedelta = timedelta()) -> list[tuple[int, int]]:
        found = await count_failing(self.pool, now=self.hub.now() + later, timeout_s=2)
        return [(share.failing, share.judged) for share in found.values()]


PAST_GRACE = timedelta(seconds=61)


@pytest.fixture
async def accounts(emptied_database_url: str) -> AsyncIterator[Accounts]:
    settings = Settings.from_environment(
        {"EXTRATO_DATABASE_URL": emptied_database_url, "EXTRATO_SECRET_KEY": "A" * 43 + "="}
    )
    async with (
        asyncpg.create_pool(emptied_database_url, min_size=1, max_size=6) as pool,
        open_hub(settings, pool=pool, bus=None) as hub,
    ):
        accounts = Accounts(hub, pool)
        accounts.hub = replace(hub, now=accounts.now)
        for slug in ("padaria", "mercado"):
            register = merchant_domain.Register(slug=slug, name=slug.title(), city="Recife")
            await change_merchant(accounts.hub, slug, [register], cause=CAUSE)
            await connect(accounts, slug, account_id=slug)
        yield accounts


async def connect(accounts: Accounts, slug: str, *, account_id: str) -> None:
    credential = Credential(access_token=f"APP_USR-{slug}", webhook_secret="secret", account_id=account_id)
    await connect_provider(accounts.hub, slug, PROVIDER, credential, cause=CAUSE)


async def test_missed_changes_begin_an_alarm_and_a_webhook_ends_it(accounts: Accounts, logged):
    await accounts.found(3)
    await accounts.judge()
    assert await accounts.alarms() == []
    await accounts.judge(after=PAST_GRACE)
    [failing] = await accounts.alarms()
    assert (failing.reason, failing.missed, failing.changes) == ("not_received", 3, 3)
    assert await accounts.failing() == {PROVIDER: 1}

    await accounts.deliver("1499", outcome="recorded")
    await accounts.judge()
    assert len(await accounts.alarms()) == 1
    await accounts.judge(after=timedelta(minutes=5))
    [_, recovered] = await accounts.alarms()
    assert (recovered.failing_since, recovered.missed) == (failing.since, 3)
    assert (await accounts.failing(), await accounts.findings()) == ({}, 0)
    await accounts.judge()
    assert len(await accounts.alarms()) == 2
    lines = logged("webhooks_failing", "webhooks_recovered")
    assert [(line["event"], line["merchant"], line["level"]) for line in lines] == [
        ("webhooks_failing", "padaria", "warning"),
        ("webhooks_recovered", "padaria", "warning"),
    ]


async def test_unreadable_merchant_does_not_block_the_alarms_of_others(accounts: Accounts, logged):
    await accounts.found(3, merchant="mercado")
    await accounts.found(3, merchant="padaria")
    # `mercado` comes first. A newer version has recorded this event, and the operator went back to the older one.
    await accounts.pool.execute(
        "UPDATE stored_events SET topic = 'MerchantTeleported.v1' WHERE originator_id = $1 AND originator_version = 2",
        merchant_domain.stream_id("mercado"),
    )
    await accounts.judge(after=PAST_GRACE)
    assert len(await accounts.alarms()) == 1
    [line] = logged("webhooks_not_judged")
    assert (line["merchant"], line["reason"]) == ("mercado", "unreadable_event")


async def test_account_whose_many_losses_are_long_over_is_not_judged(accounts: Accounts):
    """A large shop loses some webhooks each week; reading its stream every 15 seconds would find nothing new."""
    for _ in range(10):
        await accounts.found()
        for nth in range(2):
            await accounts.deliver(f"9{nth}", outcome="recorded")
    await accounts.judge(after=PAST_GRACE)
    assert await accounts.findings() == 10
    assert await accounts.hub.webhook_health.suspects() == []


async def test_webhook_within_the_grace_time_is_not_missed(accounts: Accounts):
    for resource_id in await accounts.found(3):
        await accounts.deliver(resource_id)
    await accounts.judge(after=PAST_GRACE)
    assert (await accounts.alarms(), await accounts.findings()) == ([], 0)
    row = await accounts.pool.fetchrow("SELECT verified, brought FROM webhook_health WHERE merchant = 'padaria'")
    assert tuple(row) == (3, 3)


async def test_stored_webhook_whose_question_waits_is_not_missed(accounts: Accounts):
    await accounts.deliver("141", outcome="")
    await accounts.found()
    await accounts.judge(after=PAST_GRACE)
    assert await accounts.findings() == 0


async def test_refused_signatures_of_missed_changes_are_the_reason(accounts: Accounts):
    for resource_id in await accounts.found(3):
        await accounts.deliver(resource_id, verdict="mismatched")
    await accounts.judge(after=PAST_GRACE)
    [failing] = await accounts.alarms()
    assert failing.reason == "signature_mismatched"


async def test_strangers_deliveries_begin_no_alarm(accounts: Accounts):
    for nth in range(30):
        await accounts.deliver(f"9{nth}", verdict="mismatched")
    # A stranger names payments that exist; their own webhooks arrive as well.
    for resource_id in await accounts.found(3):
        await accounts.deliver(resource_id, verdict="missing")
        await accounts.deliver(resource_id)
    await accounts.judge(after=PAST_GRACE)
    assert (await accounts.alarms(), await accounts.findings()) == ([], 0)


async def test_another_merchants_deliveries_hide_no_missed_change(accounts: Accounts):
    for resource_id in await accounts.found(3):
        await accounts.deliver(resource_id, merchant="mercado")
    await accounts.judge(after=PAST_GRACE)
    assert (len(await accounts.alarms()), await accounts.alarms("mercado")) == (1, [])


async def test_webhooks_of_a_shared_account_count_for_each_merchant(accounts: Accounts):
    await disconnect_provider(accounts.hub, "mercado", PROVIDER, cause=CAUSE)
    await connect(accounts, "mercado", account_id="padaria")
    for resource_id in await accounts.found(3):
        await accounts.deliver(resource_id, merchant="mercado")
    await accounts.judge(after=PAST_GRACE)
    assert await accounts.alarms() == []


async def test_repeated_deliveries_and_marks_count_once(accounts: Accounts):
    delivery_id = uuid4()
    delivery = Delivery(
        delivery_id=delivery_id,
        merchant="padaria",
        provider=PROVIDER,
        kind="payment",
        resource_id="1",
        verdict="verified",
        raw=b"{}",
        correlation_id="test",
        received_at=accounts.now(),
    )
    for _ in range(2):
        await accounts.hub.inbox.store(delivery)
        await accounts.hub.inbox.mark_handled(delivery_id, at=accounts.now(), outcome="recorded")
    row = await accounts.pool.fetchrow("SELECT verified, brought, verified_at FROM webhook_health")
    assert tuple(row) == (1, 1, delivery.received_at)


async def test_two_monitors_record_one_alarm(accounts: Accounts):
    await accounts.found(3)
    accounts.ahead += PAST_GRACE
    await asyncio.gather(*(accounts.judge() for _ in range(4)))
    await accounts.judge()
    assert len(await accounts.alarms()) == 1


async def test_endless_missed_changes_are_bounded(accounts: Accounts, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extrato.store.webhook_health.MOST_KEPT", 5)
    for _ in range(8):
        await accounts.found()
        accounts.ahead += timedelta(seconds=1)
    await accounts.judge(after=PAST_GRACE)
    assert (await accounts.findings(), (await accounts.alarms())[0].missed) == (5, 5)


async def test_two_sweeps_note_one_change_once(accounts: Accounts):
    finding = Finding(payment_id=1, changed_at=accounts.now(), resource_ids=("141",))
    for _ in range(2):
        await accounts.hub.webhook_health.note("padaria", PROVIDER, [finding], at=accounts.now())
    assert await accounts.findings() == 1


async def test_monitor_killed_after_the_event_repairs_the_table(accounts: Accounts):
    await accounts.found(3)
    await accounts.judge(after=PAST_GRACE)
    # As if the process had ended between the append and the update.
    await accounts.pool.execute("UPDATE webhook_health SET failing_since = NULL")
    await accounts.judge()
    [failing] = await accounts.alarms()
    assert await accounts.pool.fetchval("SELECT failing_since FROM webhook_health") == failing.since


async def test_log_that_lost_the_alarm_records_it_again(accounts: Accounts):
    before = await accounts.hub.log.read_stream(merchant_domain.stream_id("padaria"))
    await accounts.found(3)
    await accounts.judge(after=PAST_GRACE)
    command, noted_since = await accounts.hub.webhook_health.evidence("padaria", PROVIDER, now=accounts.now())
    # The table says that webhooks fail, and the restored log does not.
    assert noted_since is not None
    state = merchant_domain.decider("padaria").fold(envelope.event for envelope in before)
    assert merchant_domain.decide(command, state) == await accounts.alarms()


async def test_failing_accounts_are_counted_among_those_with_webhooks(accounts: Accounts):
    assert await accounts.judged_of_all() == []
    await accounts.deliver("1", merchant="mercado")
    assert await accounts.judged_of_all() == [(0, 1)]
    await accounts.found(3)
    await accounts.judge(after=PAST_GRACE)
    assert await accounts.judged_of_all() == [(1, 2)]
    # Webhooks of more than a week ago prove nothing.
    assert await accounts.judged_of_all(later=timedelta(days=8)) == [(1, 1)]


async def test_findings_of_a_lost_merchant_are_forgotten(accounts: Accounts):
    await accounts.found(3, merchant="lost")
    await accounts.judge(after=PAST_GRACE)
    assert (await accounts.findings(), await accounts.failing()) == (0, {})


async def test_clock_that_goes_back_neither_alarms_nor_blocks(accounts: Accounts):
    accounts.ahead = timedelta(hours=1)
    await accounts.found(3)
    accounts.ahead = timedelta(0)
    await accounts.judge()
    assert (await accounts.findings(), await accounts.alarms()) == (0, [])
    await accounts.found(3)
    await accounts.judge(after=PAST_GRACE)
    assert len(await accounts.alarms()) == 1


async def test_reconnected_account_starts_without_an_alarm(accounts: Accounts):
    await accounts.found(3)
    await accounts.judge(after=PAST_GRACE)
    await disconnect_provider(accounts.hub, "padaria", PROVIDER, cause=CAUSE)
    await accounts.judge()
    assert (await accounts.failing(), await accounts.findings()) == ({}, 0)
    await connect(accounts, "padaria", account_id="another")
    await accounts.judge()
    assert len(await accounts.alarms()) == 1
    assert (await accounts.hub.merchants.get("padaria")).webhooks == {}


async def test_providers_of_one_merchant_are_judged_apart(accounts: Accounts):
    await accounts.found(3, provider="another")
    await accounts.found(2)
    await accounts.judge(after=PAST_GRACE)
    assert await accounts.alarms() == []
    await accounts.found()
    await accounts.judge(after=PAST_GRACE)
    assert [event.provider for event in await accounts.alarms()] == [PROVIDER]


async def test_sweep_notes_the_change_that_it_found(world: World, clock):
    loaded = await world.open()
    paid = await world.sandbox.pay(loaded)
    await world.sweeps().run_once(FAST, "padaria.mercado_pago")
    row = await world.pool.fetchrow("SELECT merchant, provider, payment_id, resource_ids FROM webhook_findings")
    assert tuple(row)[:3] == ("padaria", PROVIDER, loaded.payment_id)
    assert str(paid["id"]) in row["resource_ids"]
    # After an outage of the hub, an old change proves nothing about webhooks.
    late = await world.open()
    await world.sandbox.pay(late)
    clock.ahead = timedelta(minutes=11)
    await world.sweeps().run_once("slow", "padaria.mercado_pago")
    assert await world.status(late) == "approved"
    assert await world.pool.fetchval("SELECT count(*) FROM webhook_findings") == 1


async def test_finding_that_cannot_be_noted_does_not_fail_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch, logged
):
    async def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(world.hub.webhook_health, "note", refuse)
    loaded = await world.open()
    await world.sandbox.pay(loaded)
    await world.sweeps().run_once(FAST, "padaria.mercado_pago")
    assert (await load_payment(world.hub, loaded.payment_id)).payment.status == "approved"
    assert len(logged("findings_not_noted")) == 1
