"""Both sides of every bound that the OpenAPI document states for a request's body, sent to the running gateway."""

from __future__ import annotations

import copy
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from msgspec import Struct

import contracts
from contracts.api.request_plan import codes_of
from contracts.operations import OPERATIONS
from contracts.operations.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

Steps = tuple[str | int, ...]
OPENAPI = json.loads((Path(contracts.__file__).parent / "openapi.json").read_text(encoding="utf-8"))
BODIES = [each for each in OPERATIONS if isinstance(each.body, type) and issubclass(each.body, Struct)]
# Texts of a given length that match a pattern; other texts repeat one letter.
LONG = {
    "email": lambda length: f"a@{'b' * (length - 4)}.c",
    "payer_email": lambda length: f"a@{'b' * (length - 4)}.c",
    "phone": lambda length: f"81{'.' * (length - 11)}987654321",
    "whatsapp": lambda length: f"81{'.' * (length - 11)}987654321",
}
# Times that must lie ahead.
AHEAD = {"expires_at", "token_expires_at"}
BREAD = {"nome": "Pão Francês", "quantidade": 1}
# The same line in the words of `/v1`.
BREAD_OF_V1 = {"name": "Pão Francês", "quantity": 1}
# Punctuation never makes these longer than the documents themselves, so that no valid text has the maximum length. The
# merchant has registered no origin to return to.
UNREACHABLE = {"cpf", "cnpj", "document", "return_url"}
# One item of each list with a maximum; a line of an order has the words of its route.
ITEMS = {
    "return_origins": "https://loja.example",
    "frame_origins": "https://loja.example",
    "scopes": "payments:read",
}


class Edge(NamedTuple):
    """A value on one side of a bound, at a path into the body."""

    path: Steps
    value: Any
    is_valid: bool


