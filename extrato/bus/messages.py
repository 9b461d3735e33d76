"""Translates rows of the log to messages of the bus: CloudEvents 1.0 in binary mode."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from contracts import subjects as names
from extrato.store.codec import UnreadableEvent, read_state_text

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js.api import RawStreamMsg

    from extrato.store.codec import LogRow
    from extrato.store.identity import Identity

SUBJECT: Final = re.compile(r"[!-)+-\-/-=?-~]+(?:\.[!-)+-\-/-=?-~]+)*")
"""A valid subject: visible ASCII between single dots, without the wildcards `*` and `>`."""

# A line of the protocol has at most 4,096 bytes; the subject is a part of it.
MAX_SUBJECT: Final = 1000

# JetStream rejects larger headers (error 10097). Publishing adds FRAME_BYTES to a message's headers,
# and SENDER_BYTES to those of a message with an origin.
MAX_HEADER_BYTES: Final = (1 << 16) - 1
FRAME_BYTES: Final = 80
SENDER_BYTES: Final = 80

# No position of the log has more digits.
_POSITION: Final = re.compile(rb"\r\n" + names.HEADER_POSITION.encode() + rb": (\d{1,18})\r\n")
_SENDER: Final = re.compile(rb"\r\n" + names.HEADER_TRACEPARENT.encode() + rb": ([0-9a-f-]{55})\r\n")
_PREVIOUS: Final = re.compile(rb"\r\n" + names.HEADER_PREVIOUS.encode() + rb": (\d{1,18})\r\n")


class Message(msgspec.Struct, frozen=True):
    """The message of one row of the log; `headers` are lines that end with CR and LF.

    `origin` is the `traceparent` of the recorded span that appended the event.
    """

    subject: str
    headers: str
    body: bytes
    event_id: str
    origin: str = ""


def to_message(row: LogRow, *, previous: int, identity: Identity, refill: int = 1) -> Message:
    """Return the message of a row; `previous` is the position before it. Raises `UnreadableEvent`.

    `refill` is the first sequence number of the stream. The server remembers message ids for some minutes, also of
    purged messages. So an event gets another message id when the stream is filled again.
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
        (names.HEADER_ORIGIN, state.traceparent),
    ):
        if value:
            headers += f"{name}: {value}\r\n"
            lines += 1
    is_subject = len(subject) <= MAX_SUBJECT and SUBJECT.fullmatch(subject)
    if not is_subject or not headers.count("\n") == headers.count("\r") == lines:
        raise UnreadableEvent(subject[:200], why="header", topic=row.topic)
    return Message(subject, headers, bytes(state.data), state.event_id, state.traceparent)


def fits(message: Message, *, max_bytes: int) -> bool:
    """Return whether headers and body fit into `max_bytes`, and the headers into JetStream's limit."""
    header_bytes = len(message.headers.encode()) + FRAME_BYTES + (SENDER_BYTES if message.origin else 0)
    return header_bytes <= MAX_HEADER_BYTES and header_bytes + len(message.body) <= max_bytes


def position_of(message: Msg | RawStreamMsg) -> tuple[int, int]:
    """Return a message's position and the position before it; raises `UnreadableEvent`."""
    headers = message.headers or {}
    try:
        return int(headers[names.HEADER_POSITION]), int(headers[names.HEADER_PREVIOUS])
    except (KeyError, ValueError) as error:
        raise _without_position(message.subject or "") from error


def position_in(headers: bytes) -> tuple[int, int]:
    """Return a message's position and the position before it, from raw headers; raises `UnreadableEvent`."""
    position, previous = _POSITION.search(headers), _PREVIOUS.search(headers)
    if position is None or previous is None:
        raise _without_position("")
    return int(position[1]), int(previous[1])


def sender_in(headers: bytes) -> str:
    """Return the `traceparent` of the span that published a message, from raw headers; empty without one."""
    sender = _SENDER.search(headers)
    return "" if sender is None else sender[1].decode()


def _without_position(subject: str) -> UnreadableEvent:
    return UnreadableEvent(subject)
