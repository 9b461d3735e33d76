"""Subscribers read copies in a separate account, and none of their requests has an effect outside it."""

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
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StoreCompression

from extrato.bus.connection import STREAMS
from extrato.bus.copies import DELIVERY_CONSUMER_PREFIX, open_copies
from services.cli.embedded import nats as embedded
from services.cli.embedded.nats import EmbeddedNats
from tests.pace import until, within

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
    f"origin.API.CONSUMER.RESET.PAYMENTS.{DELIVERY_CONSUMER_PREFIX}",
    "copies.PAYMENTS.forged",
]


# Subjects that the hub would receive in its own account.
FORGED = [target for target in TARGETS if not target.startswith("origin.")]


async def ignore_error(_error):
    """Ignore the client's errors about missing permissions."""


@contextlib.asynccontextmanager
async def client_of(url, **options):
    client = await nats.connect(url, error_cb=ignore_error, **options)
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
    """Copies of a stream of two events, checked regularly."""
    for number in (1, 2):
        await bus.jetstream.publish(f"payments.padaria.1.Event{number}", b"{}")
    async with open_copies(
        origin_url=nats_server.url, copies_url=nats_server.copies_url, delivery_consumer=nats_server.delivery_consumer
    ) as kept:
        keeping = asyncio.create_task(kept.run())
        yield kept
        assert not keeping.done()
        keeping.cancel()
        await asyncio.wait((keeping,))


