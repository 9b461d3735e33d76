"""Writes what can be read without Python: OpenAPI, AsyncAPI, a JSON Schema of every event, and docs/errors.md.

`python -m contracts.generate` writes them into the checkout; with `--check` it writes nothing, and says in one
sentence each which of them are stale.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from contracts import __version__, frames, read_models, subjects, telemetry
from contracts.api import MonitoringError, PixError
from contracts.api.request_fields import REAIS
from contracts.envelope import ACTORS
from contracts.errors import CATALOGUE
from contracts.errors.document import document as errors_document
from contracts.events import EVENTS, PAYMENT_EVENTS, Event, topic_of
from contracts.operations import OPERATIONS
from contracts.operations.common import ANSWER_HEADERS, CORRELATION_ID, PATH_PARAMETERS, REFUSALS, TEXT
from contracts.operations.examples import EXAMPLES
from contracts.operations.operation import Answer, Operation, Parameter
from contracts.upcasters import UPCASTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parent.parent
TITLE: Final = "Extrato"
JSON: Final = "application/json"
SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
COMPONENT: Final = "#/components/schemas/{name}"

READ_MODELS: Final = (
    read_models.MerchantProfile,
    read_models.OpenPayment,
    read_models.OpenRequest,
    read_models.PaymentDetails,
)
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

Document = dict[str, Any]
Attributes = dict[str, tuple[str, Document]]


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which differ; 1 when one does, 2 for anything else asked."""
    match arguments:
        case []:
            write(ROOT)
            return 0
        case ["--check"]:
            stale = stale_files(ROOT)
            print(*stale, sep="\n", end="\n" if stale else "")  # noqa: T201 - this is the answer
            return 1 if stale else 0
        case _:
            print("usage: python -m contracts.generate [--check]", file=sys.stderr)  # noqa: T201
            return 2


def write(root: Path) -> None:
    """Write every file below `root`, and remove the schemas of what no longer exists."""
    for path in _orphans(root):
        path.unlink()
    for name, text in generated().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def stale_files(root: Path) -> list[str]:
    """Give one sentence for each file below `root` that is not what would be written."""
    stale = [f"contracts/schemas/{path.name} describes nothing that exists." for path in _orphans(root)]
    for name, text in generated().items():
        path = root / name
        if not path.exists():
            stale.append(f"{name} is missing: run `make schemas`.")
        elif path.read_text(encoding="utf-8") != text:
            stale.append(f"{name} is stale: run `make schemas`.")
    return stale


@functools.cache
def generated() -> Mapping[str, str]:
    """Give every file, by its name below the checkout's root; while a process runs they are the same."""
    documents = {"contracts/openapi.json": openapi(), "contracts/asyncapi.json": asyncapi()}
    for event in EVENTS:
        documents[f"contracts/schemas/{topic_of(event)}.json"] = json_schema(event, topic_of(event))
    for read_model in READ_MODELS:
        documents[f"contracts/schemas/{read_model.__name__}.json"] = json_schema(read_model, read_model.__name__)
    texts = {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in documents.items()}
    return MappingProxyType({**texts, "docs/errors.md": errors_document()})


def _orphans(root: Path) -> list[Path]:
    """Find schemas that are not written; the last one of an old shape stays, for its events do."""
    known = generated().keys() | {f"contracts/schemas/{topic}.json" for topic in UPCASTERS}
    return sorted(path for path in root.glob("contracts/schemas/*.json") if str(path.relative_to(root)) not in known)


# --- JSON Schema ----------------------------------------------------------------------------------


def json_schema(kind: type[msgspec.Struct], name: str) -> Document:
    """Describe one Struct in a document of its own."""
    _, definitions = _schemas((kind,), ref_template="#/$defs/{name}")
    described = definitions.pop(kind.__name__)
    document = {"$schema": SCHEMA_DIALECT, "$id": f"urn:extrato:{name}", **described}
    return {**document, "$defs": definitions} if definitions else document


def _schemas(kinds: tuple[Any, ...], *, ref_template: str = COMPONENT) -> tuple[list[Document], Document]:
    """Describe types by their schemas, and the Structs in them by definitions sorted by name."""
    schemas, definitions = msgspec.json.schema_components(kinds, ref_template=ref_template)
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
        _write_amounts_in_reais(definition)
    return list(schemas), dict(sorted(definitions.items()))


def _write_amounts_in_reais(node: Any) -> None:
    """Describe an amount as the number that JSON holds, not as the whole centavos of the Struct."""
    if isinstance(node, dict):
        if node.get("format") == REAIS:
            node["type"] = "number"
        for below in node.values():
            _write_amounts_in_reais(below)
    elif isinstance(node, list):
        for below in node:
            _write_amounts_in_reais(below)


# --- OpenAPI --------------------------------------------------------------------------------------


