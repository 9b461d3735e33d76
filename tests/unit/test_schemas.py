"""The generated documents are fresh and well-formed, and the hub's messages fit them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args, get_type_hints
from uuid import UUID

import msgspec
import pytest
from jsonschema import Draft202012Validator

import contracts
from contracts import frames, read_models, subjects
from contracts.api import MonitoringError, PixCreated, PixError, types
from contracts.envelope import Cause
from contracts.errors import CATALOGUE
from contracts.events import EVENTS, topic_of
from contracts.generate import __main__ as command
from contracts.generate import files
from contracts.generate.asyncapi import FRAMES, asyncapi
from contracts.generate.files import READ_MODELS
from contracts.generate.openapi import openapi
from contracts.generate.schemas import SCHEMA_DIALECT
from contracts.operations import OPERATIONS
from contracts.operations.codes import codes_by_shape
from contracts.operations.common import REFUSALS
from contracts.operations.examples import EXAMPLES
from contracts.payment_status import KNOWN
from contracts.providers import CONNECTED_PROVIDERS
from contracts.upcasters import UPCASTERS
from contracts.v1 import Problem
from extrato.bus.messages import to_message
from extrato.domain.api_keys import HUB_SCOPES, SCOPES
from extrato.domain.brcode import decode
from extrato.domain.payment.ledger import Refund
from extrato.domain.pix_keys import InvalidPixKey, normalise
from extrato.providers.mercado_pago.adapter import MercadoPago
from extrato.providers.mercado_pago.client import MercadoPagoClient
from extrato.providers.pix import PixProvider
from extrato.providers.port import Providers
from extrato.store.codec import LogRow, NewEvent, to_envelope, to_state, topic_of_new
from extrato.store.identity import Identity
from services.gateway.api.response_bodies import LABELS
from services.gateway.http.problems import problem
from services.gateway.http.responses import monitoring_error, pix_error
from services.gateway.pages.error_page import page_error
from services.gateway.routes import ROUTES
from tests.examples import DIRECT_PIX, EXAMPLE_EVENTS, NOON

FOLDER = Path(contracts.__file__).parent
OPENAPI = openapi()
ASYNCAPI = asyncapi()
BY_NAME = {type(event).__name__: event for event in EXAMPLE_EVENTS}

# No operation answers these codes. They belong to unknown routes, the command line, Socket.IO or a worker, or are part
# of another error's sentence.
WITHOUT_OPERATION = {code for code in CATALOGUE if code.startswith("brcode_")} | {
    "bus_refused",
    "bus_unavailable",
    "cannot_rotate",
    "conflict",
    "foreign_file",
    "invalid_auth",
    "invalid_price",
    "method_not_allowed",
    "payment_already_opened",
    "provider_shows_nothing",
    "unfit_role",
    "unfit_schema",
}

each_event = pytest.mark.parametrize("event", [*EXAMPLE_EVENTS, DIRECT_PIX], ids=lambda event: type(event).__name__)


def nodes(document: Any) -> list[dict[str, Any]]:
    """Every object of a document, at any depth."""
    found: list[dict[str, Any]] = []
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            found.append(node)
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found


def resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    for part in reference[2:].split("/"):
        document = document[part]
    return document


def with_responses(document: Any) -> dict[str, Any]:
    """The paths of an OpenAPI document, with shared responses in place of references."""
    return {
        path: {
            method: {
                **operation,
                "responses": {
                    status: resolve(document, answer["$ref"]) if "$ref" in answer else answer
                    for status, answer in operation["responses"].items()
                },
            }
            for method, operation in operations.items()
        }
        for path, operations in document["paths"].items()
    }


def errors_of(instance: Any, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """The errors of an instance, by a schema that may refer to other parts of its document."""
    # A reference resolves against the schema's own root, so the root gets the document's components.
    rooted = {"$schema": SCHEMA_DIALECT, **schema, "components": document["components"]}
    return [error.message for error in Draft202012Validator(rooted).iter_errors(instance)]


def envelope_row(event: Any) -> LogRow:
    new = NewEvent(
        event_id=UUID(int=7),
        merchant="padaria-do-marcos",
        payment_id=None if type(event).__name__ in {"MerchantRegistered", "PixKeySet"} else 15,
        occurred_at=NOON,
        recorded_at=NOON,
        cause=Cause(correlation_id="a-request", actor="operator"),
        event=event,
    )
    return LogRow(originator_id=UUID(int=1), originator_version=3, topic=topic_of_new(new), state=to_state(new), id=42)


# --- the files ------------------------------------------------------------------------------------


def test_committed_files_are_fresh():
    assert files.stale_files(FOLDER.parent) == []


def test_generated_files_are_deterministic():
    assert files.generated.__wrapped__() == files.generated()


def test_generated_files_end_with_one_newline():
    assert all(text.endswith(("}\n", ".\n")) for text in files.generated().values())


def test_written_folder_is_fresh(tmp_path):
    files.write(tmp_path)

    assert files.stale_files(tmp_path) == []


def test_each_stale_file_is_reported(tmp_path):
    files.write(tmp_path)
    (tmp_path / "contracts" / "openapi.json").write_text("{}")
    (tmp_path / "docs" / "errors.md").unlink()
    (tmp_path / "contracts" / "schemas" / "PixKeySet.v1.json").unlink()
    (tmp_path / "contracts" / "schemas" / "CoffeeBrewed.v1.json").write_text("{}")

    assert files.stale_files(tmp_path) == [
        "contracts/schemas/CoffeeBrewed.v1.json belongs to no contract.",
        "contracts/openapi.json is stale: run `make schemas`.",
        "contracts/schemas/PixKeySet.v1.json is missing: run `make schemas`.",
        "docs/errors.md is missing: run `make schemas`.",
    ]


def test_writing_removes_schemas_without_a_contract(tmp_path):
    files.write(tmp_path)
    orphan = tmp_path / "contracts" / "schemas" / "CoffeeBrewed.v1.json"
    orphan.write_text("{}")

    files.write(tmp_path)

    assert not orphan.exists()


def test_writing_keeps_schemas_of_old_shapes(tmp_path):
    files.write(tmp_path)
    old = tmp_path / "contracts" / "schemas" / f"{next(iter(UPCASTERS))}.json"
    old.write_text("{}")

    files.write(tmp_path)

    assert old.exists()
    assert files.stale_files(tmp_path) == []


def test_check_fails_on_a_stale_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--check"]) == 1
    assert "contracts/openapi.json is missing" in capsys.readouterr().out

    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_unknown_argument_is_refused(capsys):
    assert command.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


# --- OpenAPI --------------------------------------------------------------------------------------


def test_openapi_describes_exactly_the_gateways_routes():
    errors = {pix_error: PixError, monitoring_error: MonitoringError, problem: Problem, page_error: None}
    routes = [(route.method, route.path, route.scope, route.payer, errors[route.errors]) for route in ROUTES]
    described = [
        (operation.method, operation.path, operation.scope, operation.payer, operation.errors)
        for operation in OPERATIONS
    ]

    assert sorted(described, key=str) == sorted(routes, key=str)


def test_operation_scopes_are_scopes_of_api_keys():
    assert {operation.scope for operation in OPERATIONS} - {None} <= HUB_SCOPES


@pytest.mark.parametrize("error", [PixError, MonitoringError, Problem])
def test_error_codes_are_those_of_the_catalogue(error):
    assert OPENAPI["components"]["schemas"][error.__name__]["properties"]["code"]["enum"] == sorted(CATALOGUE)


def test_every_error_status_is_described():
    # Only unknown methods get 405, so no operation describes it.
    assert {entry.status for entry in CATALOGUE.values()} - {405} <= REFUSALS.keys()


def test_openapi_document_is_valid():
    text = {"type": "string", "minLength": 1}
    media = {
        "type": "object",
        "properties": {"schema": {"type": "object"}},
        "additionalProperties": {"not": {"type": "null"}},
    }
    answer = {
        "type": "object",
        "required": ["description"],
        "properties": {
            "description": text,
            "headers": {"type": "object"},
            "content": {"type": "object", "minProperties": 1, "additionalProperties": media},
        },
        "additionalProperties": False,
    }
    operation = {
        "type": "object",
        "required": ["operationId", "summary", "security", "responses"],
        "properties": {
            "operationId": {"type": "string", "pattern": "^[a-z][A-Za-z]+$"},
            "responses": {
                "type": "object",
                "minProperties": 1,
                "patternProperties": {"^[1-5][0-9][0-9]$": answer},
                "additionalProperties": False,
            },
            "requestBody": {"type": "object", "required": ["content"]},
        },
    }
    structure = {
        "type": "object",
        "required": ["openapi", "info", "paths", "components"],
        "properties": {
            "openapi": {"pattern": r"^3\.1\.\d+$"},
            "info": {"required": ["title", "version"], "properties": {"title": text, "version": text}},
            "paths": {
                "minProperties": 1,
                "patternProperties": {
                    "^/": {
                        "propertyNames": {"enum": ["get", "post", "put", "patch", "delete"]},
                        "minProperties": 1,
                        "additionalProperties": operation,
                    }
                },
                "additionalProperties": False,
            },
        },
        "additionalProperties": True,
    }

    whole = {**OPENAPI, "paths": with_responses(OPENAPI)}
    assert [error.message for error in Draft202012Validator(structure).iter_errors(whole)] == []


def test_operation_names_are_unique():
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_path_parameters_are_described_and_required(operation):
    described = OPENAPI["paths"][operation.path][operation.method.lower()]
    parameters = [
        resolve(OPENAPI, parameter["$ref"]) if "$ref" in parameter else parameter
        for parameter in described["parameters"]
    ]
    in_path = [parameter for parameter in parameters if parameter["in"] == "path"]

    assert [parameter["name"] for parameter in in_path] == re.findall(r"{(\w+)}", operation.path)
    assert all(parameter["required"] for parameter in in_path)
    names = [(parameter["in"], parameter["name"]) for parameter in parameters]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_describes_its_authentication(operation):
    described = OPENAPI["paths"][operation.path][operation.method.lower()]
    schemes = [next(iter(requirement)) for requirement in described["security"]]

    assert set(schemes) <= OPENAPI["components"]["securitySchemes"].keys()
    # A page without a valid token is answered 404.
    refusals = {"401", "403"} if operation.scope and operation.errors else {"404"} if operation.scope else set()
    assert refusals <= described["responses"].keys()
    assert schemes == ["api_key"] * bool(operation.scope) + ["payer_token"] * operation.payer


def test_unsafe_repetitions_take_an_idempotency_key():
    # A repetition of these has no further effect: a return of a Pix has the bank's id, the others change a state.
    idempotent = {"cancelPayment", "startMonitor", "startAllMonitors", "acceptMoney", "resolveAlert", "returnPix"}
    creating = {"payments:write", "payments:refund"}
    older = [operation for operation in OPERATIONS if not operation.is_v1]
    creations = {operation.name for operation in older if operation.scope in creating} - idempotent
    with_key = {operation.name for operation in older if operation.takes("Idempotency-Key")}

    assert creations == with_key == {"createPix", "generateLink", "createCart", "refundPayment"}


def test_every_post_of_v1_takes_an_idempotency_key():
    posts = {operation.name for operation in OPERATIONS if operation.is_v1 and operation.method == "POST"}
    assert posts == {each.name for each in OPERATIONS if each.is_v1 and each.takes("Idempotency-Key")}


def test_rate_limited_operations_describe_429():
    limited = {(route.method, route.path) for route in ROUTES if route.limit is not None}
    described = {
        (operation.method, operation.path)
        for operation in OPERATIONS
        if 429 in {*operation.refusals, *operation.answers}
    }
    # These limit only clients that guess signatures.
    guarded = {("POST", "/webhooks/mercadopago/"), ("POST", "/webhooks/mercadopago/{merchant}/")}

    assert described == limited | guarded


def test_operations_with_a_scope_have_a_rate_limit():
    assert [route.path for route in ROUTES if route.scope is not None and route.limit is None] == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_error_answer_lists_its_codes(operation):
    answers = with_responses(OPENAPI)[operation.path][operation.method.lower()]["responses"]
    described: dict[str, int] = {}
    for status in operation.refusals:
        (media,) = answers[str(status)]["content"].values()
        schema = media["schema"]
        assert schema["allOf"][0] == {"$ref": f"#/components/schemas/{operation.errors.__name__}"}
        for code in schema["allOf"][1]["properties"]["code"]["enum"]:
            assert f"- `{code}`: {CATALOGUE[code].cause}" in answers[str(status)]["description"]
            described[code] = status

    assert described == {code: CATALOGUE[code].status for code in operation.every_code}
    assert (described == {}) == (operation.errors is None)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_error_example_fits_its_operation(operation):
    for answer in with_responses(OPENAPI)[operation.path][operation.method.lower()]["responses"].values():
        for media in answer.get("content", {}).values():
            if "example" in media:
                assert errors_of(media["example"], media["schema"], OPENAPI) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operation_codes_have_no_repetition(operation):
    assert sorted(operation.codes) == sorted(set(operation.codes) - set(codes_by_shape(operation)))


def test_every_code_has_an_operation_or_an_exception():
    answered = {code for operation in OPERATIONS for code in operation.every_code}

    assert answered | WITHOUT_OPERATION == CATALOGUE.keys()
    assert answered & WITHOUT_OPERATION == set()


def test_every_operation_with_a_body_can_time_out():
    for operation in OPERATIONS:
        assert (408 in operation.refusals) == (413 in operation.refusals), operation.name


def test_answers_429_and_503_describe_retry_after():
    for operation in OPERATIONS:
        answers = with_responses(OPENAPI)[operation.path][operation.method.lower()]["responses"]
        for status in operation.refusals & {429, 503}:
            assert "Retry-After" in answers[str(status)]["headers"], operation.name


REQUESTS = {each.body for each in OPERATIONS if isinstance(each.body, type) and issubclass(each.body, msgspec.Struct)}


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_body_example_fits_its_schema(kind):
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}

    assert errors_of(EXAMPLES[kind], schema, OPENAPI) == []
    if kind not in REQUESTS:
        decoded = msgspec.convert(EXAMPLES[kind], kind)
        assert json.loads(msgspec.json.encode(decoded)) == json.loads(msgspec.json.encode(EXAMPLES[kind]))


def test_every_request_has_an_example():
    assert EXAMPLES.keys() >= REQUESTS


def test_every_example_is_in_the_document():
    shown = [node["example"] for node in nodes(OPENAPI) if "example" in node]

    assert all(example in shown for example in EXAMPLES.values())


def test_pix_example_is_a_valid_brcode():
    code = decode(EXAMPLES[PixCreated]["payment"]["payload"])

    assert (code.amount_centavos, code.pix_key) == (3500, BY_NAME["PixKeySet"].key)


def test_every_property_has_a_description():
    bare = [
        f"{name}.{field}"
        for name, body in OPENAPI["components"]["schemas"].items()
        for field, schema in body.get("properties", {}).items()
        if not schema.get("description", "").endswith(".")
    ]

    assert bare == []


def test_every_body_has_a_description():
    assert [name for name, schema in OPENAPI["components"]["schemas"].items() if not schema.get("description")] == []


def test_enums_are_those_of_the_domain():
    remote = Providers.of(remote=[MercadoPago(MercadoPagoClient(None, ""))], local=[PixProvider()]).remote

    assert set(types.MERCHANT_SCOPES) == SCOPES
    assert set(CONNECTED_PROVIDERS) == remote.keys()
    assert set(types.REFUND_STATES) == set(get_args(get_type_hints(Refund)["state"]))
    assert set(LABELS) == KNOWN


@pytest.mark.parametrize("kind", types.PIX_KEY_KINDS)
def test_pix_key_kinds_are_those_of_the_domain(kind):
    with pytest.raises(InvalidPixKey) as refused:
        normalise(kind, "no key of any kind")

    assert refused.value.code != "pix_key_unknown_kind"


# --- AsyncAPI -------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_reference_resolves(document):
    references = [node["$ref"] for node in nodes(document) if "$ref" in node]

    assert references
    for reference in references:
        assert resolve(document, reference) is not None


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=["openapi", "asyncapi"])
def test_every_schema_is_valid_and_used(document):
    references = {node["$ref"] for node in nodes(document) if "$ref" in node}
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert f"#/components/schemas/{name}" in references, name


def test_every_event_has_exactly_one_channel():
    channels = ASYNCAPI["channels"]
    messages = [*channels["payments"]["messages"], *channels["merchants"]["messages"]]

    assert sorted(messages) == sorted(event.__name__ for event in EVENTS)
    assert channels["payments"]["parameters"]["event"]["enum"] == list(channels["payments"]["messages"])


def test_every_channel_has_a_send_operation_and_a_server():
    for name, channel in ASYNCAPI["channels"].items():
        parameters = re.findall(r"{(\w+)}", channel["address"])
        assert parameters == list(channel.get("parameters", {})), name
        assert ASYNCAPI["operations"][f"send_{name}"]["action"] == "send"
        assert [resolve(ASYNCAPI, server["$ref"]) for server in channel["servers"]]


def test_channel_addresses_are_the_subjects_of_the_bus():
    channels = ASYNCAPI["channels"]
    payment = channels["payments"]["address"].format(merchant="a", payment_id=15, event="B")
    merchant = channels["merchants"]["address"].format(merchant="a", event="B")

    assert payment == subjects.payment_subject("a", 15, "B")
    assert merchant == subjects.merchant_subject("a", "B")


@each_event
def test_message_of_the_relay_fits_asyncapi(event):
    identity = Identity(log_id=UUID(int=9), epoch=1, last_common=0, began_at=NOON)
    message = to_message(envelope_row(event), previous=41, identity=identity)
    described = ASYNCAPI["components"]["messages"][type(event).__name__]

    assert errors_of(json.loads(message.body), described["payload"], ASYNCAPI) == []
    headers = dict(line.split(": ", 1) for line in message.headers.splitlines())
    assert errors_of(headers, described["headers"], ASYNCAPI) == []
    common = resolve(ASYNCAPI, described["headers"]["allOf"][0]["$ref"])
    assert headers.keys() <= common["properties"].keys()


@pytest.mark.parametrize(
    "frame",
    [
        frames.Snapshot(
            position=7,
            epoch=1,
            reason=frames.LOG_RESTORED,
            payments=[
                frames.PaymentState(
                    payment_id=15,
                    merchant="padaria-do-marcos",
                    status="approved",
                    status_detail=None,
                    amount=35.0,
                    held_amount=30.0,
                    refunded_amount=5.0,
                    disputed_amount=0.0,
                    description="Pedido 15",
                    paid_at=None,
                    updated_at=NOON,
                    attempts=[
                        frames.AttemptState(
                            mp_payment_id="143845679916",
                            status="approved",
                            status_detail="accredited",
                            amount=35.0,
                            held_amount=30.0,
                            refunded_amount=5.0,
                            currency="BRL",
                        )
                    ],
                    alerts=["refund_reversed"],
                )
            ],
        ),
        frames.Resumed(position=7, epoch=1),
        frames.EventFrame(
            position=8,
            payment_id=15,
            merchant="padaria-do-marcos",
            version=2,
            event="PaymentExpired",
            time=NOON,
            source="clock",
            data=BY_NAME["PaymentExpired"],
        ),
        frames.Closing(position=8, reason="too_slow"),
        frames.PayersSnapshot(
            version=2,
            epoch=1,
            payments=[
                frames.PaymentState(
                    payment_id=15,
                    merchant="padaria-do-marcos",
                    status="pending",
                    status_detail=None,
                    amount=35.0,
                    held_amount=0.0,
                    refunded_amount=0.0,
                    disputed_amount=0.0,
                    description="Pedido 15",
                    paid_at=None,
                    updated_at=NOON,
                )
            ],
        ),
        frames.PayersResumed(version=2, epoch=1),
        frames.PayersChange(
            payment_id=15,
            merchant="padaria-do-marcos",
            version=3,
            event="StatusChanged",
            time=NOON,
            source="sweep",
            data=frames.PayersStatus(previous="pending", status="approved", status_detail=None, paid_at=NOON),
        ),
        frames.PayersClosing(version=3, reason="too_slow"),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_frame_fits_exactly_one_message(frame):
    fitting = [
        kind.__name__
        for kind in FRAMES
        if not errors_of(
            json.loads(msgspec.json.encode(frame)),
            ASYNCAPI["components"]["messages"][kind.__name__]["payload"],
            ASYNCAPI,
        )
    ]

    assert fitting == [type(frame).__name__]
    assert fitting[0] in ASYNCAPI["channels"]["socket"]["messages"]


# --- JSON Schemas ---------------------------------------------------------------------------------


def test_every_event_has_one_example():
    assert sorted(BY_NAME) == sorted(event.__name__ for event in EVENTS)
    assert len(EXAMPLE_EVENTS) == len(EVENTS)


@each_event
def test_event_fits_its_schema(event):
    schema = json.loads((FOLDER / "schemas" / f"{topic_of(type(event))}.json").read_text())
    Draft202012Validator.check_schema(schema)
    encoded = json.loads(msgspec.json.encode(event))

    assert list(Draft202012Validator(schema).iter_errors(encoded)) == []
    for name in encoded:
        without = {other: value for other, value in encoded.items() if other != name}
        assert list(Draft202012Validator(schema).iter_errors(without)), name


@each_event
def test_event_from_the_log_is_unchanged(event):
    envelope = to_envelope(envelope_row(event))

    assert envelope.event == event
    assert type(envelope.event) is type(event)


def test_every_read_model_document_has_a_schema():
    documents = {
        kind.__name__
        for kind in vars(read_models).values()
        if isinstance(kind, type) and kind.__module__ == "contracts.read_models"
    }

    # These are parts of the document of a payment or of a merchant.
    parts = {"AttemptDetails", "MerchantApiKey", "MerchantConnection", "MerchantPixKey"}
    assert documents - parts == {kind.__name__ for kind in READ_MODELS}
    for kind in READ_MODELS:
        schema = json.loads((FOLDER / "schemas" / f"{kind.__name__}.json").read_text())
        Draft202012Validator.check_schema(schema)
        for node in nodes(schema):
            if "$ref" in node:
                resolve(schema, node["$ref"])
