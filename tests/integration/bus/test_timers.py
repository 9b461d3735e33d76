from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import nats.errors
import pytest

from contracts.subjects import SWEEPS_STREAM
from extrato.bus import timers as timers_module
from extrato.bus.connection import NATS_ERRORS, connect
from extrato.bus.timers import ExpiredTimer, Timers
from tests.pace import allowed, running_s, until, within

if TYPE_CHECKING:
    from extrato.bus.connection import Bus
    from services.cli.embedded.nats import EmbeddedNats


async def take_one(timers: Timers, *, within_s: float = 10.0) -> ExpiredTimer:
    async with within(within_s):
        while True:
            for timer in await timers.take(1):
                return timer


async def nothing_expires(timers: Timers) -> bool:
    return await timers.take(10) == []


async def test_set_timer_expires_at_once(bus: Bus):
    timers = Timers(bus)
    await timers.ensure("fast", "padaria.mercado_pago")

    timer = await take_one(timers)

    assert (timer.lane, timer.account) == ("fast", "padaria.mercado_pago")


async def test_timer_set_twice_expires_once(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timers_module, "HOLD_S", 60.0)
    timers = Timers(bus)
    for _ in range(3):
        await timers.ensure("fast", "padaria")
    await timers.ensure("slow", "padaria")

    expired = [await take_one(timers), await take_one(timers)]
    await timers.ensure("fast", "padaria")

    assert sorted(timer.lane for timer in expired) == ["fast", "slow"]
    assert await nothing_expires(timers)


async def test_restarted_timer_expires_after_its_delay(bus: Bus):
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    timer = await take_one(timers)

    put_back_at, put_back_at_s = time.monotonic(), running_s()
    await timer.restart(0.4)
    await timers.ensure("fast", "padaria")
    again = await take_one(timers)

    assert time.monotonic() - put_back_at >= 0.39
    assert running_s() - put_back_at_s < allowed(0.9)
    assert again.account == "padaria"


async def test_removed_timer_expires_only_when_set_again(bus: Bus):
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    await (await take_one(timers)).remove()

    assert (await bus.jetstream.stream_info(SWEEPS_STREAM)).state.messages == 0

    await timers.ensure("fast", "padaria")
    assert (await take_one(timers)).account == "padaria"


async def test_timer_of_a_killed_process_expires_again(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(timers_module, "HOLD_S", 0.5)
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    await take_one(timers)

    assert (await take_one(Timers(bus))).account == "padaria"


async def test_held_timer_does_not_expire_elsewhere(bus: Bus, monkeypatch: pytest.MonkeyPatch):
    # A machine that stops for a moment does not extend the hold, and a request lasts longer than the hold.
    monkeypatch.setattr(timers_module, "HOLD_S", 3.0)
    monkeypatch.setattr(timers_module, "STILL_HOLDING_S", 0.1)
    monkeypatch.setattr(timers_module, "FETCH_TIMEOUT_S", 3.5)
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    timer = await take_one(timers)

    async with timer.held():
        assert await nothing_expires(timers)
    await timer.restart(0)

    assert (await take_one(timers)).account == "padaria"


async def test_two_processes_share_the_timers(bus: Bus, nats_server: EmbeddedNats):
    other_bus = await connect(nats_server.url, name="tests-other")
    accounts = {f"account{number}" for number in range(300)}
    taken: list[str] = []

    async def take_all(timers: Timers) -> int:
        number = 0
        while len(taken) < len(accounts):
            for timer in await timers.take(10):
                taken.append(timer.account)
                number += 1
                await timer.restart(60)
        return number

    timers = Timers(bus)
    await asyncio.gather(*(timers.ensure("fast", account) for account in accounts))
    shares = await asyncio.gather(take_all(timers), take_all(Timers(other_bus)))
    await other_bus.close()

    assert sorted(taken) == sorted(accounts)
    assert all(shares)


@pytest.mark.parametrize("damage", ["delete_consumer", "delete_stream", "kill_nats"])
async def test_timers_continue_after_a_damaged_bus(bus: Bus, nats_server: EmbeddedNats, damage: str):
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    await (await take_one(timers)).restart(0.1)
    if damage == "delete_consumer":
        await bus.jetstream.delete_consumer(SWEEPS_STREAM, timers_module.CONSUMER)
    elif damage == "delete_stream":
        await bus.jetstream.delete_stream(SWEEPS_STREAM)
    else:
        os.kill(nats_server.pid, signal.SIGKILL)
        await nats_server.stop()
        await nats_server.start()
    taken: list[ExpiredTimer] = []

    async def comes() -> bool:
        try:
            taken.extend(await timers.take(10))
            await timers.ensure("fast", "padaria")
        except NATS_ERRORS:
            return False
        return bool(taken)

    await until(comes)
    assert [timer.account for timer in taken] == ["padaria"]


async def test_take_without_expired_timers_returns_none(bus: Bus):
    timers = Timers(bus)
    assert await timers.take(5) == []
    assert await timers.take(5) == []
    assert await timers.take(1) == []


async def test_expired_timer_is_used_once(bus: Bus):
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    timer = await take_one(timers)
    await timer.restart(5)

    with pytest.raises(nats.errors.Error):
        await timer.remove()
