"""The AsyncAPI document of the bus, the WebSocket and Socket.IO."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from contracts import __version__, frames, subjects, telemetry
from contracts.envelope import ACTORS
from contracts.events import EVENTS, PAYMENT_EVENTS, Event, topic_of
from contracts.generate.info import JSON, TITLE
from contracts.generate.schemas import COMPONENT, Document, schemas
from contracts.operations import OPERATIONS
from contracts.operations.common import TEXT

if TYPE_CHECKING:
    import msgspec

FRAMES: Final = (
    frames.Snapshot,
    frames.Resumed,
    frames.EventFrame,
    frames.Closing,
    frames.PayersSnapshot,
    frames.PayersResumed,
    frames.PayersChange,
    frames.PayersClosing,
)
CONFIRMATIONS: Final = (frames.PaymentConfirmed,)
CHECKS: Final = (telemetry.SweepCompleted, telemetry.PaymentChecked)
LOG_FACTS: Final = (telemetry.EpochBegun,)
DELIVERIES: Final = (telemetry.WebhookReceived,)

Attributes = dict[str, tuple[str, Document]]

ATTRIBUTES: Final[Attributes] = {
    subjects.HEADER_SPEC_VERSION: ("The version of CloudEvents.", {"const": "1.0"}),
    subjects.HEADER_ID: ("The message's own id.", {"type": "string", "format": "uuid"}),
    subjects.HEADER_SOURCE: ("The sender.", {"const": subjects.CE_SOURCE}),
    subjects.HEADER_TYPE: ("The name of the event, and the version of its shape.", TEXT),
    subjects.HEADER_TIME: (
        "When the event happened.",
        {"type": "string", "format": "date-time"},
    ),
    subjects.HEADER_CONTENT_TYPE: ("The media type of the body.", {"const": JSON}),
    subjects.HEADER_CORRELATION_ID: ("The id of the request or delivery; all its effects have the same id.", TEXT),
}
_NUMBER: Final = {"type": "string", "pattern": "^[0-9]+$"}
_TRACEPARENT: Final = {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"}
EVENT_ATTRIBUTES: Final[Attributes] = {
    subjects.HEADER_MESSAGE_ID: ("The log, the epoch and the position; JetStream drops repetitions by it.", TEXT),
    subjects.HEADER_LOG: ("The id of the log, which never changes.", {"type": "string", "format": "uuid"}),
    subjects.HEADER_EPOCH: (
        "The epoch of the log, counted from 1. One position may belong to different events in two epochs.",
        _NUMBER,
    ),
    subjects.HEADER_STREAM_ID: ("The event's stream.", {"type": "string", "format": "uuid"}),
    subjects.HEADER_VERSION: ("The event's place in the stream, counted from 1.", _NUMBER),
    subjects.HEADER_POSITION: ("The event's place in the log.", _NUMBER),
    subjects.HEADER_PREVIOUS: (
        "The position of the event before it in the log. A consumer whose checkpoint is lower has missed an event.",
        _NUMBER,
    ),
    subjects.HEADER_MERCHANT: ("The merchant's slug.", TEXT),
    subjects.HEADER_RECORDED_TIME: ("When the hub recorded it.", {"type": "string", "format": "date-time"}),
    subjects.HEADER_ACTOR: ("The actor that caused the event.", {"type": "string", "enum": list(ACTORS)}),
}
OPTIONAL_ATTRIBUTES: Final[Attributes] = {
    subjects.HEADER_SUBJECT: ("The payment's number; absent for an event of a merchant.", _NUMBER),
    subjects.HEADER_CAUSATION_ID: ("The event or message that led to this event.", TEXT),
    subjects.HEADER_ACTOR_ID: ("The id of the API key or webhook delivery.", TEXT),
    subjects.HEADER_ORIGIN: (
        "The recorded span that appended the event, as W3C Trace Context. Absent without a recorded trace.",
        _TRACEPARENT,
    ),
    subjects.HEADER_TRACEPARENT: (
        "The recorded span that published this message, as W3C Trace Context. Absent without a recorded trace.",
        _TRACEPARENT,
    ),
}


SOCKET_IO: Final = (
    "Protocol 5 of Socket.IO (clients of version 3 and 4), namespace `/`, by WebSocket or polling.\n\n"
    "The `auth` of the handshake has `api_key` (or the header Authorization has the key), with `payment_id` for one "
    "payment and without it for all payments of the merchant. A payer's client sends `payment_id` and `t`, the payer's "
    "token. `payment_id` and `t` may also be in the query, unless a polling client uses `t` for its time stamp.\n\n"
    "A client that names a confirmed payment receives the event at once, unless the money was refunded. An error has "
    "`data.code`. Behind a load balancer, polling needs sticky sessions; `transports: ['websocket']` does not."
)


def asyncapi() -> Document:
    """Describe the bus, the WebSocket and Socket.IO, in AsyncAPI 3.0.0."""
    channels = _channels()
    payloads = (*EVENTS, *CHECKS, *LOG_FACTS, *DELIVERIES, *FRAMES, *CONFIRMATIONS)
    _, definitions = schemas(payloads)
    attributes = {**ATTRIBUTES, **EVENT_ATTRIBUTES, **OPTIONAL_ATTRIBUTES}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "description": "Every event as a message. Messages on NATS are CloudEvents 1.0 in binary mode: the body is "
            "the event's JSON, and the attributes are headers. Amounts of events are whole centavos.",
        },
        "defaultContentType": JSON,
        "servers": {
            "nats": {"host": "localhost:4222", "protocol": "nats", "description": "NATS with JetStream."},
            "gateway": {"host": "localhost:8000", "protocol": "ws", "description": "The gateway."},
        },
        "channels": channels,
        "operations": {
            f"send_{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in channels
        },
        "components": {
            "messages": {
                **{event.__name__: _event_message(event) for event in EVENTS},
                **{fact.__name__: _telemetry_message(fact) for fact in (*CHECKS, *LOG_FACTS, *DELIVERIES)},
                **{frame.__name__: _message(frame) for frame in (*FRAMES, *CONFIRMATIONS)},
                "Refused": {
                    "name": "Refused",
                    "title": "A dead letter: the unchanged message that a consumer could not process",
                    "headers": {
                        "type": "object",
                        "properties": {
                            "reason": {"type": "string", "description": "Why the consumer could not process it."}
                        },
                        "required": ["reason"],
                    },
                    "payload": {},
                },
            },
            "schemas": {
                **definitions,
                "EventHeaders": _headers(attributes, required=[*ATTRIBUTES, *EVENT_ATTRIBUTES]),
                "TelemetryHeaders": _headers(ATTRIBUTES, required=list(ATTRIBUTES)),
            },
        },
    }


def _channels() -> dict[str, Document]:
    merchant = {"description": "The merchant's slug."}
    payment_names = [event.__name__ for event in PAYMENT_EVENTS]
    merchant_names = [event.__name__ for event in EVENTS if event not in PAYMENT_EVENTS]
    return {
        "payments": {
            "address": "payments.{merchant}.{payment_id}.{event}",
            "summary": f"Events of payments, in the stream {subjects.PAYMENTS_STREAM}.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {
                "merchant": merchant,
                "payment_id": {"description": "The payment's number."},
                "event": {"description": "The name of the event.", "enum": payment_names},
            },
            "messages": _messages(payment_names),
        },
        "merchants": {
            "address": subjects.merchant_subject("{merchant}", "{event}"),
            "summary": f"Events of merchants, in the stream {subjects.PAYMENTS_STREAM}.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {
                "merchant": merchant,
                "event": {"description": "The name of the event.", "enum": merchant_names},
            },
            "messages": _messages(merchant_names),
        },
        "checks": {
            "address": subjects.checks_subject("{merchant}"),
            "summary": f"Checks of payments. The stream {subjects.CHECKS_STREAM} keeps them for a day.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {"merchant": merchant},
            "messages": _messages([fact.__name__ for fact in CHECKS]),
        },
        "log": {
            "address": subjects.LOG_SUBJECT,
            "summary": f"Epochs of the log. The stream {subjects.CHECKS_STREAM} keeps these messages for a day.",
            "servers": [{"$ref": "#/servers/nats"}],
            "messages": _messages([fact.__name__ for fact in LOG_FACTS]),
        },
        "webhooks": {
            "address": subjects.webhooks_subject("{merchant}"),
            "summary": f"Verified webhooks. The stream {subjects.CHECKS_STREAM} keeps them for a day.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {"merchant": merchant},
            "messages": _messages([fact.__name__ for fact in DELIVERIES]),
        },
        "dead": {
            "address": subjects.dead_subject("{consumer}", "{subject}"),
            "summary": f"Dead letters (dead.>), in the stream {subjects.DEAD_STREAM}.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {
                "consumer": {"description": "The consumer that could not process the message."},
                "subject": {"description": "The message's subject, or `log.` and the position of a row of the log."},
            },
            "messages": _messages(["Refused"]),
        },
        "socket": {
            "address": "/ws",
            "summary": "A payment or a merchant, live: first a snapshot, then every event in order.",
            "servers": [{"$ref": "#/servers/gateway"}],
            "messages": _messages([frame.__name__ for frame in FRAMES]),
            "bindings": {"ws": {"method": "GET", "query": _socket_query(), "bindingVersion": "0.1.0"}},
        },
        "socket_io": {
            "address": "/socket.io/",
            "title": "Socket.IO",
            "summary": "Confirmed payments, as Socket.IO events named payment-confirmed- and the payment's number.",
            "description": SOCKET_IO,
            "servers": [{"$ref": "#/servers/gateway"}],
            "messages": _messages([confirmation.__name__ for confirmation in CONFIRMATIONS]),
        },
    }


def _socket_query() -> Document:
    """Return the query of the WebSocket, from the list of operations."""
    operation = next(operation for operation in OPERATIONS if operation.path == "/ws")
    return {
        "type": "object",
        "properties": {
            parameter.name: {**parameter.schema, "description": parameter.description} for parameter in operation.query
        },
    }


def _messages(names: list[str]) -> Document:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _message(kind: type[msgspec.Struct]) -> Document:
    title = inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]
    return {"name": kind.__name__, "title": title, "payload": {"$ref": COMPONENT.format(name=kind.__name__)}}


def _event_message(event: type[Event]) -> Document:
    return _with_headers(event, "EventHeaders", subjects.CE_TYPE_PREFIX + topic_of(event))


def _telemetry_message(fact: type[msgspec.Struct]) -> Document:
    return _with_headers(fact, "TelemetryHeaders", subjects.CE_TYPE_PREFIX + fact.__name__)


def _with_headers(kind: type[msgspec.Struct], headers: str, ce_type: str) -> Document:
    only_this = {"type": "object", "properties": {subjects.HEADER_TYPE: {"const": ce_type}}}
    return {**_message(kind), "headers": {"allOf": [{"$ref": COMPONENT.format(name=headers)}, only_this]}}


def _headers(attributes: Attributes, *, required: list[str]) -> Document:
    return {
        "type": "object",
        "properties": {
            name: {**schema, "description": description} for name, (description, schema) in attributes.items()
        },
        "required": required,
    }
