"""deploy/nats gives the rights of the embedded NATS: the hub works with it, and a subscriber reads its copies only."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess

import nats.errors
import pytest

from extrato.bus.connection import connect
from extrato.bus.copies import open_copies
from tests.integration.bus.test_copies import ask, client_of
from tests.integration.deployment.conftest import DEPLOY, NATS_SERVER, variables
from tests.pace import until


@pytest.fixture
async def bus(shipped_nats):
    bus = await connect(shipped_nats.hub_url, name="tests")
    await bus.jetstream.publish("payments.padaria.1.PaymentOpened", b"{}")
    yield bus
    await bus.close()


@pytest.fixture
async def subscriber(bus, shipped_nats):
    opening = open_copies(
        origin_url=shipped_nats.hub_url,
        copies_url=shipped_nats.copies_url,
        delivery_consumer=shipped_nats.delivery_consumer,
    )
    async with opening, client_of(shipped_nats.subscriber_url) as client:
        yield client


def shipped_rights(secrets):
    """The accounts of accounts.conf, which is JSON apart from its comments and variables."""
    text = (DEPLOY / "nats" / "accounts.conf").read_text()
    text = re.sub(r"^ *#.*$", "", text, flags=re.MULTILINE).partition("\naccounts: ")[2]
    given = variables(secrets)
    return json.loads(re.sub(r'(?<!")\$([A-Z_]+)', lambda found: json.dumps(given[found[1]]), text))


def test_the_rights_are_those_of_the_embedded_nats(secrets, embedded_rights):
    shipped = shipped_rights(secrets)
    operators = shipped.pop("SYS")
    assert shipped == embedded_rights
    assert set(operators) == {"users"}


def test_the_server_accepts_the_configuration(shipped_nats):
    tested = subprocess.run(
        [NATS_SERVER, "-t", "-c", shipped_nats.folder / "nats.conf"], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0
    # A warning would be here, such as the one for a duration without quotes.
    assert len(tested.stderr.strip().splitlines()) == 1


async def test_the_hub_makes_its_streams(bus):
    names = {stream.config.name for stream in await bus.jetstream.streams_info()}
    assert names == {"PAYMENTS", "CHECKS", "SWEEPS", "DEAD"}


async def test_a_subscriber_reads_its_copy(subscriber):
    subscription = await subscriber.jetstream().pull_subscribe("payments.>", durable="shop", stream="PAYMENTS")
    (message,) = await subscription.fetch(1, timeout=10)
    await message.ack_sync()
    assert message.subject == "payments.padaria.1.PaymentOpened"


@pytest.mark.parametrize(
    "subject",
    [
        "$JS.API.STREAM.INFO.PAYMENTS",
        "$JS.API.STREAM.DELETE.PAYMENTS",
        "$JS.API.STREAM.PURGE.PAYMENTS",
        "$JS.API.STREAM.MSG.GET.PAYMENTS",
        "$JS.API.CONSUMER.NAMES.PAYMENTS",
        "$JS.API.DIRECT.GET.SWEEPS",
        "$SYS.REQ.SERVER.PING",
    ],
)
async def test_a_subscriber_reaches_nothing_else(subscriber, subject):
    assert await ask(subscriber, subject) is None


async def test_a_subscriber_sees_only_its_copies_and_publishes_nothing(bus, subscriber):
    assert (await ask(subscriber, "$JS.API.STREAM.NAMES"))["streams"] == ["CHECKS", "PAYMENTS"]
    heard = await bus.client.subscribe(">")
    await subscriber.publish("payments.padaria.1.Forged", b"{}")
    await subscriber.flush()
    await bus.client.publish("last", b"")
    while (message := await heard.next_msg(timeout=5)).subject != "last":
        assert message.subject != "payments.padaria.1.Forged"
    assert (await bus.jetstream.stream_info("PAYMENTS")).state.messages == 1


async def test_the_operator_asks_the_server_how_it_is(shipped_nats):
    async with client_of(shipped_nats.operator_url) as operator:
        answer = json.loads((await operator.request("$SYS.REQ.SERVER.PING.VARZ", timeout=5)).data)
    assert answer["data"]["server_name"] == "extrato"


async def test_the_server_requires_tls(shipped_nats):
    reader, writer = await asyncio.open_connection("127.0.0.1", shipped_nats.port)
    told = json.loads((await reader.readline()).removeprefix(b"INFO "))
    assert told["tls_required"] is True
    writer.close()


async def test_a_reload_takes_another_password_and_closes_the_old_connection(shipped_nats):
    async with client_of(shipped_nats.subscriber_url, allow_reconnect=False) as old:
        text = shipped_nats.secrets.read_text()
        shipped_nats.secrets.write_text(re.sub(r'(SUBSCRIBER_PASSWORD: )".*"', r'\1"another"', text))
        os.kill(shipped_nats.pid, signal.SIGHUP)
        await until(lambda: old.is_closed)
    with pytest.raises(nats.errors.Error):
        async with client_of(shipped_nats.subscriber_url, allow_reconnect=False):
            pass
    shipped_nats.variables["SUBSCRIBER_PASSWORD"] = "another"
    async with client_of(shipped_nats.subscriber_url) as client:
        assert client.is_connected
