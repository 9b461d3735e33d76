"""Whole monitors on real timers: what is paid is found, by whichever of them is alive."""

from __future__ import annotations

import asyncio
import shutil
import time

from contracts.events import StatusChanged
from tests.integration.monitor.conftest import World, until

FOUND_WITHIN_S = 6.0


async def test_a_payment_is_found_within_six_seconds_without_any_webhook(world: World):
    await world.monitor()
    payment = await world.open()
    await asyncio.sleep(1.5)
    await world.sandbox.pay(payment)
    took_s = await world.has_status(payment, "approved")
    assert took_s < FOUND_WITHIN_S
    (changed,) = await world.events(payment, StatusChanged)
    assert changed.cause.actor == "sweep"


async def test_a_watch_is_swept_a_second_after_it_began(world: World):
    await world.monitor()
    await world.sandbox.asked()
    await world.open()

    async def is_asked() -> bool:
        return await world.sandbox.asked() > 0

    assert await until(is_asked, "the account was swept") < 1.5


async def test_two_monitors_share_the_accounts_and_ask_no_account_twice(world: World):
    await asyncio.gather(world.monitor(), world.monitor())
    for slug in ("padaria", "mercado", "loja"):
        await world.open(slug)
    await asyncio.sleep(2.0)
    before, began = await world.sandbox.asked(), time.monotonic()
    await asyncio.sleep(10.0)
    asked = await world.sandbox.asked() - before
    assert asked / 3 <= (time.monotonic() - began) / 5 + 1
    assert asked / 3 >= 1


async def test_a_slow_account_delays_no_other(world: World):
    await world.monitor()
    slow, quick = await world.open("padaria"), await world.open("mercado")
    provider = world.hub.providers["mercado_pago"]
    ask = provider.observe_changes

    async def observe_changes(*, credential, **span):
        if credential.access_token == "APP_USR-padaria":
            await asyncio.sleep(60)
        return await ask(credential=credential, **span)

    provider.observe_changes = observe_changes  # type: ignore[method-assign]
    await world.sandbox.pay(slow)
    await world.sandbox.pay(quick)
    assert await world.has_status(quick, "approved") < FOUND_WITHIN_S


async def test_timers_heal_when_everything_in_nats_is_lost(world: World):
    await world.monitor()
    payment = await world.open()
    await world.nats.stop()
    folder = world.nats._folder / "jetstream"
    assert folder.is_dir()
    shutil.rmtree(folder)
    await world.nats.start()
    await world.sandbox.pay(payment)
    assert await world.has_status(payment, "approved", within_s=20) < FOUND_WITHIN_S


async def test_timers_heal_when_their_stream_is_deleted(world: World):
    await world.monitor()
    payment = await world.open()
    import nats

    client = await nats.connect(world.nats.url)
    await client.jetstream().delete_stream("SWEEPS")
    await client.close()
    await world.sandbox.pay(payment)
    assert await world.has_status(payment, "approved", within_s=20) < FOUND_WITHIN_S


async def test_a_nats_that_is_away_for_a_while_stops_nothing_for_good(world: World):
    await world.monitor()
    payment = await world.open()
    await world.nats.stop()
    await world.sandbox.pay(payment)
    await asyncio.sleep(1.0)
    await world.nats.start()
    await world.has_status(payment, "approved", within_s=12)


async def test_an_account_comes_back_when_a_watch_begins_after_its_timer_ended(world: World):
    await world.monitor()
    for _ in range(2):
        payment = await world.open()
        await world.sandbox.pay(payment)
        await world.has_status(payment, "approved")
        await asyncio.sleep(0.3)
