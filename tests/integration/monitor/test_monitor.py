"""Whole monitors on real timers: any running monitor finds the payments."""

from __future__ import annotations

import asyncio
import shutil
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import nats

from contracts.events import PaymentExpired, StatusChanged
from extrato.bus.connection import connect
from extrato.bus.timers import Timers
from extrato.domain import merchant as merchant_domain
from extrato.domain.sweep_lanes import FAST
from extrato.settings import Keep
from extrato.use_cases.change_merchant import change_merchant
from services.monitor.app import Monitor
from services.monitor.schedule import INTERVAL_S, End
from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import CAUSE, World
from tests.pace import allowed, until

if TYPE_CHECKING:
    import pytest

    from extrato.use_cases.payments import LoadedPayment

FOUND_WITHIN_S = allowed(6)


@claim("monitor.approves")
async def test_payment_is_found_within_six_seconds_without_webhook(world: World):
    await world.monitor()
    payment = await world.open()
    await world.wait_for_searches(1)
    await world.sandbox.pay(payment)
    took_s = await world.wait_for_status(payment, "approved")
    assert took_s < FOUND_WITHIN_S
    (changed,) = await world.events(payment, StatusChanged)
    assert changed.cause.actor == "sweep"


async def test_watch_is_swept_within_a_second(world: World):
    await world.monitor()
    await world.open()
    assert await world.wait_for_searches(1) < allowed(1.5)


async def test_two_monitors_never_search_an_account_twice(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(INTERVAL_S, FAST, 1.0)
    await asyncio.gather(world.monitor(), world.monitor())
    for slug in ("padaria", "mercado", "loja"):
        await world.open(slug)
    await world.wait_for_searches(3)
    before, began = await world.sandbox.request_count(), time.monotonic()
    await world.wait_for_searches(before + 12)
    # Three accounts with one search a second; one more of each may fall at the start and at the end.
    assert await world.sandbox.request_count() - before <= 3 * (time.monotonic() - began + 1.34)


async def test_slow_account_delays_no_other(world: World):
    await world.monitor()
    slow, quick = await world.open("padaria"), await world.open("mercado")
    provider = world.hub.providers.remote["mercado_pago"]
    ask = provider.observe_changes

    async def observe_changes(*, credential, **span):
        if credential.access_token == "APP_USR-padaria":
            await asyncio.Event().wait()
        return await ask(credential=credential, **span)

    provider.observe_changes = observe_changes  # type: ignore[method-assign]
    await world.sandbox.pay(slow)
    await world.sandbox.pay(quick)
    assert await world.wait_for_status(quick, "approved") < FOUND_WITHIN_S


async def a_direct_pix(world: World, *, lifetime: timedelta) -> LoadedPayment:
    """Open a Pix without a remote provider."""
    set_key = merchant_domain.SetPixKey(kind="email", key="padaria@example.com")
    await change_merchant(world.hub, "padaria", [set_key], cause=CAUSE)
    return await world.open(provider="pix", method="pix", lifetime=lifetime)


async def test_slow_providers_do_not_delay_expiry(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.monitor.dispatch.MAX_CONCURRENT", 2)
    payments = [await world.open(slug) for slug in ("padaria", "mercado", "loja")]
    short = await a_direct_pix(world, lifetime=timedelta(seconds=1))
    await world.sandbox.faults(latency_ms=60_000)
    await world.monitor()

    async def is_expired() -> bool:
        return bool(await world.events(short, PaymentExpired))

    await until(is_expired, "the payment is expired")
    assert {await world.status(payment) for payment in payments} == {"pending"}


async def test_timers_recover_after_nats_lost_its_data(world: World):
    await world.monitor()
    payment = await world.open()
    await world.wait_for_searches(1)
    await world.nats.stop()
    folder = world.nats._folder / "jetstream"
    assert folder.is_dir()
    shutil.rmtree(folder)
    await world.nats.start()
    await world.sandbox.pay(payment)
    assert await world.wait_for_status(payment, "approved", within_s=20) < FOUND_WITHIN_S


async def test_timers_recover_after_their_stream_is_deleted(world: World):
    await world.monitor()
    payment = await world.open()
    await world.wait_for_searches(1)
    client = await nats.connect(world.nats.url)
    await client.jetstream().delete_stream("SWEEPS")
    await client.close()
    await world.sandbox.pay(payment)
    assert await world.wait_for_status(payment, "approved", within_s=20) < FOUND_WITHIN_S


async def test_monitor_recovers_from_nats_outage(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(INTERVAL_S, FAST, 2.0)
    await world.monitor()
    payment = await world.open()
    await world.wait_for_searches(1)
    await world.nats.stop()
    await world.sandbox.pay(payment)
    # Long enough for several failed attempts to connect.
    await asyncio.sleep(1.0)
    await world.nats.start()
    await world.wait_for_status(payment, "approved", within_s=12)


async def test_timer_ended_at_start_of_a_watch_is_set_again(world: World):
    bus = await connect(world.nats.url, name="test")
    try:
        monitor, timers = (
            Monitor(hub=world.hub, pool=world.pool, bus=bus, resume_after=world.resume_after, keep=Keep()),
            Timers(bus),
        )
        await timers.ensure(FAST, "padaria.mercado_pago")
        (timer,) = await timers.take(10)
        # The monitor decided to end the timer before this watch began.
        await world.open()
        await monitor.dispatcher._conclude(timer, End())
        (again,) = await timers.take(10)
        assert (again.lane, again.account) == (FAST, "padaria.mercado_pago")
        await timers.close()
    finally:
        await bus.close()