async def ask(client, subject, body=b""):
    """Send a request to JetStream; return the answer, or None where the server refuses or ignores the request."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    inbox = client.new_inbox()
    coming = await client.subscribe(inbox)
    await client.flush()
    earlier = client.last_error
    await client.publish(subject, body, reply=inbox)
    # The server answers the requests of a client in turn, and reports a refusal before its next answer.
    await client.request("$JS.API.STREAM.NAMES", timeout=10)
    try:
        answer = json.loads((await coming.next_msg(timeout=0.2)).data) if client.last_error is earlier else None
    except nats.errors.TimeoutError:
        answer = None
    await coming.unsubscribe()
    return answer


async def make_consumer(client, stream, config, *, subject="CREATE.{stream}.{name}"):
    subject = f"$JS.API.CONSUMER.{subject.format(stream=stream, name=config.get('name', ''))}"
    return await ask(client, subject, {"stream_name": stream, "config": config})


async def states(bus):
    """Return the last sequence number and the message count of each stream of the hub."""
    infos = [await bus.jetstream.stream_info(config.name) for config in STREAMS]
    return {info.config.name: (info.state.last_seq, info.state.messages) for info in infos}


async def taken(subscription, count):
    """Return the next `count` messages; `fetch` of several returns as soon as it has one."""
    messages = []
    async with within(20):
        while len(messages) < count:
            with contextlib.suppress(nats.errors.TimeoutError):
                messages += await subscription.fetch(1, timeout=1)
    return messages


async def read(subscriber, count, *, durable="reader", stream="PAYMENTS"):
    subscription = await subscriber.jetstream(timeout=20).pull_subscribe(">", durable=durable, stream=stream)
    messages = await taken(subscription, count)
    for message in messages:
        await message.ack_sync()
    # A request that the server still holds would take the next reader's message.
    await subscription.unsubscribe()
    return [message.subject for message in messages]


async def test_subscribers_durable_consumer_gets_every_event(bus, copies, subscriber):
    assert await read(subscriber, 2) == ["payments.padaria.1.Event1", "payments.padaria.1.Event2"]
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    assert await read(subscriber, 1) == ["payments.padaria.1.Event3"]


async def test_checks_are_copied_like_events(bus, copies, subscriber):
    await bus.jetstream.publish("checks.padaria", b"{}")
    await bus.jetstream.publish("webhooks.padaria", b"{}")
    assert await read(subscriber, 2, stream="CHECKS") == ["checks.padaria", "webhooks.padaria"]


@pytest.mark.parametrize("ordered", [True, False])
async def test_push_consumer_gets_every_event(copies, subscriber, ordered):
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    subscription = await subscriber.jetstream(timeout=20).subscribe(
        "payments.>", stream="PAYMENTS", ordered_consumer=ordered, config=config
    )
    subjects = [(await subscription.next_msg(timeout=5)).subject for _ in range(2)]
    assert subjects == ["payments.padaria.1.Event1", "payments.padaria.1.Event2"]


async def test_ephemeral_pull_consumer_gets_every_event(copies, subscriber):
    subscription = await subscriber.jetstream(timeout=20).pull_subscribe("payments.>", stream="PAYMENTS")
    come = await taken(subscription, 2)
    assert [message.subject for message in come] == ["payments.padaria.1.Event1", "payments.padaria.1.Event2"]


async def test_copy_of_a_long_stream_is_complete(bus, copies, copier):
    body = b"x" * 500_000
    for _ in range(10):
        await asyncio.gather(*(bus.jetstream.publish("payments.padaria.1.Large", body) for _ in range(10)))
    last = (await bus.jetstream.stream_info("PAYMENTS")).state.last_seq

    async def is_whole():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.last_seq == last

    await until(is_whole)


@pytest.mark.parametrize("stream", ["PAYMENTS", "CHECKS"])
@pytest.mark.parametrize(
    "more",
    [{}, {"flow_control": True, "idle_heartbeat": 100_000_000}, {"headers_only": True}, {"sample_freq": "100"}],
    ids=["plain", "flow control and heartbeats", "headers only", "samples"],
)
@pytest.mark.parametrize("creation", ["CREATE.{stream}", "CREATE.{stream}.{name}", "DURABLE.CREATE.{stream}.{name}"])
async def test_subscribers_consumer_cannot_deliver_into_a_stream(bus, copies, subscriber, stream, more, creation):
    await bus.jetstream.publish("checks.padaria", b"{}")
    # The gateway subscribes like this, so a delivery to these subjects finds a subscription.
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
    # Long enough to store a delivered message, and for three heartbeats.
    await asyncio.sleep(0.35)
    assert await states(bus) == before
    assert not [subject for subject in heard if "forged" in subject or subject in FORGED]
    assert len(await read(subscriber, 2)) == 2


async def test_redirected_answer_does_not_reach_a_stream(bus, copies, subscriber, copier):
    heard = []

    async def hear(message):
        heard.append(message.subject)

    await bus.client.subscribe(">", cb=hear)
    await bus.client.flush()
    before = await states(bus)
    for number, target in enumerate([*TARGETS, "$JS.API.STREAM.CREATE.OWN", "$JS.API.STREAM.UPDATE.PAYMENTS"]):
        # The answer to a creation repeats the request's fields, and so reads like the next request.
        name = target.rpartition(".")[2] if "STREAM" in target else f"forger-{number}"
        config = {"name": name, "deliver_subject": "payments.forged.1.X", "ack_policy": "none"}
        body = json.dumps({"stream_name": "PAYMENTS", "config": config}).encode()
        await subscriber.publish(f"$JS.API.CONSUMER.CREATE.PAYMENTS.{name}", body, reply=target)
        # A consumer sends the requested messages to the reply subject.
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
        assert consumer.name.startswith(f"{DELIVERY_CONSUMER_PREFIX}-")
        assert consumer.config.deliver_subject.startswith(f"copies.{stream}.")

    async def is_whole():
        with contextlib.suppress(nats.js.errors.Error):
            info = await copier.jetstream().stream_info("PAYMENTS")
            return info.config.mirror is not None and info.state.messages == 2

    await until(is_whole)
    assert sorted(info.config.name for info in await copier.jetstream().streams_info()) == ["CHECKS", "PAYMENTS"]
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    assert (await read(subscriber, 3, durable="afterwards"))[-1] == "payments.padaria.1.Event3"


# Requests of a subscriber that the server answers at once or soon. {held} acknowledges a message of the subscriber,
# {none} is a consumer without messages, {headers} one that delivers headers only.
QUESTIONS = {
    "a message that is not there": ("$JS.API.DIRECT.GET.PAYMENTS", b'{"seq": 999999999}'),
    "a message that is there": ("$JS.API.DIRECT.GET.PAYMENTS", b'{"seq": 1}'),
    "the last messages of no subject": ("$JS.API.DIRECT.GET.PAYMENTS", b'{"multi_last": ["x.>"], "batch": 2}'),
    "several messages": ("$JS.API.DIRECT.GET.PAYMENTS", b'{"seq": 1, "batch": 2}'),
    "the last message of a subject": ("$JS.API.DIRECT.GET.PAYMENTS.payments.padaria.1.Event1", b""),
    "no message": ("$JS.API.DIRECT.GET.PAYMENTS", b""),
    "the next, without waiting": ("$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.{none}", b'{"batch": 5, "no_wait": true}'),
    "the next, for a moment": ("$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.{none}", b'{"batch": 5, "expires": 30000000}'),
    "the next, in no JSON": ("$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.{none}", b'{"batch": -1, "x"'),
    "the next headers": ("$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.{headers}", b'{"batch": 2, "no_wait": true}'),
    "an acknowledgement": ("{held}", b"+ACK"),
    "an acknowledgement and the next": ("{held}", b'+NXT {"batch": 5, "no_wait": true}'),
    "a consumer": ("$JS.API.CONSUMER.INFO.PAYMENTS.{none}", b""),
    "a consumer that is not there": ("$JS.API.CONSUMER.DELETE.PAYMENTS.missing", b""),
    "a new consumer": (
        "$JS.API.CONSUMER.CREATE.PAYMENTS.{none}",
        b'{"stream_name": "PAYMENTS", "config": {"name": "none", "deliver_policy": "new", "ack_policy": "none"}}',
    ),
    "the account": ("$JS.API.INFO", b""),
    "the streams": ("$JS.API.STREAM.NAMES", b""),
}


def question(name, *, held):
    subject, body = QUESTIONS[name]
    return subject.format(none="none", headers="headers", held=held), body


# Reply subjects where an answer with the server's rights would do harm, or reach another client.
HARMFUL = [
    "$JS.API.STREAM.DELETE.PAYMENTS",
    "$JS.API.STREAM.PURGE.PAYMENTS",
    "$JS.API.STREAM.UPDATE.PAYMENTS",
    "$JS.API.STREAM.MSG.DELETE.PAYMENTS",
    "$JS.API.STREAM.CREATE.OWN",
    "$JS.API.CONSUMER.RESET.PAYMENTS.other",
    "$JS.API.CONSUMER.PAUSE.PAYMENTS.other",
    "$JS.API.ACCOUNT.PURGE.SUBSCRIBERS",
    "$JS.FC.PAYMENTS.other.x",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    f"origin.API.CONSUMER.RESET.PAYMENTS.{DELIVERY_CONSUMER_PREFIX}",
    "copies.PAYMENTS.forged",
    "_COPIER.forged.x",
    "payments.forged.1.X",
    "_R_.forged.x",
]


@pytest.fixture
async def two_events(copies, copier):
    """A copy that is complete."""

    async def are_there():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 2

    await until(are_there)


@pytest.fixture
async def other(two_events, nats_server):
    """The durable consumer of another subscriber, with one message that is not acknowledged."""
    async with client_of(nats_server.subscriber_url) as client:
        config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=3600)
        subscription = await client.jetstream(timeout=20).pull_subscribe(
            "payments.>", durable="other", stream="PAYMENTS", config=config
        )
        await subscription.fetch(1, timeout=5)

        async def is_noted():
            return (await subscription.consumer_info()).num_ack_pending == 1

        await until(is_noted)
        yield subscription


@pytest.fixture
async def asking(subscriber, other):
    """A subscriber with consumers; returns the reply subject of a message that it has not acknowledged."""
    own = {"ack_policy": "none", "deliver_policy": "new"}
    await make_consumer(subscriber, "PAYMENTS", {"name": "none", **own})
    await make_consumer(
        subscriber, "PAYMENTS", {"name": "headers", **own, "deliver_policy": "all", "headers_only": True}
    )
    held = await subscriber.jetstream(timeout=20).pull_subscribe("payments.>", durable="held", stream="PAYMENTS")
    (message,) = await held.fetch(1, timeout=5)
    return message.reply


async def answers(client, subject, body, *, number):
    """Return `number` answers; an answer that is a message has its own subject."""
    inbox = client.new_inbox()
    coming = await client.subscribe(inbox)
    await client.publish(subject, body, reply=inbox)
    come = [await coming.next_msg(timeout=5) for _ in range(number)]
    await coming.unsubscribe()
    return come


async def has_been_answered(client, subject, body):
    """Wait until the server has answered this request and all earlier ones, and has executed them."""
    await answers(client, subject, body, number=1)
    await answers(client, "$JS.API.STREAM.NAMES", b"", number=1)


async def state_of_others(copier, other):
    """Return the state of the common copy, and of another subscriber's consumer."""
    copy, consumer = await copier.jetstream().stream_info("PAYMENTS"), await other.consumer_info()
    place = (consumer.created, consumer.delivered, consumer.ack_floor, consumer.num_pending, consumer.num_ack_pending)
    return copy.created, copy.config, copy.state.messages, copy.state.first_seq, place


