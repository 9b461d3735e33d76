"""The OpenAPI document of the REST interface."""

from __future__ import annotations

import re
from typing import Any

from contracts import __version__
from contracts.api import MonitoringError, PixError
from contracts.errors import CATALOGUE
from contracts.generate.info import JSON, TITLE
from contracts.generate.refusals import refusals, shared_refusals
from contracts.generate.schemas import Document, schemas
from contracts.operations import OPERATIONS
from contracts.operations.common import ANSWER_HEADERS, CORRELATION_ID, PATH_PARAMETERS, TEXT
from contracts.operations.examples import EXAMPLES
from contracts.operations.operation import Answer, Operation, Parameter
from contracts.v1 import Problem


def openapi() -> Document:
    """Describe the REST interface, in OpenAPI 3.1."""
    paths: dict[str, Document] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    _, definitions = schemas(tuple(_bodies()))
    for error in (MonitoringError, PixError, Problem):
        definitions[error.__name__]["properties"]["code"]["enum"] = sorted(CATALOGUE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "summary": "A payment hub for Brazilian merchants that records every fact as an event.",
            "description": "Below `/v1/` amounts are whole centavos and times are in UTC, by RFC 3339. Elsewhere "
            "amounts are reais with at most two decimals, and times are ISO 8601 with an offset. An address that ends "
            "in a slash also works without the slash. In open mode no API key is needed.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "responses": shared_refusals(OPERATIONS),
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
                    "description": "The payer's token: the secret in a payer link, which opens one payment.",
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
            schema=_schema_in_path(name, operation),
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
            *(_parameter(parameter, "query") for parameter in parameters_of(operation)),
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
    if operation.uploads:
        described["requestBody"] = {"required": True, "content": {media_type: {} for media_type in operation.uploads}}
    described["responses"] = _answers(operation)
    return described


def _schema_in_path(name: str, operation: Operation) -> Document:
    if name != "payment_id":
        return TEXT
    return {"type": "string", "pattern": "^[1-9][0-9]{0,14}$"} if operation.is_v1 else {"type": "integer", "minimum": 1}


def parameters_of(operation: Operation) -> tuple[Parameter, ...]:
    """Return the query parameters of an operation, also those that its Struct describes."""
    if operation.query_by is None:
        return operation.query
    _, definitions = schemas((operation.query_by,))
    described = definitions[operation.query_by.__name__]
    required = described.get("required", ())
    return tuple(
        Parameter(
            name=name,
            description=schema["description"],
            schema=_without_null(schema),
            is_required=name in required,
        )
        for name, schema in described["properties"].items()
    )


def _without_null(schema: Document) -> Document:
    """Return the schema of a parameter, which is absent where a field of a body could be null."""
    kept = {key: value for key, value in schema.items() if key not in {"description", "anyOf", "default"}}
    arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return {**kept, **(arms[0] if len(arms) == 1 else {"anyOf": arms} if arms else {}), **default}


def _security(operation: Operation) -> list[Document]:
    if operation.scope is None:
        return []
    with_key: Document = {"api_key": [operation.scope]}
    return [with_key, {"payer_token": []}] if operation.payer else [with_key]


def _answers(operation: Operation) -> Document:
    """Describe every answer by its status; the operation's `answers` win over the answers of its errors."""
    answers = {status: _answer(answer) for status, answer in operation.answers.items()}
    return {str(status): described for status, described in sorted({**refusals(operation), **answers}.items())}


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
    if media_type.startswith("text/"):
        return {"schema": TEXT}
    if body is None:
        return {}
    media: Document = {"schema": schemas((body,))[0][0]}
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
