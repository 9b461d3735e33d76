"""Sweeps without timers: requests to the provider, recorded events, and the time of the next sweep."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from datetime import timedelta
from types import SimpleNamespace

import msgspec
import nats
import pytest

from contracts.events import ObservationRecorded, StatusChanged
from contracts.subjects import CHECKS_STREAM
from contracts.telemetry import SweepCompleted
from extrato.domain.sweep_lanes import FAST, SLOW
from extrato.errors import StoreUnavailable
from extrato.providers.port import Providers
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.use_cases.start_watch import start_watch
from services.monitor.cursors import Cursors
from services.monitor.schedule import Again, Cursor, End
from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import CAUSE, World

PADARIA = "padaria.mercado_pago"


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the NATS server that all tests share is enough."""
    return SimpleNamespace(url=nats_url)


@claim("monitor.asks")
async def test_one_search_finds_every_payment_of_the_account(world: World):
    payments = [await world.open() for _ in range(7)]
    for payment in payments:
        await world.sandbox.pay(payment)
    assert isinstance(await world.sweeps().run_once(FAST, PADARIA), Again)
    assert [await world.status(payment) for payment in payments] == ["approved"] * 7
    assert await world.sandbox.request_count() == 1


async def test_events_of_one_sweep_have_one_cause(world: World):
    first, second = await world.open(), await world.open()
    await world.sandbox.pay(first)
    await world.sandbox.pay(second)
    await world.sweeps().run_once(FAST, PADARIA)
    causes = [(await world.events(payment, StatusChanged))[0].cause for payment in (first, second)]
    assert causes[0] == causes[1]
    assert causes[0].actor == "sweep"


async def test_sweep_ignores_payments_of_other_merchants(world: World):
    # A payment in the account of padaria carries the reference of a payment of mercado.
    theirs = await world.open("mercado")
    await world.open("padaria")
    reference = theirs.payment.intent.external_reference
    order = {
        "transaction_amount": 35,
        "payment_method_id": "pix",
        "payer": {"email": "ana@example.com"},
        "external_reference": reference,
    }
    headers = {"Authorization": "Bearer APP_USR-padaria", "X-Idempotency-Key": "1"}
    async with world.sandbox.session.post(f"{world.sandbox.url}/v1/payments", json=order, headers=headers) as response:
        forged = await response.json()
    await world.sandbox.control("POST", "pay", {"payment_id": forged["id"], "outcome": "approved"})
    await world.sweeps().run_once(FAST, PADARIA)
    assert await world.status(theirs) == "pending"
    assert len(await world.events(theirs)) == 3


async def test_sweep_reads_many_changes_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extrato.providers.mercado_pago.adapter.SEARCH_LIMIT", 5)
    payments = [await world.open() for _ in range(23)]
    await asyncio.gather(*(world.sandbox.pay(payment) for payment in payments))
    await world.sweeps().run_once(FAST, PADARIA)
    assert {await world.status(payment) for payment in payments} == {"approved"}


async def test_next_sweep_continues_after_page_limit(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extrato.providers.mercado_pago.adapter.SEARCH_LIMIT", 2)
    monkeypatch.setattr("services.monitor.schedule.PAGES_PER_SWEEP", 2)
    payments = [await world.open() for _ in range(8)]
    for payment in payments:
        await world.sandbox.pay(payment)
    sweeps = world.sweeps()
    sweeps_run = 0
    while True:
        sweeps_run += 1
        decision = await sweeps.run_once(FAST, PADARIA)
        assert await world.sandbox.request_count() <= 2 * sweeps_run
        # The sweep that reads the last page asks for a pause.
        if decision != Again(0.0):
            break
    assert {await world.status(payment) for payment in payments} == {"approved"}
    assert 3 <= sweeps_run <= 5


async def test_recorded_change_is_not_loaded_again(world: World, monkeypatch: pytest.MonkeyPatch):
    payment, other = await world.open(), await world.open()
    await world.sandbox.pay(payment)
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, PADARIA)
    head = await world.hub.log.head()
    # A call would raise an error.
    monkeypatch.setattr("services.monitor.sweep.record_observations", None)
    decision = await sweeps.run_once(FAST, PADARIA)
    assert isinstance(decision, Again)
    assert await world.hub.log.head() == head
    assert await world.status(other) == "pending"


async def test_account_without_watch_leaves_fast_lane(world: World):
    assert await world.sweeps().run_once(FAST, PADARIA) == End()
    payment = await world.open()
    await world.sandbox.pay(payment)
    await world.sweeps().run_once(FAST, PADARIA)
    await world.wait_until_projected(payment.payment_id)
    assert await world.sweeps().run_once(FAST, PADARIA) == End()
    assert await world.sweeps().run_once(SLOW, PADARIA) == End()