@pytest.mark.parametrize("asked", QUESTIONS)
async def test_redirected_answer_harms_no_copy_or_subscriber(bus, subscriber, copier, other, asking, asked):
    subject, body = question(asked, held=asking)
    heard = []

    async def hear(message):
        heard.append(message.subject)

    before = await state_of_others(copier, other)
    for listening in (bus.client, copier):
        for target in (*HARMFUL, "$SYS.>"):
            await listening.subscribe(target, cb=hear)
        await listening.flush()
    for target in HARMFUL:
        await subscriber.publish(subject, body, reply=target)
        await has_been_answered(subscriber, subject, body)
        assert await state_of_others(copier, other) == before, target
    for listening in (bus.client, copier):
        await listening.flush()
    assert heard == []
    assert sorted(info.config.name for info in await copier.jetstream().streams_info()) == ["CHECKS", "PAYMENTS"]


@pytest.mark.parametrize("target", ["DELETE", "PURGE"])
@pytest.mark.parametrize("more", [{}, {"headers_only": True}, {"idle_heartbeat": 100_000_000}])
async def test_consumer_aimed_at_the_api_harms_no_copy(subscriber, copier, other, target, more):
    before = await state_of_others(copier, other)
    config = {"ack_policy": "none", "deliver_policy": "all", "deliver_subject": f"$JS.API.STREAM.{target}.PAYMENTS"}
    await make_consumer(subscriber, "PAYMENTS", {"name": "pointed", **config, **more})
    # Longer than three heartbeats.
    await asyncio.sleep(0.35)
    assert await state_of_others(copier, other) == before


