"""Between rows of the log and messages of the bus: CloudEvents 1.0 in binary mode."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from contracts import subjects as names
from contracts.envelope import Cause, Envelope
from extrato.store.codec import UnreadableEvent, read_event, read_state_text

if TYPE_CHECKING:
    from eventsourcing.persistence import Notification
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg

    from extrato.store.identity import Identity

SUBJECT: Final = re.compile(r"[!-)+-\-/-=?-~]+(?:\.[!-)+-\-/-=?-~]+)*")
"""What may be published on: visible ASCII between single dots, and no `*` and `>`, which stand for many subjects."""

# No position of the log has more digits.
_POSITION: Final = re.compile(rb"\r\n" + names.HEADER_POSITION.encode() + rb": (\d{1,18})\r\n")
_PREVIOUS: Final = re.compile(rb"\r\n" + names.HEADER_PREVIOUS.encode() + rb": (\d{1,18})\r\n")


class Message(msgspec.Struct, frozen=True):
    """What is published for one row of the log; `headers` are lines that end with CR and LF."""

    subject: str
    headers: str
    body: bytes
    event_id: str


def to_message(row: Notification, *, previous: int, identity: Identity, refill: int = 1) -> Message:
    """Make the message of a row; `previous` is the position before it. Raises `UnreadableEvent`.

    `refill` is the sequence number with which the stream begins. The server remembers ids for some minutes, also
    those of messages that it was emptied of, so that the same event gets another id in a refill.
    """
    state = read_state_text(row)
    cause = state.cause
    event_name = row.topic.partition(".")[0]
    if state.payment_id is None:
        subject = names.merchant_subject(state.merchant, event_name)
    else:
        subject = names.payment_subject(state.merchant, state.payment_id, event_name)
    headers = (
        f"{names.HEADER_MESSAGE_ID}: {identity.log_id}.{identity.epoch}.{row.id}.{refill}\r\n"
        f"{names.HEADER_SPEC_VERSION}: 1.0\r\n"
        f"{names.HEADER_ID}: {state.event_id}\r\n"
        f"{names.HEADER_SOURCE}: {names.CE_SOURCE}\r\n"
        f"{names.HEADER_TYPE}: {names.CE_TYPE_PREFIX}{row.topic}\r\n"
        f"{names.HEADER_TIME}: {state.occurred_at}\r\n"
        f"{names.HEADER_CONTENT_TYPE}: application/json\r\n"
        f"{names.HEADER_STREAM_ID}: {row.originator_id}\r\n"
        f"{names.HEADER_VERSION}: {row.originator_version}\r\n"
        f"{names.HEADER_LOG}: {identity.log_id}\r\n"
        f"{names.HEADER_EPOCH}: {identity.epoch}\r\n"
        f"{names.HEADER_POSITION}: {row.id}\r\n"
        f"{names.HEADER_PREVIOUS}: {previous}\r\n"
        f"{names.HEADER_MERCHANT}: {state.merchant}\r\n"
        f"{names.HEADER_RECORDED_TIME}: {state.recorded_at}\r\n"
        f"{names.HEADER_CORRELATION_ID}: {cause.correlation_id}\r\n"
        f"{names.HEADER_ACTOR}: {cause.actor}\r\n"
    )
    lines = 17
    for name, value in (
        (names.HEADER_SUBJECT, state.payment_id),
        (names.HEADER_CAUSATION_ID, cause.causation_id),
        (names.HEADER_ACTOR_ID, cause.actor_id),
    ):
        if value:
            headers += f"{name}: {value}\r\n"
            lines += 1
    if not SUBJECT.fullmatch(subject) or not headers.count("\n") == headers.count("\r") == lines:
        msg = f"What {row.topic} says of itself cannot be written in a header."
        raise UnreadableEvent(msg, subject[:200])
    return Message(subject, headers, bytes(state.data), state.event_id)


def position_of(message: Msg | RawStreamMsg) -> tuple[int, int]:
    """Give a message's own position and the one before it; raises `UnreadableEvent`."""
    headers = message.headers or {}
    try:
        return int(headers[names.HEADER_POSITION]), int(headers[names.HEADER_PREVIOUS])
    except (KeyError, ValueError) as error:
        raise _without_position(message.subject or "") from error


def position_in(headers: bytes) -> tuple[int, int]:
    """Give a message's own position and the one before it, out of its raw headers; raises `UnreadableEvent`."""
    position, previous = _POSITION.search(headers), _PREVIOUS.search(headers)
    if position is None or previous is None:
        raise _without_position("")
    return int(position[1]), int(previous[1])


def _without_position(subject: str) -> UnreadableEvent:
    return UnreadableEvent("The message carries no position of the log.", subject)


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