@claim("monitor.ten-minutes")
async def test_watch_ends_after_ten_minutes_and_slow_lane_continues(world: World, clock, logged):
    clock.stop()
    payment = await world.open()
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, PADARIA)
    clock.ahead = timedelta(minutes=9, seconds=59)
    assert isinstance(await sweeps.run_once(FAST, PADARIA), Again)
    clock.ahead = timedelta(minutes=10, seconds=1)
    assert await sweeps.run_once(FAST, PADARIA) == End()
    (finished,) = logged("watch_finished")
    assert (finished["payment_id"], finished["reason"]) == (payment.payment_id, "time")
    await world.sandbox.pay(payment)
    assert isinstance(await sweeps.run_once(SLOW, PADARIA), Again)
    assert await world.status(payment) == "approved"


async def test_restarted_watch_returns_account_to_fast_lane(world: World, clock):
    payment = await world.open()
    clock.ahead = timedelta(minutes=11)
    sweeps = world.sweeps()
    assert await sweeps.run_once(FAST, PADARIA) == End()
    await start_watch(world.hub, payment.payment_id, cause=CAUSE)
    await world.wait_until_projected(payment.payment_id)
    assert isinstance(await sweeps.run_once(FAST, PADARIA), Again)


@claim("log-lines.started", "log-lines.check", "log-lines.changed", "log-lines.stops", "log-lines.finished")
async def test_log_lines_follow_a_watch(world: World, clock, logged):
    payment = await world.open()
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, PADARIA)
    clock.ahead = timedelta(seconds=5)
    await sweeps.run_once(FAST, PADARIA)
    await world.sandbox.pay(payment)
    clock.ahead = timedelta(seconds=10)
    await sweeps.run_once(FAST, PADARIA)
    story = logged("watch_started", "watch_check", "status_changed", "watch_stops", "watch_finished")
    assert {fact["payment_id"] for fact in story} == {payment.payment_id}
    assert [(fact["level"], fact["event"], _detail(fact)) for fact in story] == [
        ("info", "watch_started", None),
        ("debug", "watch_check", 1),
        ("debug", "watch_check", 2),
        ("debug", "watch_check", 3),
        ("info", "status_changed", ("pending", "approved")),
        ("info", "watch_stops", "approved"),
        ("info", "watch_finished", 3),
    ]


def _detail(fact):
    match fact["event"]:
        case "watch_check":
            return fact["number"]
        case "status_changed":
            return fact["previous"], fact["status"]
        case "watch_stops":
            return fact["final_status"]
        case "watch_finished":
            return fact["checks"]
    return None


@claim("log-lines.stops")
async def test_log_shows_watch_ended_by_another_process(world: World, logged):
    payment = await world.open()
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, PADARIA)
    await world.sandbox.pay(payment)
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)
    await world.wait_until_projected(payment.payment_id)
    assert await sweeps.run_once(FAST, PADARIA) == End()
    (stopped,) = logged("watch_stops")
    assert stopped["final_status"] == "approved"


async def test_every_sweep_publishes_telemetry(world: World):
    payment = await world.open()
    await world.sandbox.pay(payment)
    await world.sweeps().run_once(FAST, PADARIA)
    client = await nats.connect(world.nats.url)
    try:
        message = await client.jetstream().get_msg(CHECKS_STREAM, subject="checks.padaria", direct=False)
        fact = msgspec.json.decode(message.data, type=SweepCompleted)
    finally:
        await client.close()
    assert (fact.account, fact.lane, fact.watched, fact.seen, fact.changed) == (PADARIA, "fast", 1, 1, 1)


async def test_change_that_the_search_lists_late_is_found(world: World, clock):
    payment = await world.open()
    sweeps = world.sweeps()
    await sweeps.run_once(FAST, PADARIA)
    await world.sandbox.faults(search_lag_ms=600_000)
    await world.sandbox.pay(payment)
    for minutes in (1, 2, 3, 4):
        clock.ahead = timedelta(minutes=minutes)
        await sweeps.run_once(FAST, PADARIA)
    assert await world.status(payment) == "pending"
    # From here on the search lists the change, which is older than the two minutes by which sweeps overlap.
    await world.sandbox.faults(search_lag_ms=0)
    clock.ahead = timedelta(minutes=5)
    await sweeps.run_once(FAST, PADARIA)
    assert await world.status(payment) == "approved"


async def test_known_attempt_is_read_by_id_while_search_lags(world: World):
    payment = await world.open()
    sweeps = world.sweeps()
    await world.sandbox.pay(payment, "pending")
    await sweeps.run_once(FAST, PADARIA)
    await world.wait_until_projected(payment.payment_id)
    await world.sandbox.faults(search_lag_ms=600_000)
    await world.sandbox.pay(payment, "approved")
    await sweeps.run_once(FAST, PADARIA)
    assert await world.status(payment) == "approved"
    (recorded,) = [
        envelope for envelope in await world.events(payment, ObservationRecorded) if envelope.event.status == "approved"
    ]
    assert recorded.cause.actor == "sweep"