async def aim_at(subscriber, targets):
    config = {"ack_policy": "none", "deliver_policy": "all", "headers_only": True}
    for number, target in enumerate(targets):
        await make_consumer(subscriber, "PAYMENTS", {"name": f"pointed-{number}", "deliver_subject": target, **config})
    await asyncio.sleep(0.35)


async def test_consumer_aimed_elsewhere_harms_no_subscriber(subscriber, copier, other):
    before = await state_of_others(copier, other)
    await aim_at(subscriber, [target for target in HARMFUL if "RESET.PAYMENTS.other" not in target])
    assert await state_of_others(copier, other) == before


async def test_consumer_aimed_at_a_reset_loses_no_event(subscriber, other):
    """Each consumer subscribes to its reset under this subject, so the server does deliver there."""
    (second,) = await other.fetch(1, timeout=5)
    await aim_at(subscriber, ["$JS.API.CONSUMER.RESET.PAYMENTS.other"])
    come = [second.subject, *[message.subject for message in await taken(other, 2)]]
    assert {"payments.padaria.1.Event1", "payments.padaria.1.Event2"} == set(come)


async def test_traced_message_harms_no_copy(subscriber, copier, other):
    before = await state_of_others(copier, other)
    for target in HARMFUL:
        await subscriber.publish("$JS.API.INFO", b"", reply=target, headers={"Nats-Trace-Dest": target})
        await has_been_answered(subscriber, "$JS.API.INFO", b"")
    assert await state_of_others(copier, other) == before


async def test_every_answer_reaches_the_requesters_inbox(subscriber, asking):
    for asked in QUESTIONS:
        subject, body = question(asked, held=asking)
        await answers(subscriber, subject, body, number=1)


