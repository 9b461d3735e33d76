"""Raw messages depend on private members of the library: these tests fail when those change."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import nats.errors
import pytest

from contracts.subjects import PAYMENTS_STREAM
from extrato.bus.connection import connect
from tests.pace import until, within

if TYPE_CHECKING:
    from extrato.bus.connection import Bus
    from extrato.bus.lean_client import RawMessage
    from services.cli.embedded.nats import EmbeddedNats

HEADERS = b"NATS/1.0\r\nname: value\r\n\r\n"
TEXT = b"HPUB tests.one tests.reply %d %d\r\n%sbody\r\nPUB tests.two 0\r\n\r\n" % (
    len(HEADERS),
    len(HEADERS) + 4,
    HEADERS,
)


async def test_raw_messages_arrive_in_order_before_the_next_publish(bus: Bus):
    subscription = await bus.client.subscribe("tests.>")
    await bus.client.send_raw(TEXT)
    await bus.client.publish("tests.three")

    messages = [await subscription.next_msg(timeout=5) for _ in range(3)]
    assert [(each.subject, each.reply, each.data) for each in messages] == [
        ("tests.one", "tests.reply", b"body"),
        ("tests.two", "", b""),
        ("tests.three", "", b""),
    ]
    assert [each.headers for each in messages] == [{"name": "value"}, None, None]


async def test_raw_messages_arrive_unchanged_until_unsubscribed(bus: Bus):
    heard: list[RawMessage] = []
    subscription = await bus.client.subscribe_raw("tests.>", heard.append)
    await send(bus)
    await until(lambda: len(heard) == 2)
    assert heard == [(b"tests.one", b"tests.reply", HEADERS, b"body"), (b"tests.two", b"", b"", b"")]

    await bus.client.unsubscribe_raw(subscription)
    control: list[RawMessage] = []
    await bus.client.subscribe_raw("tests.>", control.append)
    await send(bus)
    await until(lambda: len(control) == 2)
    assert len(heard) == 2


async def send(bus: Bus) -> None:
    await bus.client.send_raw(TEXT)
    await bus.client.publish("elsewhere")
    await bus.client.flush()


async def test_failing_callback_keeps_the_connection(bus: Bus):
    heard: list[RawMessage] = []

    def fail(message: RawMessage) -> None:
        heard.append(message)
        raise ValueError(message.subject)

    await bus.client.subscribe_raw("tests.>", fail)
    await send(bus)
    await send(bus)
    await until(lambda: len(heard) == 4)
    assert bus.is_connected


async def test_ordinary_subscription_works_beside_a_raw_one(bus: Bus):
    heard: list[RawMessage] = []
    ordinary = await bus.client.subscribe("tests.>")
    await bus.client.subscribe_raw("tests.>", heard.append)
    await bus.client.publish("tests.one", b"body", headers={"name": "value"})

    message = await ordinary.next_msg(timeout=5)
    assert (message.data, message.headers) == (b"body", {"name": "value"})
    await until(lambda: [each.body for each in heard] == [b"body"])


async def test_client_reads_on_after_a_cancelled_flush(bus: Bus):
    flushing = asyncio.create_task(bus.client.flush())
    # The request is sent, and its answer cannot have arrived yet.
    await asyncio.sleep(0)
    assert len(bus.client._pongs) == 1
    flushing.cancel()
    await asyncio.wait((flushing,))
    assert (await bus.jetstream.stream_info(PAYMENTS_STREAM)).config.name == PAYMENTS_STREAM


async def test_closed_client_fails_waiting_requests(nats_server: EmbeddedNats):
    bus = await connect(nats_server.url, name="tests")
    client = bus.client
    await client.subscribe("tests.silent")
    asking = asyncio.create_task(client.request("tests.silent", timeout=60))
    await client.flush()
    await bus.close()
    with pytest.raises(nats.errors.ConnectionClosedError):
        async with within(20):
            await asking
    assert client.ended.is_set()


async def test_client_of_a_stuck_server_closes_at_once(nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extrato.bus.connection.PING_INTERVAL_S", 0.05)
    bus = await connect(nats_server.url, name="tests")
    client = bus.client
    waiting = asyncio.create_task((await client.subscribe("tests.silent")).next_msg(timeout=60))
    os.kill(nats_server.pid, signal.SIGSTOP)
    try:
        # More bytes than all buffers hold, so that later writes wait.
        async with within(20), asyncio.TaskGroup() as sending:
            for _ in range(3):
                sending.create_task(client.send_raw(bytes(16_000_000)))
        await until(waiting.done)
        assert isinstance(waiting.exception(), nats.errors.ConnectionClosedError)
    finally:
        os.kill(nats_server.pid, signal.SIGCONT)
    await bus.close()


async def test_raw_message_without_a_connection_raises(nats_server: EmbeddedNats):
    bus = await connect(nats_server.url, name="tests")
    await bus.close()
    with pytest.raises(nats.errors.ConnectionClosedError):
        await bus.client.send_raw(TEXT)