def openapi() -> Document:
    """Describe the REST interface, in OpenAPI 3.1."""
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    _, definitions = _schemas(tuple(_bodies()))
    for error in (MonitoringError, PixError):
        definitions[error.__name__]["properties"]["code"]["enum"] = sorted(CATALOGUE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "summary": "A payment hub for Brazilian merchants that keeps every fact as an event.",
            "description": "Amounts are reais with at most two decimals, times are ISO 8601 with an offset. "
            "An address that ends in a slash is answered without it as well. In open mode no key is needed.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "parameters": {CORRELATION_ID.name: _parameter(CORRELATION_ID, "header")},
            "headers": {
                name: {"description": description, "schema": schema}
                for name, (description, schema) in ANSWER_HEADERS.items()
            },
            "securitySchemes": {
                "api_key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of a merchant or of the hub; each route names the scope that it needs.",
                },
                "payer_token": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "t",
                    "description": "The token of one payment, part of the URLs that are given to its payer.",
                },
            },
        },
    }


def _bodies() -> list[Any]:
    bodies: dict[Any, None] = {}
    for operation in OPERATIONS:
        answered = [answer.body for answer in operation.answers.values()]
        bodies |= dict.fromkeys(body for body in (operation.body, *answered, operation.errors) if body)
    return list(bodies)


def _operation(operation: Operation) -> Document:
    named = re.findall(r"{(\w+)}", operation.path)
    in_path = [
        Parameter(
            name=name,
            description=PATH_PARAMETERS[name],
            schema={"type": "integer", "minimum": 1} if name == "payment_id" else TEXT,
            is_required=True,
        )
        for name in named
    ]
    described: Document = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "security": _security(operation),
        "parameters": [
            *(_parameter(parameter, "path") for parameter in in_path),
            *(_parameter(parameter, "query") for parameter in operation.query),
            *(_parameter(parameter, "header") for parameter in operation.headers),
            {"$ref": f"#/components/parameters/{CORRELATION_ID.name}"},
        ],
    }
    if not operation.description:
        del described["description"]
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.may_lack_body,
            "content": {JSON: _media(operation.body)},
        }
    described["responses"] = {str(status): _answer(answer) for status, answer in _answers(operation).items()}
    return described


def _security(operation: Operation) -> list[Document]:
    if operation.scope is None:
        return []
    with_key: Document = {"api_key": [operation.scope]}
    return [with_key, {"payer_token": []}] if operation.payer else [with_key]


def _answers(operation: Operation) -> dict[int, Answer]:
    statuses = {*operation.refusals, *((401, 403) if operation.scope and operation.errors else ())}
    headers = {401: ("WWW-Authenticate",), 503: ("Retry-After",)}
    refusals = {
        status: Answer(description=REFUSALS[status], body=operation.errors, headers=headers.get(status, ()))
        for status in statuses
    }
    return dict(sorted((refusals | operation.answers).items()))


def _answer(answer: Answer) -> Document:
    described: Document = {
        "description": answer.description,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in sorted((*answer.headers, CORRELATION_ID.name))
        },
    }
    if answer.media_types:
        described["content"] = {
            media_type: _media(answer.body, media_type=media_type) for media_type in answer.media_types
        }
    return described


def _media(body: Any, *, media_type: str = JSON) -> Document:
    if body is None:
        return {"schema": TEXT} if media_type.startswith("text/") else {}
    media: Document = {"schema": _schemas((body,))[0][0]}
    if body in EXAMPLES:
        media["example"] = EXAMPLES[body]
    return media