async def test_one_request_reads_several_messages(two_events, subscriber):
    come = await answers(subscriber, "$JS.API.DIRECT.GET.PAYMENTS", b'{"seq": 1, "batch": 2}', number=3)
    assert [message.headers.get("Nats-Sequence") for message in come] == ["1", "2", None]
    assert come[-1].headers["Status"] == "204"
    assert (
        await subscriber.jetstream(timeout=20).get_msg("PAYMENTS", 2, direct=True)
    ).subject == "payments.padaria.1.Event2"


async def test_acknowledgements_of_a_subscriber_take_effect(copies, subscriber):
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_deliver=5)
    subscription = await subscriber.jetstream(timeout=20).pull_subscribe(
        "payments.>", durable="reader", stream="PAYMENTS", config=config
    )
    first, second = await taken(subscription, 2)
    await first.nak()
    await second.in_progress()
    await second.term()
    (again,) = await subscription.fetch(1, timeout=5)
    assert (again.subject, again.metadata.num_delivered) == (first.subject, 2)
    await again.ack_sync()
    info = await subscription.consumer_info()
    assert (info.num_ack_pending, info.num_pending, info.ack_floor.stream_seq) == (0, 0, 2)
    assert await subscriber.jetstream(timeout=20).delete_consumer("PAYMENTS", "reader")
    with pytest.raises(nats.js.errors.NotFoundError):
        await subscription.consumer_info()


async def test_acknowledgement_returns_the_next_message(copies, subscriber):
    subscription = await subscriber.jetstream(timeout=20).pull_subscribe(
        "payments.>", durable="reader", stream="PAYMENTS"
    )
    (first,) = await subscription.fetch(1, timeout=5)
    (second,) = await answers(subscriber, first.reply, b"+NXT", number=1)
    assert second.subject == "payments.padaria.1.Event2"


async def test_flow_control_delivers_more_than_one_window(bus, copies, subscriber):
    for _ in range(5):
        await asyncio.gather(*(bus.jetstream.publish("payments.padaria.1.Large", b"x" * 100_000) for _ in range(20)))
    subscription = await subscriber.jetstream(timeout=20).subscribe(
        "payments.>", stream="PAYMENTS", flow_control=True, idle_heartbeat=1, durable="pushed"
    )
    for _ in range(102):
        await (await subscription.next_msg(timeout=10)).ack()

    async def has_all():
        info = await subscription.consumer_info()
        return (info.num_pending, info.num_ack_pending) == (0, 0)

    await until(has_all)


async def test_waiting_subscriber_gets_new_messages(bus, copies, subscriber):
    subscription = await subscriber.jetstream(timeout=20).pull_subscribe(
        "payments.>", durable="reader", stream="PAYMENTS"
    )
    await taken(subscription, 2)
    waiting = asyncio.create_task(subscription.fetch(1, timeout=10))

    async def waits():
        return (await subscription.consumer_info()).num_waiting == 1

    await until(waits)
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    assert [message.subject for message in await waiting] == ["payments.padaria.1.Event3"]


async def test_subscriber_with_heartbeats_waits_for_a_long_time(home, monkeypatch):
    monkeypatch.setattr(embedded, "LONGEST_WAIT_S", 1.0)
    async with (
        EmbeddedNats(home) as server,
        client_of(server.url) as hub,
        client_of(server.subscriber_url) as subscriber,
        open_copies(origin_url=server.url, copies_url=server.copies_url, delivery_consumer=server.delivery_consumer),
    ):
        await make_consumer(subscriber, "PAYMENTS", {"name": "patient", "ack_policy": "none"})
        inbox = subscriber.new_inbox()
        coming = await subscriber.subscribe(inbox)
        request = b'{"batch": 1, "expires": 30000000000, "idle_heartbeat": 100000000}'
        await subscriber.publish("$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.patient", request, reply=inbox)
        # Longer than a request without heartbeats may wait.
        for _ in range(15):
            assert (await coming.next_msg(timeout=20)).headers["Status"] == "100"
        await hub.jetstream().publish("payments.padaria.1.Event1", b"{}")
        while (message := await coming.next_msg(timeout=20)).headers:
            assert message.headers["Status"] == "100"
        assert message.subject == "payments.padaria.1.Event1"


