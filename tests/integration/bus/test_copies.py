"""What subscribers read is a copy in an account of their own, and nothing that they may do leaves it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal

import nats
import nats.errors
import nats.js.errors
import pytest
from nats.js.api import ConsumerConfig, DeliverPolicy, StoreCompression

from extrato.bus.connection import STREAMS
from extrato.bus.copies import FEED_PREFIX, open_copies
from services.cli.embedded.nats import EmbeddedNats
from tests.pace import allowed, until

DURABLE = "projections-read-models"
PARTS = {
    "STREAM.INFO",
    "STREAM.DELETE",
    "STREAM.PURGE",
    "STREAM.UPDATE",
    "STREAM.CREATE",
    "STREAM.MSG.DELETE",
    "STREAM.MSG.GET",
    "STREAM.SNAPSHOT",
    "STREAM.RESTORE",
    "STREAM.LEADER.STEPDOWN",
    "CONSUMER.NAMES",
    "CONSUMER.LIST",
}


TARGETS = [
    "payments.forged.1.X",
    "merchants.forged.X",
    "checks.forged",
    "webhooks.forged",
    "sweeps.lane.account",
    "dead.forged.X",
    "log.head",
    "$JS.API.STREAM.PURGE.PAYMENTS",
    "$JS.API.STREAM.DELETE.SWEEPS",
    f"origin.API.CONSUMER.RESET.PAYMENTS.{FEED_PREFIX}",
    "copies.PAYMENTS.forged",
]


# Where the hub would hear it, were it in its account.
FORGED = [target for target in TARGETS if not target.startswith("origin.")]


async def say_nothing(_error):
    """The client complains about what the server does not permit."""


@contextlib.asynccontextmanager
async def client_of(url, **options):
    client = await nats.connect(url, error_cb=say_nothing, **options)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def subscriber(nats_server):
    async with client_of(nats_server.subscriber_url) as client:
        yield client


@pytest.fixture
async def copier(nats_server):
    async with client_of(nats_server.copies_url) as client:
        yield client


@pytest.fixture
async def copies(bus, nats_server):
    """Kept copies of a stream of two events."""
    for number in (1, 2):
        await bus.jetstream.publish(f"payments.padaria.1.Event{number}", b"{}")
    async with open_copies(
        origin_url=nats_server.url, copies_url=nats_server.copies_url, feed=nats_server.feed
    ) as kept:
        keeping = asyncio.create_task(kept.run())
        yield kept
        assert not keeping.done()
        keeping.cancel()
        await asyncio.wait((keeping,))


async def ask(client, subject, body=b"", *, timeout_s=0.3):
    """Ask JetStream; gives the answer, or None where it is not permitted."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return json.loads((await client.request(subject, body, timeout=timeout_s)).data)
    except nats.errors.Error:
        return None


async def make_consumer(client, stream, config, *, subject="CREATE.{stream}.{name}"):
    subject = f"$JS.API.CONSUMER.{subject.format(stream=stream, name=config.get('name', ''))}"
    return await ask(client, subject, {"stream_name": stream, "config": config})


async def states(bus):
    """How many messages each stream of the hub has ever had, and how many it has."""
    infos = [await bus.jetstream.stream_info(config.name) for config in STREAMS]
    return {info.config.name: (info.state.last_seq, info.state.messages) for info in infos}


async def read(subscriber, count, *, durable="reader", stream="PAYMENTS"):
    subscription = await subscriber.jetstream().pull_subscribe(">", durable=durable, stream=stream)
    messages = []
    async with asyncio.timeout(10):
        while len(messages) < count:
            with contextlib.suppress(nats.errors.TimeoutError):
                messages += await subscription.fetch(count - len(messages), timeout=1)
    for message in messages:
        await message.ack_sync()
    return [message.subject for message in messages]


async def test_a_durable_consumer_of_a_subscriber_gets_every_event_and_goes_on_where_it_was(bus, copies, subscriber):
    assert await read(subscriber, 2) == ["payments.padaria.1.Event1", "payments.padaria.1.Event2"]
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    assert await read(subscriber, 1) == ["payments.padaria.1.Event3"]


async def test_checks_are_copied_as_events_are(bus, copies, subscriber):
    await bus.jetstream.publish("checks.padaria", b"{}")
    await bus.jetstream.publish("webhooks.padaria", b"{}")
    assert await read(subscriber, 2, stream="CHECKS") == ["checks.padaria", "webhooks.padaria"]


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_consumer_that_is_pushed_to_an_inbox_works_too(copies, subscriber, ordered):
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    subscription = await subscriber.jetstream().subscribe(
        "payments.>", stream="PAYMENTS", ordered_consumer=ordered, config=config
    )
    subjects = [(await subscription.next_msg(timeout=5)).subject for _ in range(2)]
    assert subjects == ["payments.padaria.1.Event1", "payments.padaria.1.Event2"]


