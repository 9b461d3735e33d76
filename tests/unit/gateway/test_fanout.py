"""A socket that cannot keep up is let go with a place to resume, and disturbs nobody."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import msgspec
import pytest

from contracts.envelope import Cause, Envelope
from contracts.events import PAYMENT_EVENTS, ApiKeyRevoked
from contracts.frames import EventFrame
from services.gateway.live.fanout import EVERY_PAYMENT, QUEUE_LIMIT, Fanout, Listener, event_frame
from tests.examples import EXAMPLE_EVENTS, NOON

ENVELOPE = Envelope(
    event_id=uuid4(),
    stream_id=uuid4(),
    version=1,
    position=7,
    merchant="padaria-do-marcos",
    payment_id=15,
    occurred_at=NOON,
    recorded_at=NOON,
    cause=Cause(correlation_id="test", actor="api_key"),
    event=EXAMPLE_EVENTS[0],
)


def frame(position):
    return EventFrame(
        position=position,
        payment_id=1,
        merchant="m",
        version=1,
        event="PaymentOpened",
        time=NOON,
        source="api_key",
        data={},
    )


async def test_a_full_queue_keeps_what_it_has_and_takes_no_more():
    listener = Listener()
    for position in range(1, QUEUE_LIMIT + 10):
        listener.offer(frame(position))
    taken = await listener.take()
    assert [one.position for one in taken] == list(range(1, QUEUE_LIMIT + 1))
    assert listener.overflowed
    listener.offer(frame(QUEUE_LIMIT + 10))
    assert await listener.take() == []


async def test_a_listener_that_is_closed_wakes_with_nothing():
    listener = Listener()
    waiting = asyncio.create_task(listener.take())
    await asyncio.sleep(0)
    listener.close("going_away")
    assert await waiting == []


async def test_a_listener_that_is_cut_is_told_nothing_of_what_is_queued():
    listener = Listener()
    listener.offer(frame(1))
    listener.cut("key_revoked")
    listener.offer(frame(2))
    assert await listener.take() == []
    assert (listener.closed, listener.ends_because) == (True, "key_revoked")


@pytest.mark.parametrize("is_cut_before", [False, True])
async def test_telling_is_broken_off_when_the_listener_is_cut(is_cut_before):
    listener = Listener()

    async def tell():
        async with listener.telling():
            await asyncio.Event().wait()

    if is_cut_before:
        listener.cut("key_revoked")
    telling = asyncio.create_task(tell())
    await asyncio.sleep(0)
    listener.cut("key_revoked")
    listener.cut("key_revoked")
    await telling


async def test_a_time_out_of_the_teller_itself_is_its_own():
    listener = Listener()
    with pytest.raises(TimeoutError):
        async with listener.telling():
            raise TimeoutError
    listener.cut("too late")


async def test_a_revoked_key_ends_its_own_listeners_only():
    fanout = Fanout()
    keys = ["extrato.padaria.k1.s", "extrato.padaria.k2.s", "extrato.other.k1.s", None]
    listeners = [fanout.listen("padaria", api_key=key) for key in keys]
    listeners.append(fanout.listen(15, api_key=keys[0]))
    revoked = msgspec.structs.replace(ENVELOPE, merchant="padaria", payment_id=None, event=ApiKeyRevoked(key_id="k1"))
    fanout.deliver(revoked)
    assert [listener.is_cut for listener in listeners] == [True, False, False, False, True]


async def test_an_event_reaches_those_who_listen_to_its_payment_or_merchant_and_nobody_else():
    fanout = Fanout()
    concerned = [fanout.listen(15), fanout.listen("padaria-do-marcos"), fanout.listen(EVERY_PAYMENT)]
    others = [fanout.listen(16), fanout.listen("another-merchant")]
    fanout.deliver(ENVELOPE)
    assert [len(await listener.take()) for listener in concerned] == [1, 1, 1]
    for listener in others:
        listener.close("going_away")
        assert await listener.take() == []


async def test_a_listener_is_handed_what_it_wants_only():
    fanout = Fanout()
    listener = fanout.listen(15, wants=lambda _: False)
    fanout.deliver(ENVELOPE)
    listener.close("going_away")
    assert await listener.take() == []


def test_who_left_is_forgotten():
    fanout = Fanout()
    listener = fanout.listen(1)
    assert not fanout.is_unheard()
    fanout.leave(1, listener)
    assert fanout.is_unheard()


@pytest.mark.parametrize(
    "event",
    [event for event in EXAMPLE_EVENTS if isinstance(event, PAYMENT_EVENTS)],
    ids=lambda event: type(event).__name__,
)
def test_every_kind_of_event_is_told_by_its_name_with_its_place_and_all_its_fields(event):
    told = msgspec.json.decode(msgspec.json.encode(event_frame(msgspec.structs.replace(ENVELOPE, event=event))))
    assert told == {
        "type": "event",
        "position": 7,
        "payment_id": 15,
        "merchant": "padaria-do-marcos",
        "version": 1,
        "event": type(event).__name__,
        "time": "2026-01-12T15:00:00Z",
        "source": "api_key",
        "data": msgspec.json.decode(msgspec.json.encode(event)),
    }
    assert list(told["data"]) == list(type(event).__struct_fields__)
