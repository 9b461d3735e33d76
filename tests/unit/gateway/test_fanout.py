"""The queues of listeners: bounds, closing, aborting, and which events reach which listener."""

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


async def test_full_queue_keeps_its_frames_and_drops_further_ones():
    listener = Listener()
    for position in range(1, QUEUE_LIMIT + 10):
        listener.offer(frame(position))
    taken = await listener.next_frames()
    assert [one.position for one in taken] == list(range(1, QUEUE_LIMIT + 1))
    assert listener.overflowed
    listener.offer(frame(QUEUE_LIMIT + 10))
    assert await listener.next_frames() == []


async def test_closed_listener_wakes_without_frames():
    listener = Listener()
    waiting = asyncio.create_task(listener.next_frames())
    await asyncio.sleep(0)
    listener.close("going_away")
    assert await waiting == []


async def test_aborted_listener_drops_its_queue():
    listener = Listener()
    listener.offer(frame(1))
    listener.abort("key_revoked")
    listener.offer(frame(2))
    assert await listener.next_frames() == []
    assert (listener.closed, listener.close_reason) == (True, "key_revoked")


@pytest.mark.parametrize("is_aborted_before", [False, True])
async def test_abort_cancels_the_running_send(is_aborted_before):
    listener = Listener()

    async def send():
        async with listener.sending():
            await asyncio.Event().wait()

    if is_aborted_before:
        listener.abort("key_revoked")
    sending = asyncio.create_task(send())
    await asyncio.sleep(0)
    listener.abort("key_revoked")
    listener.abort("key_revoked")
    await sending


async def test_time_out_of_the_body_is_raised():
    listener = Listener()
    with pytest.raises(TimeoutError):
        async with listener.sending():
            raise TimeoutError
    listener.abort("too late")


async def test_revoked_key_aborts_only_its_own_listeners():
    fanout = Fanout()
    keys = ["extrato.padaria.k1.s", "extrato.padaria.k2.s", "extrato.other.k1.s", None]
    listeners = [fanout.listen("padaria", api_key=key) for key in keys]
    listeners.append(fanout.listen(15, api_key=keys[0]))
    revoked = msgspec.structs.replace(ENVELOPE, merchant="padaria", payment_id=None, event=ApiKeyRevoked(key_id="k1"))
    fanout.deliver(revoked)
    assert [listener.is_aborted for listener in listeners] == [True, False, False, False, True]


async def test_event_reaches_listeners_of_its_payment_and_merchant_only():
    fanout = Fanout()
    concerned = [fanout.listen(15), fanout.listen("padaria-do-marcos"), fanout.listen(EVERY_PAYMENT)]
    others = [fanout.listen(16), fanout.listen("another-merchant")]
    fanout.deliver(ENVELOPE)
    assert [len(await listener.next_frames()) for listener in concerned] == [1, 1, 1]
    for listener in others:
        listener.close("going_away")
        assert await listener.next_frames() == []


async def test_listener_gets_only_events_that_it_wants():
    fanout = Fanout()
    listener = fanout.listen(15, wants=lambda _: False)
    fanout.deliver(ENVELOPE)
    listener.close("going_away")
    assert await listener.next_frames() == []


def test_removed_listener_is_forgotten():
    fanout = Fanout()
    listener = fanout.listen(1)
    assert not fanout.has_no_listeners()
    fanout.leave(1, listener)
    assert fanout.has_no_listeners()


@pytest.mark.parametrize(
    "event",
    [event for event in EXAMPLE_EVENTS if isinstance(event, PAYMENT_EVENTS)],
    ids=lambda event: type(event).__name__,
)
def test_frame_has_name_position_and_all_fields_of_every_event(event):
    decoded = msgspec.json.decode(msgspec.json.encode(event_frame(msgspec.structs.replace(ENVELOPE, event=event))))
    assert decoded == {
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
    assert list(decoded["data"]) == list(type(event).__struct_fields__)
