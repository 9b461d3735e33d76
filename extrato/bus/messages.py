"""Between rows of the log and messages of the bus: CloudEvents 1.0 in binary mode."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from contracts import subjects as names
from contracts.envelope import Cause, Envelope
from extrato.store.codec import UnreadableEvent, read_event, read_state

if TYPE_CHECKING:
    from eventsourcing.persistence import Notification
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg


class Message(msgspec.Struct, frozen=True):
    """What is published for one row of the log."""

    subject: str
    body: bytes
    headers: dict[str, str]


def to_message(row: Notification, *, previous: int) -> Message:
    """Make the message of a row; `previous` is the position before it. Raises `UnreadableEvent`."""
    state = read_state(row)
    event_name = row.topic.partition(".")[0]
    if state.payment_id is None:
        subject = names.merchant_subject(state.merchant, event_name)
    else:
        subject = names.payment_subject(state.merchant, state.payment_id, event_name)
    headers = {
        names.HEADER_MESSAGE_ID: str(row.id),
        names.HEADER_SPEC_VERSION: "1.0",
        names.HEADER_ID: str(state.event_id),
        names.HEADER_SOURCE: names.CE_SOURCE,
        names.HEADER_TYPE: names.CE_TYPE_PREFIX + row.topic,
        names.HEADER_TIME: state.occurred_at.isoformat(),
        names.HEADER_CONTENT_TYPE: "application/json",
        names.HEADER_STREAM_ID: str(row.originator_id),
        names.HEADER_VERSION: str(row.originator_version),
        names.HEADER_POSITION: str(row.id),
        names.HEADER_PREVIOUS: str(previous),
        names.HEADER_MERCHANT: state.merchant,
        names.HEADER_RECORDED_TIME: state.recorded_at.isoformat(),
        names.HEADER_CORRELATION_ID: state.cause.correlation_id,
        names.HEADER_ACTOR: state.cause.actor,
    }
    if state.payment_id is not None:
        headers[names.HEADER_SUBJECT] = str(state.payment_id)
    if state.cause.causation_id:
        headers[names.HEADER_CAUSATION_ID] = state.cause.causation_id
    if state.cause.actor_id:
        headers[names.HEADER_ACTOR_ID] = state.cause.actor_id
    return Message(subject, bytes(state.data), headers)


def position_of(message: Msg | RawStreamMsg) -> tuple[int, int]:
    """Give a message's own position and the one before it; raises `UnreadableEvent`."""
    headers = message.headers or {}
    try:
        return int(headers[names.HEADER_POSITION]), int(headers[names.HEADER_PREVIOUS])
    except (KeyError, ValueError) as error:
        msg = "The message carries no position of the log."
        raise UnreadableEvent(msg, message.subject or "") from error


def to_envelope(message: Msg) -> Envelope:
    """Read the event and its envelope out of a message; raises `UnreadableEvent`."""
    headers = message.headers or {}
    try:
        payment_id = headers.get(names.HEADER_SUBJECT)
        return Envelope(
            event_id=UUID(headers[names.HEADER_ID]),
            stream_id=UUID(headers[names.HEADER_STREAM_ID]),
            version=int(headers[names.HEADER_VERSION]),
            position=int(headers[names.HEADER_POSITION]),
            merchant=headers[names.HEADER_MERCHANT],
            payment_id=int(payment_id) if payment_id else None,
            occurred_at=datetime.fromisoformat(headers[names.HEADER_TIME]),
            recorded_at=datetime.fromisoformat(headers[names.HEADER_RECORDED_TIME]),
            cause=Cause(
                correlation_id=headers[names.HEADER_CORRELATION_ID],
                actor=headers[names.HEADER_ACTOR],
                actor_id=headers.get(names.HEADER_ACTOR_ID),
                causation_id=headers.get(names.HEADER_CAUSATION_ID),
            ),
            event=read_event(headers[names.HEADER_TYPE].removeprefix(names.CE_TYPE_PREFIX), message.data),
        )
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        msg = f"The message is not an event of the hub: {error!r}"
        raise UnreadableEvent(msg, message.subject) from error
