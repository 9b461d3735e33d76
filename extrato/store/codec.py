"""Encodes events as rows of the log, and decodes rows into envelopes; upcasters translate older shapes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

import msgspec

from contracts.envelope import Cause, Envelope, StateText, StoredState
from contracts.events import EVENT_OF_TOPIC, EVENTS, Event, topic_of
from contracts.upcasters import UPCASTERS, upcast
from extrato.errors import ExtratoError

if TYPE_CHECKING:
    from collections.abc import Callable

_encode = msgspec.json.Encoder().encode
_decode_state = msgspec.json.Decoder(StoredState).decode
_decode_state_text = msgspec.json.Decoder(StateText).decode
_decode_object = msgspec.json.Decoder(dict).decode
_decoder_of_topic: Final = {
    topic: msgspec.json.Decoder(event_type).decode for topic, event_type in EVENT_OF_TOPIC.items()
}
KNOWN_TOPICS: Final = frozenset(EVENT_OF_TOPIC) | frozenset(UPCASTERS)

_topic_of_type: Final = {event_type: topic_of(event_type) for event_type in EVENTS}


State = TypeVar("State", StoredState, StateText)


class LogRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of the log; `id` is its position.

    It has the fields of the library's `Notification`, whose creation takes longer than that of all other objects of an
    event. It is in no cycle, so the garbage collector need not look at it.
    """

    id: int
    originator_id: UUID
    originator_version: int
    topic: str
    state: bytes


class UnreadableEvent(ExtratoError):
    """A row of the log, or a message of the bus, is not a known event."""

    code = "unreadable_event"


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, rename={"event": "data"}):
    """An event that is not appended yet: it has no version and no position. Its JSON has the shape of `StoredState`.

    Without a recorded trace, the JSON has no `traceparent`.
    """

    event_id: UUID
    merchant: str
    payment_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    cause: Cause
    event: Event
    traceparent: str | msgspec.UnsetType = msgspec.UNSET


def topic_of_new(new: NewEvent) -> str:
    """Return the topic of an event: its kind and schema version."""
    return _topic_of_type[type(new.event)]


def to_state(new: NewEvent) -> bytes:
    """Encode an event as the column `state`, which holds the event and its metadata."""
    return _encode(new)


def read_state(row: LogRow) -> StoredState:
    """Decode the metadata of a row; `data` stays encoded. Raises `UnreadableEvent`."""
    return _read(_decode_state, row)


def read_state_text(row: LogRow) -> StateText:
    """Decode the metadata of a row for publishing; times and ids stay texts. Raises `UnreadableEvent`."""
    return _read(_decode_state_text, row)


def _read(decode: Callable[[bytes], State], row: LogRow) -> State:
    try:
        return decode(row.state)
    except msgspec.MsgspecError as error:
        raise UnreadableEvent(str(row.originator_id), why="state", topic=row.topic, words=str(error)) from error


def read_event(topic: str, data: bytes | msgspec.Raw) -> Event:
    """Decode the data of an event into its newest shape; raises `UnreadableEvent`."""
    try:
        decode = _decoder_of_topic.get(topic)
        if decode is not None:
            return decode(data)
        if topic not in UPCASTERS:
            raise UnreadableEvent(topic, why="topic")
        topic, upcasted = upcast(topic, _decode_object(data))
        return msgspec.convert(upcasted, EVENT_OF_TOPIC[topic])
    except (msgspec.MsgspecError, KeyError) as error:
        raise UnreadableEvent(topic, why="data", topic=topic, words=str(error)) from error


def to_envelope(row: LogRow) -> Envelope:
    """Decode a row; raises `UnreadableEvent`."""
    state = read_state(row)
    return Envelope(
        event_id=state.event_id,
        stream_id=row.originator_id,
        version=row.originator_version,
        position=row.id,
        merchant=state.merchant,
        payment_id=state.payment_id,
        occurred_at=state.occurred_at,
        recorded_at=state.recorded_at,
        cause=state.cause,
        event=read_event(row.topic, state.data),
        traceparent=state.traceparent,
    )