async def test_an_ephemeral_pull_consumer_works_too(copies, subscriber):
    subscription = await subscriber.jetstream().pull_subscribe("payments.>", stream="PAYMENTS")
    assert len(await subscription.fetch(2, timeout=5)) == 2


async def test_a_copy_of_more_than_the_server_sends_at_once_is_whole(bus, copies, copier):
    body = b"x" * 500_000
    for _ in range(10):
        await asyncio.gather(*(bus.jetstream.publish("payments.padaria.1.Large", body) for _ in range(10)))
    last = (await bus.jetstream.stream_info("PAYMENTS")).state.last_seq

    async def is_whole():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.last_seq == last

    await wait_for(is_whole)


@pytest.mark.parametrize("stream", ["PAYMENTS", "CHECKS"])
@pytest.mark.parametrize(
    "more",
    [{}, {"flow_control": True, "idle_heartbeat": 100_000_000}, {"headers_only": True}, {"sample_freq": "100"}],
    ids=["plain", "flow control and heartbeats", "headers only", "samples"],
)
@pytest.mark.parametrize("creation", ["CREATE.{stream}", "CREATE.{stream}.{name}", "DURABLE.CREATE.{stream}.{name}"])
async def test_no_consumer_of_a_subscriber_delivers_into_a_stream(bus, copies, subscriber, stream, more, creation):
    await bus.jetstream.publish("checks.padaria", b"{}")
    # The gateway listens like this, so that a delivery into these subjects finds somebody who wants it.
    heard = []

    async def hear(message):
        heard.append(message.subject)

    await bus.client.subscribe(">", cb=hear)
    await bus.client.flush()
    before = await states(bus)
    for number, target in enumerate(TARGETS):
        with contextlib.suppress(nats.errors.Error):
            await subscriber.subscribe(target)
        config = {"deliver_subject": target, "ack_policy": "none", "deliver_policy": "all", **more}
        if "{name}" in creation:
            config |= {"name": f"forger-{number}"}
        if creation.startswith("DURABLE"):
            config |= {"durable_name": f"forger-{number}"}
        await make_consumer(subscriber, stream, config, subject=creation)
    # Long enough for what was delivered to be stored, and for three heartbeats.
    await asyncio.sleep(0.35)
    assert await states(bus) == before
    assert not [subject for subject in heard if "forged" in subject or subject in FORGED]
    assert len(await read(subscriber, 2)) == 2


async def test_no_answer_that_a_subscriber_has_sent_elsewhere_reaches_a_stream(bus, copies, subscriber, copier):
    heard = []

    async def hear(message):
        heard.append(message.subject)

    await bus.client.subscribe(">", cb=hear)
    await bus.client.flush()
    before = await states(bus)
    for number, target in enumerate([*TARGETS, "$JS.API.STREAM.CREATE.OWN", "$JS.API.STREAM.UPDATE.PAYMENTS"]):
        # The answer to a creation holds whatever it was asked for, in the words of the next request.
        name = target.rpartition(".")[2] if "STREAM" in target else f"forger-{number}"
        config = {"name": name, "deliver_subject": "payments.forged.1.X", "ack_policy": "none"}
        body = json.dumps({"stream_name": "PAYMENTS", "config": config}).encode()
        await subscriber.publish(f"$JS.API.CONSUMER.CREATE.PAYMENTS.{name}", body, reply=target)
        # What a consumer is asked for goes where the answer is to go.
        for options in ({}, {"headers_only": True}):
            pulled = f"pulled-{number}-{len(options)}"
            config = {"name": pulled, "ack_policy": "none", "deliver_policy": "all", **options}
            await make_consumer(subscriber, "PAYMENTS", config)
            request = json.dumps({"batch": 2, "no_wait": True}).encode()
            await subscriber.publish(f"$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.{pulled}", request, reply=target)
        await subscriber.publish("$JS.API.DIRECT.GET.PAYMENTS", b'{"seq": 1}', reply=target)
        await subscriber.publish("$JS.API.CONSUMER.INFO.PAYMENTS.forger", reply=target)
    await subscriber.flush()
    await asyncio.sleep(0.35)
    assert await states(bus) == before
    assert not [subject for subject in heard if "forged" in subject or subject in FORGED]
    for stream in ("PAYMENTS", "CHECKS"):
        (consumer,) = await bus.jetstream.consumers_info(stream)
        assert consumer.name.startswith(f"{FEED_PREFIX}-")
        assert consumer.config.deliver_subject.startswith(f"copies.{stream}.")

    async def is_whole():
        with contextlib.suppress(nats.js.errors.Error):
            info = await copier.jetstream().stream_info("PAYMENTS")
            return info.config.mirror is not None and info.state.messages == 2

    await wait_for(is_whole)
    assert sorted(info.config.name for info in await copier.jetstream().streams_info()) == ["CHECKS", "PAYMENTS"]
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    assert (await read(subscriber, 3, durable="afterwards"))[-1] == "payments.padaria.1.Event3"


