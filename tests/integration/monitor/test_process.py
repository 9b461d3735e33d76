"""The process `python -m services.monitor`: start, end and kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import CODE
from tests.pace import allowed, running_s, until, within

if TYPE_CHECKING:
    from tests.integration.monitor.conftest import World

CYCLE_S = 5.0
COMES_BACK_AFTER_S = 4.0


async def test_monitor_stops_within_two_seconds(world: World):
    process = await world.monitor_process()
    await world.open()
    await world.sandbox.faults(latency_ms=20_000)

    async def is_asking() -> bool:
        return await world.sandbox.request_count() > 0

    await until(is_asking, "a sweep waits for the provider")
    ready = world.settings.home / "monitor-0.ready"
    assert ready.exists()
    began = running_s()
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()
    assert (process.returncode, running_s() - began < allowed(2)) == (0, True), said
    assert b"Traceback" not in said
    assert not ready.exists()


async def test_monitor_stops_in_time_without_nats(world: World):
    process = await world.monitor_process()
    await world.nats.stop()
    began = running_s()
    process.send_signal(signal.SIGTERM)
    _, said = await process.communicate()
    assert (process.returncode, running_s() - began < allowed(2)) == (0, True), said
    await world.nats.start()


@claim("monitor.process")
async def test_second_monitor_takes_over_watches_of_a_killed_one(world: World):
    victim, _ = await world.monitor_process(), await world.monitor_process()
    payments = [await world.open(slug) for slug in ("padaria", "mercado", "loja")]
    await world.wait_for_searches(3)
    victim.kill()
    await victim.wait()
    for payment in payments:
        await world.sandbox.pay(payment)
    began = running_s()
    for payment in payments:
        await world.wait_for_status(payment, "approved", within_s=CYCLE_S + COMES_BACK_AFTER_S + 1)
    assert running_s() - began < allowed(CYCLE_S + COMES_BACK_AFTER_S)


@claim("list-monitors.answer", "monitor.process")
async def test_new_monitor_takes_over_watches_of_a_killed_one(world: World):
    victim = await world.monitor_process()
    payment = await world.open()
    await world.wait_for_searches(1)
    victim.kill()
    await victim.wait()
    await world.sandbox.pay(payment)
    await world.monitor_process()
    await world.wait_for_status(payment, "approved", within_s=CYCLE_S + COMES_BACK_AFTER_S)


async def test_monitor_without_database_prints_one_sentence(world: World):
    process = await world.spawn(world.settings.home / "never", EXTRATO_DATABASE_URL="")
    _, said = await process.communicate()
    assert (process.returncode, said) == (1, b"monitor: EXTRATO_DATABASE_URL must be the address of PostgreSQL.\n")


async def test_failed_part_ends_the_monitor(world: World):
    program = """
import sys
from extrato.process import run_role
from services.monitor.app import serve
from services.monitor.reconcile import Reconciler

async def die(self):
    raise RuntimeError("an unexpected error")

Reconciler.reconcile = die
sys.exit(run_role("monitor", serve))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        cwd=CODE,
        stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "EXTRATO_DATABASE_URL": world.settings.database_url,
            "EXTRATO_NATS_URL": world.settings.nats_url,
            "EXTRATO_HOME": str(world.settings.home),
        },
    )
    world.processes.append(process)
    async with within(10):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"an unexpected error" in said
