"""A client that the server refused or lost is replaced, and its users continue."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import nats
import nats.js.errors
import pytest

from extrato.bus import connection as connection_module
from extrato.bus.connection import NATS_ERRORS, Bus, connect
from extrato.bus.copies import open_copies
from extrato.bus.live import LiveFeed
from extrato.bus.timers import Timers
from extrato.process import CannotStart, open_bus
from extrato.settings import Settings
from tests.integration.bus.running import Keeper, consumer, relaying, running
from tests.integration.store.examples import append_to
from tests.pace import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from extrato.store.event_log import EventLog
    from services.cli.embedded.nats import EmbeddedNats

# Much sooner than two minutes, also when many workers share a core.
BY_THE_BUS_S = 5.0


def with_another_password(configuration: str) -> str:
    return configuration.replace('"password": "', '"password": "not-')


def with_no_connection_allowed(configuration: str) -> str:
    return configuration + "max_connections: -1\n"


@contextlib.asynccontextmanager
async def configured(nats_server: EmbeddedNats, home: Path, change: Callable[[str], str]) -> AsyncIterator[None]:
    """Reload the server with another configuration for the time of the context."""
    file = home / "nats" / "nats.conf"
    configuration = file.read_text()
    file.write_text(change(configuration))
    os.kill(nats_server.pid, signal.SIGHUP)
    try:
        yield
    finally:
        file.write_text(configuration)
        os.kill(nats_server.pid, signal.SIGHUP)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(connection_module, "LONGEST_PAUSE_S", 0.1)


def read_log_every(monkeypatch: pytest.MonkeyPatch, every_s: float) -> None:
    """Set how often the consumer and the feed read the log without a message or tick."""
    monkeypatch.setattr("extrato.bus.consumer.READ_LOG_EVERY_S", every_s)
    monkeypatch.setattr("extrato.bus.live.READ_LOG_EVERY_S", every_s)


@pytest.mark.parametrize("refusal", [with_another_password, with_no_connection_allowed])
async def test_every_user_of_a_bus_continues_after_a_refused_client(
    log: EventLog,
    bus: Bus,
    database_url: str,
    nats_server: EmbeddedNats,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    refusal: Callable[[str], str],
):
    read_log_every(monkeypatch, 0.1)
    keeper, timers, delivered = Keeper(), Timers(bus), list[int]()
    feed = LiveFeed(bus=bus, log=log, deliver=lambda envelope: delivered.append(envelope.position))
    await feed.start()
    await timers.ensure("fast", "padaria")
    (timer,) = await timers.take(1)
    await timer.restart(0)
    first = bus.client
    async with relaying(log, bus, database_url) as relay, running(consumer(bus, log, keeper).run(), feed.run()):
        await until(lambda: relay.is_leader)
        async with configured(nats_server, home, refusal):
            await until(lambda: first.is_closed)
            await log.append(append_to())
            # Meanwhile the event comes from the log.
            await until(lambda: keeper.kept == delivered == [1])
            read_log_every(monkeypatch, 120)
            with pytest.raises(NATS_ERRORS):
                await timers.take(1)
        await until(lambda: bus.is_connected and relay.position == 1)
        assert bus.client is not first
        await until(lambda: has_asked(bus))
        await log.append(append_to())
        await until(lambda: keeper.kept == delivered == [1, 2], within_s=BY_THE_BUS_S)
        assert [each.account for each in await timers.take(1)] == ["padaria"]


async def has_asked(bus: Bus) -> bool:
    """Return whether the consumer waits for messages."""
    with contextlib.suppress(nats.js.errors.NotFoundError):
        return bool((await bus.jetstream.consumer_info("PAYMENTS", "tests-keeper")).num_waiting)
    return False


async def test_copies_are_updated_after_the_copier_was_refused(
    bus: Bus, nats_server: EmbeddedNats, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("extrato.bus.copies.CHECK_INTERVAL_S", 0.05)
    async with (
        open_copies(
            origin_url=nats_server.url,
            copies_url=nats_server.copies_url,
            delivery_consumer=nats_server.delivery_consumer,
        ) as copies,
        running(copies.run()),
    ):
        async with configured(nats_server, home, with_another_password):
            await until(lambda: bus.client.is_closed)
        await until(lambda: bus.is_connected)
        copier = await nats.connect(nats_server.copies_url)
        await copier.jetstream().delete_stream("PAYMENTS")

        async def is_there() -> bool:
            return "PAYMENTS" in [info.config.name for info in await copier.jetstream().streams_info()]

        await until(is_there)
        await copier.close()


async def test_held_timer_is_extended_by_the_next_client(
    bus: Bus, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
):
    # A machine that stops for a moment does not extend the hold.
    monkeypatch.setattr("extrato.bus.timers.HOLD_S", 3.0)
    monkeypatch.setattr("extrato.bus.timers.STILL_HOLDING_S", 0.1)
    monkeypatch.setattr("extrato.bus.timers.FETCH_TIMEOUT_S", 3.5)
    timers = Timers(bus)
    await timers.ensure("fast", "padaria")
    (timer,) = await timers.take(1)

    async with timer.held():
        await lose_client(bus)
        # A request lasts longer than the hold of a timer.
        assert await Timers(bus).take(1) == []


async def test_consumer_reads_the_log_while_the_bus_is_silent(
    log: EventLog, bus: Bus, nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
):
    read_log_every(monkeypatch, 0.1)
    keeper = Keeper()
    os.kill(nats_server.pid, signal.SIGSTOP)
    try:
        async with running(consumer(bus, log, keeper).run()):
            for number in (1, 2, 3):
                await log.append(append_to())
                await until(lambda number=number: keeper.position == number)
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)


async def test_bus_reconnects_after_a_silent_server(nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection_module, "PING_INTERVAL_S", 0.05)
    monkeypatch.setattr(connection_module, "CONNECT_TIMEOUT_S", 0.2)
    bus = await connect(nats_server.url, name="tests")
    first = bus.client
    os.kill(nats_server.pid, signal.SIGSTOP)
    try:
        await until(lambda: first.is_closed)
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)
    await until(lambda: bus.is_connected)
    await bus.close()


async def test_reconnect_pauses_grow_until_a_connection_lasts(
    nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        pauses.append((least, most))
        return 0.0

    monkeypatch.setattr("extrato.backoff.random.uniform", uniform)
    bus = await connect(nats_server.url, name="tests")
    await nats_server.stop()
    await until(lambda: len(pauses) >= 5)
    await nats_server.start()
    await until(lambda: bus.is_connected)
    assert pauses[:5] == [(0.01, 0.02), (0.02, 0.04), (0.04, 0.08), (0.05, 0.1), (0.05, 0.1)]

    # The pauses grow also for a server that accepts every connection and closes it again.
    del pauses[:]
    monkeypatch.setattr(connection_module, "LONGEST_PAUSE_S", 60.0)
    await lose_client(bus)
    await lose_client(bus)
    assert pauses == [(0.05, 0.1), (0.05, 0.1)]

    monkeypatch.setattr(connection_module, "LONGEST_PAUSE_S", 0.0)
    await lose_client(bus)
    assert pauses[2:] == [(0.01, 0.02)]
    await bus.close()


async def lose_client(bus: Bus) -> None:
    lost = bus.client
    await lost.close()
    await until(lambda: bus.client is not lost)


async def test_listener_without_a_client_is_subscribed_by_the_next(bus: Bus, nats_server: EmbeddedNats):
    heard: list[bytes] = []

    async def hear(message: nats.aio.msg.Msg) -> None:
        heard.append(message.data)

    await nats_server.stop()
    await until(lambda: not bus.is_connected)
    await bus.listen("tests.one", hear)
    await nats_server.start()
    await bus.until_connected()
    await bus.client.publish("tests.one", b"body")
    await until(lambda: heard == [b"body"])


@pytest.mark.parametrize("is_away", [False, True])
async def test_closed_bus_creates_no_client(nats_server: EmbeddedNats, *, is_away: bool):
    before = asyncio.all_tasks()
    bus = await connect(nats_server.url, name="tests")
    if is_away:
        await nats_server.stop()
        await until(lambda: not bus.is_connected)
    await bus.close()
    assert bus.client.is_closed
    await until(lambda: asyncio.all_tasks() <= before)


async def test_start_fails_at_once_with_a_wrong_password(nats_server: EmbeddedNats):
    url = nats_server.url.replace("nats://extrato:", "nats://extrato:not-")
    assert await refusal(url) == "NATS refuses: authorization violation."


async def test_start_fails_at_once_without_room_for_the_streams(
    nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
):
    await nats_server.stop()
    monkeypatch.setattr("services.cli.embedded.nats._disk_bytes", lambda _: 1_000_000)
    await nats_server.start()
    assert await refusal(nats_server.url) == (
        "NATS cannot reserve the storage of the hub's streams: insufficient storage resources available."
    )


async def refusal(url: str) -> str:
    """Return the sentence of a process that cannot use NATS; it must not be the one of the deadline."""
    settings = Settings.from_environment({"EXTRATO_NATS_URL": url})
    with pytest.raises(CannotStart) as refused:
        async with open_bus(settings, name="tests"):
            pass
    return str(refused.value)