@pytest.fixture
async def durable(bus):
    """A consumer as the hub's own, with one message that waits for it."""
    subscription = await bus.jetstream.pull_subscribe(">", durable=DURABLE, stream="PAYMENTS")
    await bus.jetstream.publish("payments.padaria.1.Event0", b"{}")
    return subscription


async def test_no_consumer_of_the_hub_is_in_a_subscribers_reach(bus, durable, copies, subscriber):
    (held,) = await durable.fetch(1, timeout=5)
    before = await durable.consumer_info()
    config = {
        "name": DURABLE,
        "durable_name": DURABLE,
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "filter_subject": "nothing.>",
    }
    for creation in ("CREATE.{stream}", "CREATE.{stream}.{name}", "DURABLE.CREATE.{stream}.{name}"):
        await make_consumer(subscriber, "PAYMENTS", config, subject=creation)
    for action in ("MSG.NEXT", "PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN", "DELETE"):
        body = {"pause_until": "2099-01-01T00:00:00Z"} if action == "PAUSE" else b""
        await ask(subscriber, f"$JS.API.CONSUMER.{action}.PAYMENTS.{DURABLE}", body)
    await subscriber.publish(held.reply, b"+TERM")
    await subscriber.flush()
    after = await durable.consumer_info()
    assert after == before
    await held.ack_sync()
    assert len(await durable.fetch(10, timeout=5)) == 2


async def test_no_stream_is_in_a_subscribers_reach(bus, copies, subscriber):
    before = await states(bus)
    for part in PARTS:
        for stream in ("PAYMENTS", "CHECKS", "SWEEPS", "DEAD", "OWN"):
            assert await ask(subscriber, f"$JS.API.{part}.{stream}", {"name": stream, "seq": 1}, timeout_s=0.02) is None
    for stream in ("SWEEPS", "DEAD"):
        assert await make_consumer(subscriber, stream, {"name": "x", "ack_policy": "none"}) is None
    names = await ask(subscriber, "$JS.API.STREAM.NAMES")
    assert sorted(names["streams"]) == ["CHECKS", "PAYMENTS"]
    assert await states(bus) == before
    assert len(await read(subscriber, 2)) == 2


async def test_a_subscriber_publishes_nothing(bus, copies, subscriber):
    before = await states(bus)
    for subject in (
        "payments.x.1.X",
        "checks.x",
        "sweeps.x.x",
        "dead.x.x",
        f"origin.API.CONSUMER.RESET.PAYMENTS.{FEED_PREFIX}",
    ):
        assert await ask(subscriber, subject, b"{}", timeout_s=0.1) is None
    assert await states(bus) == before


async def test_what_the_hub_asks_and_is_answered_is_not_heard_by_a_subscriber(bus, copies, nats_server):
    heard = []

    async def hear(message):
        heard.append(message.subject)

    async with client_of(nats_server.subscriber_url) as listening:
        for subject in (">", "_INBOX.>", "payments.>", "sweeps.>", "$JS.>", "copies.>", "$JSC.>"):
            await listening.subscribe(subject, cb=hear)
        await listening.flush()
        await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
        await bus.jetstream.stream_info("PAYMENTS")
        # What the server had for this client lies before its answer.
        await listening.flush()
    assert heard == []


async def test_what_the_copier_is_answered_is_not_heard_by_a_subscriber(copies, subscriber, nats_server):
    heard = []

    async def hear(message):
        heard.append(message.data.decode())

    for subject in ("_INBOX.>", "_COPIER.>", ">", "$JS.EVENT.>"):
        await subscriber.subscribe(subject, cb=hear)
    await subscriber.flush()
    await copies.ensure()
    await subscriber.flush()
    # What the subscriber asks for is answered, and tells neither the inlet of a copy nor the name of its feed.
    await make_consumer(subscriber, "PAYMENTS", {"name": "own", "ack_policy": "none"})
    await ask(subscriber, "$JS.API.INFO")
    await ask(subscriber, "$JS.API.STREAM.NAMES")
    assert len(heard) == 3
    assert not [text for text in heard if "copies." in text or nats_server.feed in text or FEED_PREFIX in text]