async def test_durable_consumer_of_an_older_version_keeps_its_position(copies, subscriber, copier):
    """In older versions subscribers had an account with the copies; their consumers there still work."""
    assert await read(copier, 1) == ["payments.padaria.1.Event1"]
    assert await read(subscriber, 1) == ["payments.padaria.1.Event2"]


@pytest.fixture
async def durable(bus):
    """A consumer like the hub's, with one waiting message."""
    subscription = await bus.jetstream.pull_subscribe(">", durable=DURABLE, stream="PAYMENTS")
    await bus.jetstream.publish("payments.padaria.1.Event0", b"{}")
    return subscription


async def test_subscriber_cannot_reach_the_hubs_consumers(bus, durable, copies, subscriber):
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
    assert len(await taken(durable, 2)) == 2


async def test_subscriber_cannot_reach_streams(bus, copies, subscriber):
    before = await states(bus)
    for part in PARTS:
        for stream in ("PAYMENTS", "CHECKS", "SWEEPS", "DEAD", "OWN"):
            assert await ask(subscriber, f"$JS.API.{part}.{stream}", {"name": stream, "seq": 1}) is None
    for stream in ("SWEEPS", "DEAD"):
        assert await make_consumer(subscriber, stream, {"name": "x", "ack_policy": "none"}) is None
    names = await ask(subscriber, "$JS.API.STREAM.NAMES")
    assert sorted(names["streams"]) == ["CHECKS", "PAYMENTS"]
    assert await states(bus) == before
    assert len(await read(subscriber, 2)) == 2


async def test_subscriber_cannot_publish(bus, copies, subscriber):
    before = await states(bus)
    for subject in (
        "payments.x.1.X",
        "checks.x",
        "sweeps.x.x",
        "dead.x.x",
        f"origin.API.CONSUMER.RESET.PAYMENTS.{DELIVERY_CONSUMER_PREFIX}",
    ):
        assert await ask(subscriber, subject, b"{}") is None
    assert await states(bus) == before


async def test_subscriber_does_not_see_the_hubs_requests(bus, copies, nats_server):
    heard = []

    async def hear(message):
        heard.append(message.subject)

    async with client_of(nats_server.subscriber_url) as listening:
        for subject in (">", "_INBOX.>", "payments.>", "sweeps.>", "$JS.>", "copies.>", "$JSC.>"):
            await listening.subscribe(subject, cb=hear)
        await listening.flush()
        await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
        await bus.jetstream.stream_info("PAYMENTS")
        # The server sends this client's messages before its answer.
        await listening.flush()
    assert heard == []


async def test_subscriber_does_not_see_the_copiers_answers(copies, subscriber, nats_server):
    heard = []

    async def hear(message):
        heard.append(message.data.decode())

    for subject in ("_INBOX.>", "_COPIER.>", ">", "$JS.EVENT.>"):
        await subscriber.subscribe(subject, cb=hear)
    await subscriber.flush()
    await copies.ensure()
    await subscriber.flush()
    # The answers contain neither the delivery subject of a copy nor the name of its delivery consumer.
    await make_consumer(subscriber, "PAYMENTS", {"name": "own", "ack_policy": "none"})
    await ask(subscriber, "$JS.API.INFO")
    await ask(subscriber, "$JS.API.STREAM.NAMES")
    # Each of these asks for the streams too, and gets both answers before it goes on.
    await until(lambda: len(heard) == 6)
    assert not [
        text
        for text in heard
        if "copies." in text or nats_server.delivery_consumer in text or DELIVERY_CONSUMER_PREFIX in text
    ]