def _parameter(parameter: Parameter, where: str) -> Document:
    return {
        "name": parameter.name,
        "in": where,
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


# --- AsyncAPI -------------------------------------------------------------------------------------

ATTRIBUTES: Final[Attributes] = {
    subjects.HEADER_SPEC_VERSION: ("The version of CloudEvents.", {"const": "1.0"}),
    subjects.HEADER_ID: ("The message's own id.", {"type": "string", "format": "uuid"}),
    subjects.HEADER_SOURCE: ("Who says it.", {"const": subjects.CE_SOURCE}),
    subjects.HEADER_TYPE: ("What happened, and the version of its shape.", TEXT),
    subjects.HEADER_TIME: (
        "When it happened, by the world's time.",
        {"type": "string", "format": "date-time"},
    ),
    subjects.HEADER_CONTENT_TYPE: ("What the body is.", {"const": JSON}),
    subjects.HEADER_CORRELATION_ID: ("One request or delivery, through everything that it causes.", TEXT),
}
_NUMBER: Final = {"type": "string", "pattern": "^[0-9]+$"}
EVENT_ATTRIBUTES: Final[Attributes] = {
    subjects.HEADER_MESSAGE_ID: ("The log, the epoch and the position, by which JetStream drops a repetition.", TEXT),
    subjects.HEADER_LOG: ("Which log this is, for ever.", {"type": "string", "format": "uuid"}),
    subjects.HEADER_EPOCH: (
        "How often the log went back, counted from 1: positions of two epochs may stand for different events.",
        _NUMBER,
    ),
    subjects.HEADER_STREAM_ID: ("The event's stream.", {"type": "string", "format": "uuid"}),
    subjects.HEADER_VERSION: ("Its place in the stream, counted from 1.", _NUMBER),
    subjects.HEADER_POSITION: ("Its place in the log.", _NUMBER),
    subjects.HEADER_PREVIOUS: (
        "The position before it; a consumer that is not there yet has a hole.",
        _NUMBER,
    ),
    subjects.HEADER_MERCHANT: ("The merchant's slug.", TEXT),
    subjects.HEADER_RECORDED_TIME: ("When the hub recorded it.", {"type": "string", "format": "date-time"}),
    subjects.HEADER_ACTOR: ("Who caused it.", {"type": "string", "enum": list(ACTORS)}),
}
OPTIONAL_ATTRIBUTES: Final[Attributes] = {
    subjects.HEADER_SUBJECT: ("The payment's number; absent for an event of a merchant.", _NUMBER),
    subjects.HEADER_CAUSATION_ID: ("The event or message that led to it.", TEXT),
    subjects.HEADER_ACTOR_ID: ("Which key or delivery, where the actor is one of many.", TEXT),
}


SOCKET_IO: Final = (
    "Protocol 5 of Socket.IO (clients of version 3 and 4), namespace `/`, by WebSocket or polling. The `auth` of the "
    "handshake says who listens: `api_key` (or the Authorization header), with `payment_id` for one payment and "
    "without for all of the merchant's; or `payment_id` and `t`, the token of a payer. `payment_id` and `t` are read "
    "from the query too, where a client that polls does not put a time stamp of its own into `t`. A client that "
    "names a payment which is confirmed already is told so at once, unless the money was given back. A refusal "
    "carries `data.code`. Behind a balancer, polling needs sticky sessions; `transports: ['websocket']` does not."
)


def asyncapi() -> Document:
    """Describe the bus, the WebSocket and Socket.IO, in AsyncAPI 3.0.0."""
    channels = _channels()
    payloads = (*EVENTS, *CHECKS, *LOG_FACTS, *DELIVERIES, *FRAMES, *CONFIRMATIONS)
    _, definitions = _schemas(payloads)
    attributes = {**ATTRIBUTES, **EVENT_ATTRIBUTES, **OPTIONAL_ATTRIBUTES}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "description": "Every fact as a message. Messages on NATS are CloudEvents 1.0 in binary mode: "
            "the body is the event's JSON, the attributes are headers. Amounts of events are whole centavos.",
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
                    "title": "A message that a consumer refuses, as it came",
                    "headers": {
                        "type": "object",
                        "properties": {"reason": {"type": "string", "description": "Why it was refused."}},
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
            "summary": f"What happens to payments, kept in the stream {subjects.PAYMENTS_STREAM}.",
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
            "summary": f"What happens to merchants, kept in the stream {subjects.PAYMENTS_STREAM}.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {
                "merchant": merchant,
                "event": {"description": "The name of the event.", "enum": merchant_names},
            },
            "messages": _messages(merchant_names),
        },
        "checks": {
            "address": subjects.checks_subject("{merchant}"),
            "summary": f"Routine checks of payments, kept in the stream {subjects.CHECKS_STREAM} for a day.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {"merchant": merchant},
            "messages": _messages([fact.__name__ for fact in CHECKS]),
        },
        "log": {
            "address": subjects.LOG_SUBJECT,
            "summary": f"What happens to the log itself, kept in the stream {subjects.CHECKS_STREAM} for a day.",
            "servers": [{"$ref": "#/servers/nats"}],
            "messages": _messages([fact.__name__ for fact in LOG_FACTS]),
        },
        "webhooks": {
            "address": subjects.webhooks_subject("{merchant}"),
            "summary": f"Verified webhook deliveries, kept in the stream {subjects.CHECKS_STREAM} for a day.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {"merchant": merchant},
            "messages": _messages([fact.__name__ for fact in DELIVERIES]),
        },
        "dead": {
            "address": subjects.dead_subject("{consumer}", "{subject}"),
            "summary": f"What a consumer refuses (dead.>), kept in the stream {subjects.DEAD_STREAM}.",
            "servers": [{"$ref": "#/servers/nats"}],
            "parameters": {
                "consumer": {"description": "Who refuses it."},
                "subject": {"description": "Its whole subject, or `log.` and the position of a row of the log."},
            },
            "messages": _messages(["Refused"]),
        },
        "socket": {
            "address": "/ws",
            "summary": "A payment or a merchant, live: first how things stand, then every event in order.",
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
    """Take the query of the WebSocket from the list of operations."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