@pytest.mark.parametrize("stream", ["PAYMENTS", "CHECKS"])
@pytest.mark.parametrize(
    "creation",
    ["CREATE.{stream}.{feed}", "CREATE.{stream}.{feed}.payments.>", "DURABLE.CREATE.{stream}.{feed}"],
)
async def test_no_consumer_of_a_feeds_name_is_made_by_a_subscriber(
    bus, copies, subscriber, copier, nats_server, stream, creation
):
    config = {"name": nats_server.feed, "ack_policy": "none", "filter_subject": "payments.>"}
    if creation.startswith("DURABLE"):
        config["durable_name"] = nats_server.feed
    subject = f"$JS.API.CONSUMER.{creation.format(stream=stream, feed=nats_server.feed)}"
    assert await ask(subscriber, subject, {"stream_name": stream, "config": config}) is None
    for action in ("DELETE", "INFO", "MSG.NEXT"):
        assert await ask(subscriber, f"$JS.API.CONSUMER.{action}.{stream}.{nats_server.feed}", timeout_s=0.1) is None
    # A name in the subject is the consumer's, whatever the body says.
    for other in ("CREATE.{stream}.other", "DURABLE.CREATE.{stream}.other"):
        await make_consumer(subscriber, stream, {**config, "durable_name": "other"}, subject=other)
    assert [info.name for info in await copier.jetstream().consumers_info(stream)] in ([], ["other"])
    assert [info.name for info in await bus.jetstream.consumers_info(stream)] == [nats_server.feed]


async def test_the_name_of_the_feeds_outlives_a_restart_and_differs_from_home_to_home(bus, copies, nats_server, home):
    before = nats_server.feed
    copied = await bus.jetstream.consumer_info("PAYMENTS", before)
    again, elsewhere = EmbeddedNats(home), EmbeddedNats(home / "elsewhere")
    await again.prepare()
    await elsewhere.prepare()
    assert copied.name == again.feed == before != elsewhere.feed


async def forge(copier, feed, numbers):
    """Have messages of CHECKS delivered to the inlet of the copy of PAYMENTS, as one who knows both secrets can."""
    inlet = (await copier.jetstream().stream_info("PAYMENTS")).config.mirror.consumer.deliver_subject
    await make_consumer(copier, "CHECKS", {"name": feed, "ack_policy": "none", "deliver_policy": "all"})
    request = json.dumps({"batch": numbers, "no_wait": True}).encode()
    await copier.publish(f"$JS.API.CONSUMER.MSG.NEXT.CHECKS.{feed}", request, reply=inlet)
    await copier.flush()


@pytest.mark.parametrize("forged", [3, 5])
@pytest.mark.parametrize("after", [0, 1, 4])
async def test_a_copy_with_messages_of_another_stream_is_recreated(
    bus, subscriber, copier, nats_server, forged, after, capsys
):
    for number in (1, 2):
        await bus.jetstream.publish("payments.padaria.1.Event1", str(number).encode())
    for _ in range(forged):
        await bus.jetstream.publish("checks.padaria", b"{}")

    async def holds(number, *, stream="PAYMENTS"):
        return (await copier.jetstream().stream_info(stream)).state.last_seq == number

    async with open_copies(
        origin_url=nats_server.url, copies_url=nats_server.copies_url, feed=nats_server.feed
    ) as copies:
        await wait_for(lambda: holds(2))
        await wait_for(lambda: holds(forged, stream="CHECKS"))
        await forge(copier, nats_server.feed, forged)
        await wait_for(lambda: holds(forged))
        for number in range(after):
            await bus.jetstream.publish("payments.padaria.1.Event2", str(number).encode())
        events = [message.data async for message in every_message(bus.jetstream)]

        async def is_whole():
            await copies.ensure()
            return [message.data async for message in every_message(copier.jetstream())] == events

        await wait_for(is_whole)
        assert (
            await read(subscriber, len(events))
            == ["payments.padaria.1.Event1"] * 2 + ["payments.padaria.1.Event2"] * after
        )
        # The copy is left alone from then on.
        created = (await copier.jetstream().stream_info("PAYMENTS")).created
        for _ in range(10):
            await copies.ensure()
        assert (await copier.jetstream().stream_info("PAYMENTS")).created == created


async def every_message(jetstream):
    with contextlib.suppress(nats.js.errors.NotFoundError):
        for number in range(1, 1 + (await jetstream.stream_info("PAYMENTS")).state.last_seq):
            yield await jetstream.get_msg("PAYMENTS", number)