@pytest.mark.parametrize("stream", ["PAYMENTS", "CHECKS"])
@pytest.mark.parametrize(
    "creation",
    ["CREATE.{stream}.{consumer}", "CREATE.{stream}.{consumer}.payments.>", "DURABLE.CREATE.{stream}.{consumer}"],
)
async def test_subscriber_cannot_use_the_delivery_consumers_name(
    bus, copies, subscriber, copier, nats_server, stream, creation
):
    config = {"name": nats_server.delivery_consumer, "ack_policy": "none", "filter_subject": "payments.>"}
    if creation.startswith("DURABLE"):
        config["durable_name"] = nats_server.delivery_consumer
    subject = f"$JS.API.CONSUMER.{creation.format(stream=stream, consumer=nats_server.delivery_consumer)}"
    assert await ask(subscriber, subject, {"stream_name": stream, "config": config}) is None
    for action in ("DELETE", "INFO", "MSG.NEXT"):
        subject = f"$JS.API.CONSUMER.{action}.{stream}.{nats_server.delivery_consumer}"
        assert await ask(subscriber, subject) is None
    # A name in the subject overrides the name in the body.
    for other in ("CREATE.{stream}.other", "DURABLE.CREATE.{stream}.other"):
        await make_consumer(subscriber, stream, {**config, "durable_name": "other"}, subject=other)
    assert [info.name for info in await copier.jetstream().consumers_info(stream)] in ([], ["other"])
    assert [info.name for info in await bus.jetstream.consumers_info(stream)] == [nats_server.delivery_consumer]


async def test_delivery_consumers_name_is_kept_for_each_home(bus, copies, nats_server, home):
    before = nats_server.delivery_consumer
    copied = await bus.jetstream.consumer_info("PAYMENTS", before)
    again, elsewhere = EmbeddedNats(home), EmbeddedNats(home / "elsewhere")
    await again.prepare()
    await elsewhere.prepare()
    assert copied.name == again.delivery_consumer == before != elsewhere.delivery_consumer


async def forge(copier, consumer, numbers):
    """Deliver messages of CHECKS to the copy of PAYMENTS, as a subscriber with both secrets could."""
    delivery_subject = (await copier.jetstream().stream_info("PAYMENTS")).config.mirror.consumer.deliver_subject
    await make_consumer(copier, "CHECKS", {"name": consumer, "ack_policy": "none", "deliver_policy": "all"})
    request = json.dumps({"batch": numbers, "no_wait": True}).encode()
    await copier.publish(f"$JS.API.CONSUMER.MSG.NEXT.CHECKS.{consumer}", request, reply=delivery_subject)
    await copier.flush()


@pytest.mark.parametrize("forged", [3, 5])
@pytest.mark.parametrize("after", [0, 1, 4])
async def test_copy_with_foreign_messages_is_recreated(bus, subscriber, copier, nats_server, forged, after, capsys):
    for number in (1, 2):
        await bus.jetstream.publish("payments.padaria.1.Event1", str(number).encode())
    for _ in range(forged):
        await bus.jetstream.publish("checks.padaria", b"{}")

    async def holds(number, *, stream="PAYMENTS"):
        return (await copier.jetstream().stream_info(stream)).state.last_seq == number

    async with open_copies(
        origin_url=nats_server.url, copies_url=nats_server.copies_url, delivery_consumer=nats_server.delivery_consumer
    ) as copies:
        await until(lambda: holds(2))
        await until(lambda: holds(forged, stream="CHECKS"))
        await forge(copier, nats_server.delivery_consumer, forged)
        await until(lambda: holds(forged))
        for number in range(after):
            await bus.jetstream.publish("payments.padaria.1.Event2", str(number).encode())
        events = [message.data async for message in every_message(bus.jetstream)]

        async def is_whole():
            await copies.ensure()
            return [message.data async for message in every_message(copier.jetstream())] == events

        await until(is_whole)
        assert (
            await read(subscriber, len(events))
            == ["payments.padaria.1.Event1"] * 2 + ["payments.padaria.1.Event2"] * after
        )
        # From then on, the copy is not recreated.
        created = (await copier.jetstream().stream_info("PAYMENTS")).created
        for _ in range(10):
            await copies.ensure()
        assert (await copier.jetstream().stream_info("PAYMENTS")).created == created


async def every_message(jetstream):
    with contextlib.suppress(nats.js.errors.NotFoundError):
        for number in range(1, 1 + (await jetstream.stream_info("PAYMENTS")).state.last_seq):
            yield await jetstream.get_msg("PAYMENTS", number)


