"""Converts the query of a request to its Struct, by the same plan as a body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import Struct

from contracts.api.request_plan import FieldPlan, plan_of
from extrato.domain.errors import Refused
from services.gateway.http.bodies import UNKNOWN_FIELD, Fault, InvalidBody, convert, find_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from multidict import MultiMapping

Query = TypeVar("Query", bound=Struct)

# A number with more digits stays a text, so that it has the wrong type.
WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
FLAGS: Final = {"true": True, "false": False}


def convert_query(kind: type[Query], query: MultiMapping[str]) -> Query:
    """Convert a query to its Struct; raises `InvalidBody` with every fault."""
    if not query and not any(field.is_required for field in plan_of(kind).fields):
        # Most requests have no query, and a creation has no time for an empty one.
        return kind()
    values = _values(kind, query)
    faults = [*_repeated(kind, query), *_empty(kind, query)]
    if not faults:
        try:
            return convert(kind, values)
        except (msgspec.ValidationError, Refused):
            pass
    raise InvalidBody((*faults, *map(_of_query, find_faults(kind, values))), values)


def _values(kind: type[Struct], query: MultiMapping[str]) -> Mapping[str, Any]:
    """Return the parameters in the JSON types of their fields; a list is a parameter that occurs several times."""
    fields = {field.name: field for field in plan_of(kind).fields}
    return {
        name: [_value(field.items, text) for text in query.getall(name)]
        if (field := fields.get(name)) is not None and field.items is not None
        else _value(field, query.getall(name)[0])
        for name in dict.fromkeys(query)
    }


def _value(field: FieldPlan | None, text: str) -> Any:
    if field is None:
        return text
    if field.base is int and WHOLE.fullmatch(text):
        return int(text)
    return FLAGS.get(text, text) if field.base is bool else text


def _repeated(kind: type[Struct], query: MultiMapping[str]) -> Iterator[Fault]:
    lists = {field.name for field in plan_of(kind).fields if field.items is not None}
    for name in dict.fromkeys(query):
        if name not in lists and len(query.getall(name)) > 1:
            yield Fault(f"/{name}", Refused("repeated_value", name), "query")


def _empty(kind: type[Struct], query: MultiMapping[str]) -> Iterator[Fault]:
    """Find the texts without a character: a list would ignore such a filter, and answer every row."""
    for field in plan_of(kind).fields:
        is_text = field.reader is not None and field.reader.reading == "text"
        if is_text and not query.get(field.name, "a text").strip():
            yield Fault(f"/{field.name}", Refused("invalid_text", field.name, why="blank"), "query")


def _of_query(fault: Fault) -> Fault:
    """Name a fault as one of the query; an unknown parameter has a separate code."""
    error = fault.error
    if error.code == UNKNOWN_FIELD:
        error = _unknown_parameter(error.about, **error.facts)
    return Fault(fault.pointer, error, "query")


def _unknown_parameter(name: str, *, nearest: object = None, listed: object = None, why: object = None) -> Refused:
    if why is not None:
        return Refused("unknown_parameter", name, why="near", nearest=nearest)
    return Refused("unknown_parameter", name, listed=listed)