@claim("monitor.asks")
async def test_throttled_account_pauses_for_retry_after(world: World, clock, monkeypatch):
    began_s = time.monotonic()
    shifted_time = SimpleNamespace(monotonic=lambda: began_s + clock.ahead.total_seconds())
    monkeypatch.setattr("extrato.providers.cooldowns.time", shifted_time)
    await world.open()
    sweeps = world.sweeps()
    # One request in 20 s.
    await world.sandbox.faults(rate_limit_per_s=0.05)
    await sweeps.run_once(FAST, PADARIA)
    throttled = await sweeps.run_once(FAST, PADARIA)
    assert isinstance(throttled, Again)
    assert throttled.delay_s >= 15
    requests = await world.sandbox.request_count()
    for _ in range(3):
        assert isinstance(await sweeps.run_once(FAST, PADARIA), Again)
    assert await world.sandbox.request_count() == requests
    clock.ahead = timedelta(seconds=throttled.delay_s + 1)
    await world.sandbox.faults(rate_limit_per_s=0)
    await sweeps.run_once(FAST, PADARIA)
    assert await world.sandbox.request_count() == requests + 1


async def test_failing_provider_is_retried_with_growing_pauses(world: World, clock, monkeypatch: pytest.MonkeyPatch):
    clock.stop()
    monkeypatch.setattr("extrato.providers.mercado_pago.client.RETRY_WAIT_S", 0.01)
    payment = await world.open()
    sweeps = world.sweeps()
    await world.sandbox.pay(payment)
    await world.sandbox.faults(error_rate=1)
    pauses = []
    for _ in range(5):
        decision = await sweeps.run_once(FAST, PADARIA)
        assert isinstance(decision, Again)
        pauses.append(decision.delay_s)
        clock.ahead += timedelta(seconds=decision.delay_s)
    assert pauses == pytest.approx([5, 10, 20, 40, 60], abs=0.1)
    await world.sandbox.faults(error_rate=0)
    assert await sweeps.run_once(FAST, PADARIA) == Again(pytest.approx(5, abs=1))
    assert await world.status(payment) == "approved"


async def test_merchant_without_credential_is_paused(world: World):
    await world.open()
    await world.pool.execute("DELETE FROM credentials WHERE merchant = 'padaria'")
    # The vault keeps credentials in memory.
    world.hub.vault._remembered.clear()
    assert await world.sweeps().run_once(FAST, PADARIA) == Again(pytest.approx(5))
    assert await world.sandbox.request_count() == 0


async def test_another_process_continues_from_the_cursor(world: World, clock):
    await world.open()
    payment = await world.open()
    await world.sweeps().run_once(FAST, PADARIA)
    before = await world.pool.fetchrow("SELECT * FROM sweep_cursors WHERE account = $1", PADARIA)
    await world.sandbox.pay(payment)
    clock.ahead = timedelta(seconds=30)
    await world.sweeps().run_once(FAST, PADARIA)
    after = await world.pool.fetchrow("SELECT * FROM sweep_cursors WHERE account = $1", PADARIA)
    assert await world.status(payment) == "approved"
    assert after["high_water"] > before["high_water"]


async def test_cursor_has_the_head_of_the_log_at_the_last_two_sweeps(world: World, clock):
    async def cursor():
        return await world.pool.fetchrow("SELECT * FROM sweep_cursors WHERE account = $1", PADARIA)

    payment = await world.open()
    await world.sweeps().run_once(FAST, PADARIA)
    first = await cursor()
    assert first["position"] == await world.pool.fetchval("SELECT max(notification_id) FROM stored_events")
    assert (first["earlier_high_water"], first["earlier_position"]) == (None, 0)
    await world.sandbox.pay(payment)
    clock.ahead = timedelta(seconds=30)
    await world.sweeps().run_once(FAST, PADARIA)
    second = await cursor()
    assert second["position"] == await world.pool.fetchval("SELECT max(notification_id) FROM stored_events")
    assert second["position"] > first["position"]
    assert (second["earlier_high_water"], second["earlier_position"]) == (first["high_water"], first["position"])
    await Cursors(world.pool).store(PADARIA, Cursor(high_water=first["high_water"], backfilled_at=first["deep_at"]))
    assert await cursor() == second


async def test_sweep_without_read_model_raises_store_unavailable(world: World):
    await world.pool.execute("ALTER TABLE open_payments RENAME TO renamed")
    with pytest.raises(StoreUnavailable):
        await world.sweeps().run_once(FAST, PADARIA)
    await world.pool.execute("ALTER TABLE renamed RENAME TO open_payments")


async def test_timer_of_unknown_provider_ends(world: World):
    await world.open()
    hub = dataclasses.replace(world.hub, providers=Providers.of(remote=[]))
    assert await world.sweeps(hub).run_once(FAST, PADARIA) == End()