async def test_copies_of_an_older_version_are_fed_under_a_secret_name(bus, subscriber, nats_server):
    await bus.jetstream.publish("payments.padaria.1.Event1", b"{}")
    servers = {"origin_url": nats_server.url, "copies_url": nats_server.copies_url}
    async with open_copies(**servers, feed=FEED_PREFIX):
        assert [info.name for info in await bus.jetstream.consumers_info("PAYMENTS")] == [FEED_PREFIX]
    async with open_copies(**servers, feed=nats_server.feed):
        assert await read(subscriber, 1) == ["payments.padaria.1.Event1"]
        assert [info.name for info in await bus.jetstream.consumers_info("PAYMENTS")] == [nats_server.feed]


async def test_a_copy_of_what_a_relay_publishes_is_left_alone(bus, copies, copier):
    for number in range(2, 6):
        # As `extrato/bus/publisher.py` does; a mirror drops the first header.
        headers = {"Nats-Expected-Last-Sequence": str(number), "Nats-Msg-Id": f"m{number}", "ce-id": f"e{number}"}
        await bus.jetstream.publish(f"payments.padaria.1.Event{number + 1}", b"{}", headers=headers)

    async def has_all():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 6

    await wait_for(has_all)
    created = (await copier.jetstream().stream_info("PAYMENTS")).created
    for _ in range(10):
        await copies.ensure()
    assert (await copier.jetstream().stream_info("PAYMENTS")).created == created


async def test_what_an_origin_lets_go_of_in_its_middle_recreates_no_copy(bus, copies, copier):
    for number in range(3, 8):
        await bus.jetstream.publish(f"payments.padaria.1.Event{number}", b"{}")

    async def has_all():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 7

    await wait_for(has_all)
    created = (await copier.jetstream().stream_info("PAYMENTS")).created
    for number in range(2, 8):
        await bus.jetstream.delete_msg("PAYMENTS", number)
    for _ in range(10):
        await copies.ensure()
    assert (await copier.jetstream().stream_info("PAYMENTS")).created == created


async def test_a_copy_of_a_stream_that_was_made_anew_is_made_anew(bus, copies, subscriber):
    await read(subscriber, 2)
    await bus.jetstream.delete_stream("PAYMENTS")
    await bus.ensure_streams()
    await bus.jetstream.publish("payments.padaria.1.First", b"{}")

    async def is_anew():
        try:
            return await read(subscriber, 1, durable="another") == ["payments.padaria.1.First"]
        except nats.js.errors.Error:
            return False

    await wait_for(is_anew)


async def test_a_copy_lets_go_of_what_its_stream_was_emptied_of(bus, copies, subscriber, copier):
    await read(subscriber, 2)
    await bus.jetstream.purge_stream("PAYMENTS")
    await bus.jetstream.publish("payments.padaria.1.Again", b"{}")

    async def has_let_go():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 1

    await wait_for(has_let_go)
    assert await read(subscriber, 1) == ["payments.padaria.1.Again"]


async def test_a_copy_of_an_older_version_is_compressed_and_keeps_what_it_holds(bus, copies, copier):
    jetstream = copier.jetstream()
    before = await jetstream.stream_info("PAYMENTS")
    await jetstream.update_stream(before.config.evolve(compression=StoreCompression.NONE))
    await copies.ensure()
    after = await jetstream.stream_info("PAYMENTS")
    assert after.config.compression == StoreCompression.S2
    assert after.created == before.created


async def test_a_copy_that_lost_its_beginning_is_made_anew(bus, copies, subscriber, copier):
    await read(subscriber, 2)
    await copier.jetstream().purge_stream("PAYMENTS")

    async def is_whole():
        with contextlib.suppress(nats.js.errors.Error):
            return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 2

    await wait_for(is_whole)


async def test_a_copy_goes_on_after_the_server_was_killed(bus, copies, subscriber, nats_server):
    await read(subscriber, 2)
    os.kill(nats_server.pid, signal.SIGKILL)
    await nats_server.stop()
    await nats_server.start()
    await until(lambda: bus.is_connected and subscriber.is_connected)
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    # What was acknowledged a moment before the kill may come once more: a consumer gets an event at least once.
    come = []
    while "payments.padaria.1.Event3" not in come:
        come += await read(subscriber, 1)
    assert set(come[:-1]) <= {"payments.padaria.1.Event1", "payments.padaria.1.Event2"}


async def wait_for(condition, *, within_s=10.0):
    async with asyncio.timeout(allowed(within_s)):
        while not await condition():
            await asyncio.sleep(0.05)
