"""JSON Schemas of the Structs."""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from contracts.api.request_fields import REAIS

SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
COMPONENT: Final = "#/components/schemas/{name}"

Document = dict[str, Any]


def json_schema(kind: type[msgspec.Struct], name: str) -> Document:
    """Describe one Struct in its own document."""
    _, definitions = schemas((kind,), ref_template="#/$defs/{name}")
    described = definitions.pop(kind.__name__)
    document = {"$schema": SCHEMA_DIALECT, "$id": f"urn:extrato:{name}", **described}
    return {**document, "$defs": definitions} if definitions else document


def schemas(kinds: tuple[Any, ...], *, ref_template: str = COMPONENT) -> tuple[list[Document], Document]:
    """Return the schemas of types, and definitions of the Structs in them, sorted by name."""
    schemas, definitions = msgspec.json.schema_components(kinds, ref_template=ref_template)
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
        _write_amounts_in_reais(definition)
    return list(schemas), dict(sorted(definitions.items()))


def _write_amounts_in_reais(node: Any) -> None:
    """Describe an amount as a JSON number of reais, not as the whole centavos of the Struct."""
    if isinstance(node, dict):
        if node.get("format") == REAIS:
            node["type"] = "number"
        for below in node.values():
            _write_amounts_in_reais(below)
    elif isinstance(node, list):
        for below in node:
            _write_amounts_in_reais(below)