async def test_copies_of_an_older_version_get_a_secret_consumer(bus, subscriber, nats_server):
    await bus.jetstream.publish("payments.padaria.1.Event1", b"{}")
    servers = {"origin_url": nats_server.url, "copies_url": nats_server.copies_url}
    async with open_copies(**servers, delivery_consumer=DELIVERY_CONSUMER_PREFIX):
        assert [info.name for info in await bus.jetstream.consumers_info("PAYMENTS")] == [DELIVERY_CONSUMER_PREFIX]
    async with open_copies(**servers, delivery_consumer=nats_server.delivery_consumer):
        assert await read(subscriber, 1) == ["payments.padaria.1.Event1"]
        assert [info.name for info in await bus.jetstream.consumers_info("PAYMENTS")] == [nats_server.delivery_consumer]


async def test_equal_copy_is_left_alone(bus, copies, copier):
    for number in range(2, 6):
        # As `extrato/bus/publisher.py` does; a mirror drops the first header.
        headers = {"Nats-Expected-Last-Sequence": str(number), "Nats-Msg-Id": f"m{number}", "ce-id": f"e{number}"}
        await bus.jetstream.publish(f"payments.padaria.1.Event{number + 1}", b"{}", headers=headers)

    async def has_all():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 6

    await until(has_all)
    created = (await copier.jetstream().stream_info("PAYMENTS")).created
    for _ in range(10):
        await copies.ensure()
    assert (await copier.jetstream().stream_info("PAYMENTS")).created == created


async def test_message_deleted_in_the_origin_recreates_no_copy(bus, copies, copier):
    for number in range(3, 8):
        await bus.jetstream.publish(f"payments.padaria.1.Event{number}", b"{}")

    async def has_all():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 7

    await until(has_all)
    created = (await copier.jetstream().stream_info("PAYMENTS")).created
    for number in range(2, 8):
        await bus.jetstream.delete_msg("PAYMENTS", number)
    for _ in range(10):
        await copies.ensure()
    assert (await copier.jetstream().stream_info("PAYMENTS")).created == created


async def test_copy_of_a_recreated_stream_is_recreated(bus, copies, subscriber):
    await read(subscriber, 2)
    await bus.jetstream.delete_stream("PAYMENTS")
    await bus.ensure_streams()
    await bus.jetstream.publish("payments.padaria.1.First", b"{}")

    async def is_recreated():
        try:
            return await read(subscriber, 1, durable="another") == ["payments.padaria.1.First"]
        except nats.js.errors.Error:
            return False

    await until(is_recreated)


async def test_copy_is_purged_with_its_stream(bus, copies, subscriber, copier):
    await read(subscriber, 2)
    await bus.jetstream.purge_stream("PAYMENTS")
    await bus.jetstream.publish("payments.padaria.1.Again", b"{}")

    async def is_purged():
        return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 1

    await until(is_purged)
    assert await read(subscriber, 1) == ["payments.padaria.1.Again"]


async def test_copy_of_an_older_version_is_compressed_without_loss(bus, copies, copier):
    jetstream = copier.jetstream()
    before = await jetstream.stream_info("PAYMENTS")
    await jetstream.update_stream(before.config.evolve(compression=StoreCompression.NONE))
    await copies.ensure()
    after = await jetstream.stream_info("PAYMENTS")
    assert after.config.compression == StoreCompression.S2
    assert after.created == before.created


async def test_copy_without_its_beginning_is_recreated(bus, copies, subscriber, copier):
    await read(subscriber, 2)
    await copier.jetstream().purge_stream("PAYMENTS")

    async def is_whole():
        with contextlib.suppress(nats.js.errors.Error):
            return (await copier.jetstream().stream_info("PAYMENTS")).state.messages == 2

    await until(is_whole)


async def test_copy_continues_after_a_killed_server(bus, copies, subscriber, nats_server):
    await read(subscriber, 2)
    os.kill(nats_server.pid, signal.SIGKILL)
    await nats_server.stop()
    await nats_server.start()
    await until(lambda: bus.is_connected and subscriber.is_connected)
    await bus.jetstream.publish("payments.padaria.1.Event3", b"{}")
    # A message acknowledged just before the kill may arrive again: a consumer gets an event at least once.
    come = []
    while "payments.padaria.1.Event3" not in come:
        come += await read(subscriber, 1)
    assert set(come[:-1]) <= {"payments.padaria.1.Event1", "payments.padaria.1.Event2"}