def edges_of(schema: dict[str, Any], path: Steps) -> Iterator[Edge]:
    if "$ref" in schema:
        named = OPENAPI["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        yield from edges_of({**named, **{key: schema[key] for key in schema if key != "$ref"}}, path)
        return
    for arm in schema.get("anyOf", ()):
        yield from edges_of(arm, path)
    match schema.get("type"):
        case "string":
            yield from _edges_of_text(schema, path)
        case "integer" | "number" as kind:
            yield from _edges_of_number(schema, path, step=1 if kind == "integer" else 0.01)
        case "boolean":
            yield from (Edge(path, value, is_valid=isinstance(value, bool)) for value in (True, False, 1, "true"))
        case "array":
            yield from _edges_of_list(schema, path)
        case "object":
            yield from _edges_of_object(schema, path)


def _edges_of_object(schema: dict[str, Any], path: Steps) -> Iterator[Edge]:
    if "properties" not in schema:
        yield from _edges_of_map(schema, path)
        return
    for name, field in schema["properties"].items():
        yield from edges_of(field, (*path, name))
    if schema.get("additionalProperties") is False:
        yield Edge((*path, "desconhecido"), 1, is_valid=False)
    yield from (Edge((*path, name), None, is_valid=False) for name in schema.get("required", ()))


def _edges_of_map(schema: dict[str, Any], path: Steps) -> Iterator[Edge]:
    most, longest = schema["maxProperties"], schema["propertyNames"]["maxLength"]
    text = "a" * schema["additionalProperties"]["maxLength"]
    for value in ({}, {str(each): text for each in range(most)}, {"a" * longest: ""}):
        yield Edge(path, value, is_valid=True)
    for value in ({str(each): "" for each in range(most + 1)}, {"a" * (longest + 1): ""}, {"": ""}):
        yield Edge(path, value, is_valid=False)
    yield from (Edge(path, value, is_valid=False) for value in ({"a": text + "a"}, {"a": 1}, {"a": None}, [], "a"))


def _edges_of_number(schema: dict[str, Any], path: Steps, *, step: float) -> Iterator[Edge]:
    least, most = schema["minimum"], schema["maximum"]
    yield from (Edge(path, value, is_valid=True) for value in (least, most))
    yield from (Edge(path, round(value, 2), is_valid=False) for value in (least - step, most + step))
    yield from (Edge(path, value, is_valid=False) for value in (least + step / 10, "1"))


def _edges_of_text(schema: dict[str, Any], path: Steps) -> Iterator[Edge]:
    name = str(path[-1])
    yield Edge(path, 5, is_valid=False)
    if "maxLength" in schema:
        text_of = LONG.get(name, lambda length: "a" * length)
        if name not in UNREACHABLE:
            assert re.search(schema["pattern"], text_of(schema["maxLength"]))
            yield Edge(path, text_of(schema["maxLength"]), is_valid=True)
        yield Edge(path, text_of(schema["maxLength"]) + "a", is_valid=False)
    if "pattern" in schema and "enum" not in schema:
        yield Edge(path, "a\x00b", is_valid=False)
    if schema.get("minLength"):
        yield Edge(path, "", is_valid=False)
    if schema.get("format") == "date-time":
        now = datetime.now(UTC) + (timedelta(days=30) if name in AHEAD else timedelta(0))
        yield from (Edge(path, at.isoformat(), is_valid=bool(at.tzinfo)) for at in (now, now.replace(tzinfo=None)))


def _line(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a line of an order in the words of its list."""
    item = OPENAPI["components"]["schemas"][schema["items"]["$ref"].rsplit("/", 1)[1]]
    return BREAD if "nome" in item["properties"] else BREAD_OF_V1


def _edges_of_list(schema: dict[str, Any], path: Steps) -> Iterator[Edge]:
    yield Edge(path, {}, is_valid=False)
    if "maxItems" in schema:
        name, most = str(path[-1]), schema["maxItems"]
        item = ITEMS[name] if name in ITEMS else _line(schema)
        yield Edge(path, [], is_valid=not schema.get("minItems"))
        yield from (Edge(path, [item] * (most + more), is_valid=not more) for more in (0, 1))
    yield from edges_of(schema["items"], (*path, 0))


def put(body: dict[str, Any], path: Steps, value: Any) -> dict[str, Any]:
    """Return the body with another value at a path; None removes the field."""
    body = within = copy.deepcopy(body)
    for step in path[:-1]:
        within = within[step] if isinstance(within, list) else within.setdefault(step, {})
    if value is None:
        within.pop(path[-1], None)
    else:
        within[path[-1]] = value
    return body


@pytest.mark.parametrize("operation", BODIES, ids=lambda operation: operation.name)
async def test_both_sides_of_every_bound(hub, other_merchant, operation):
    slug = other_merchant.slug
    _, pix = await hub.acting_for(slug, other_merchant.api_key).post("/payments/pix", {"value": 1})
    path = operation.path.format(
        merchant=slug, payment_id=pix["payment"]["id"], alert="overpaid", product="Bolo", provider="mercado_pago"
    )
    admin_key = other_merchant.admin_key if operation.is_v1 else hub.admin_key
    key = admin_key if operation.scope == "admin" else other_merchant.api_key
    base = dict(EXAMPLES[operation.body])
    bread = BREAD_OF_V1 if path.startswith("/v1/") else BREAD
    own = {"padaria_slug": slug, "items": [bread], "returned_at": datetime.now(UTC).isoformat()}
    base |= {name: value for name, value in own.items() if name in base}
    wrong = []
    for edge in edges_of({"$ref": f"#/components/schemas/{operation.body.__name__}"}, ()):
        body = put(base, edge.path, edge.value)
        status, answer = await hub.administer(operation.method, path, body, key=key)
        is_refused = status == 400 and answer["code"] in codes_of(operation.body)
        if is_refused == edge.is_valid:
            wrong.append((edge.path, str(edge.value)[:40], edge.is_valid, status, answer.get("code")))
    assert wrong == []
