"""Converts a decoded JSON body, or a query, to its Struct; an invalid one is rejected with all its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from contracts.api.request_plan import FieldPlan, Plan, plan_of
from extrato.domain.errors import Refused
from extrato.domain.nearest import nearest
from services.gateway.http.readings import READINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from contracts.api.request_fields import Code, Reader
    from contracts.v1.problem import PartOfRequest

Body = TypeVar("Body", bound=Struct)

MAX_NAME_LENGTH: Final = 40
UNKNOWN_FIELD: Final = "unknown_field"
MAX_LABEL_LENGTH: Final = 120
# A body has few fields, so a loose match is safe: `quantity` may mean `quantidade`.
MIN_SIMILARITY: Final = 0.6


class Fault(NamedTuple):
    """One fault of a body or a query, at a JSON pointer (RFC 6901)."""

    pointer: str
    error: Refused
    part: PartOfRequest = "body"


class InvalidBody(Refused):
    """A request has faults. The error has the code of the first fault; `body` is the decoded body."""

    def __init__(self, faults: tuple[Fault, ...], body: Mapping[str, Any]) -> None:
        first = faults[0].error
        super().__init__(first.code, first.about, **first.facts)
        self.faults = faults
        self.body = body

    def has_fault_at(self, pointer: str) -> bool:
        """Return whether the value at a pointer, or a value inside it, has a fault."""
        return any(f"{fault.pointer}/".startswith(f"{pointer}/") for fault in self.faults)


def read_struct(kind: type[Body], body: Mapping[str, Any]) -> Body:
    """Convert a body to its Struct; raises `InvalidBody`.

    Its faults list unknown fields first, because a misspelt name explains a missing field. The other fields follow in
    the order of the Struct.
    """
    try:
        return convert(kind, body)
    except (msgspec.ValidationError, Refused):
        raise InvalidBody(find_faults(kind, body), body) from None


def invalid_body(faults: tuple[Fault, ...]) -> InvalidBody:
    """Return the error of rules that a Struct cannot express, such as two fields that exclude each other."""
    return InvalidBody(faults, {})


def joined(first: InvalidBody, second: InvalidBody) -> InvalidBody:
    """Return one error with the faults of two parts of a request."""
    return InvalidBody((*first.faults, *second.faults), second.body)


def convert(kind: type[Body], body: Mapping[str, Any]) -> Body:
    """Convert a body to its Struct; raises `Refused` or msgspec's `ValidationError` for the first fault."""
    return msgspec.convert(_prepare(plan_of(kind), body), kind)


def find_faults(kind: type[Struct], body: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Return every fault of a body, in the order of `read_struct`."""
    return tuple(sorted(_find_faults(plan_of(kind), body), key=lambda fault: fault.error.code != UNKNOWN_FIELD))


def _prepare(plan: Plan, body: Mapping[str, Any]) -> dict[str, Any]:
    fields = plan.by_name
    return {
        name: value if value is None or (field := fields.get(name)) is None else _prepare_value(field, value)
        for name, value in body.items()
    }


def _prepare_value(field: FieldPlan, value: Any) -> Any:
    """Convert a value to the form that the Struct checks, such as reais to centavos; raises `Refused`."""
    if field.plan is not None:
        return _prepare(field.plan, value) if isinstance(value, dict) else value
    if field.items is not None:
        items = field.items
        return [_prepare_value(items, item) for item in value] if isinstance(value, list) else value
    return value if field.reader is None else READINGS[field.reader.reading](value, field)


def _find_faults(plan: Plan, body: Mapping[str, Any], *, at: str = "", label: str = "") -> Iterator[Fault]:
    if plan.forbids_unknown:
        unknown = (name for name in body if name not in plan.by_name)
        yield from (Fault(f"{at}/{_escape(name)}", _unknown_field(at, name, plan)) for name in unknown)
    for field in plan.fields:
        if field.name in body or field.is_required:
            yield from _find_field_faults(field, body.get(field.name), at=f"{at}/{field.name}", label=label)


def _find_field_faults(field: FieldPlan, value: Any, *, at: str, label: str) -> Iterator[Fault]:
    reader = field.reader
    if reader is None:
        return
    try:
        prepared = None if value is None else _prepare_value(field, value)
    except Refused as error:
        prepared = error
    if prepared is None:
        if not field.is_nullable:
            yield Fault(at, _field_error(reader.missing, field, label))
        return
    if field.plan is not None and isinstance(value, dict):
        yield from _find_faults(field.plan, value, at=at, label=label)
    elif field.items is not None and isinstance(value, list) and _has_allowed_length(field, value):
        for index, item in enumerate(value):
            yield from _find_field_faults(
                field.items, item, at=f"{at}/{index}", label=_label_of(field.items, item, index)
            )
    elif isinstance(prepared, Refused):
        yield Fault(at, _with_name(prepared, field, reader, label))
    elif not _fits(field, prepared):
        yield Fault(at, _field_error(_code_for(field, reader, prepared), field, label))


def _fits(field: FieldPlan, prepared: Any) -> bool:
    try:
        msgspec.convert(prepared, field.accepts)
    except msgspec.ValidationError:
        return False
    return True


def _has_allowed_length(field: FieldPlan, items: list[Any]) -> bool:
    return (field.minimum or 0) <= len(items) <= (field.maximum or len(items))


def _code_for(field: FieldPlan, reader: Reader, value: Any) -> Code:
    """Return the error code of a value that the Struct rejects."""
    if isinstance(value, list) and field.items is not None:
        return reader.out_of_bounds if value else reader.missing
    if isinstance(value, str) and field.pattern is not None:
        is_short_enough = field.maximum is None or len(value) <= field.maximum
        return reader.malformed if is_short_enough else reader.out_of_bounds
    return reader.out_of_bounds if type(value) is int and field.pattern is None else reader.wrong_type


def _field_error(code: Code, field: FieldPlan, label: str) -> Refused:
    facts = {
        "why": code.why,
        "name": label,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "choices": ", ".join(field.choices),
    }
    return Refused(code.code, field.name, **{name: fact for name, fact in facts.items() if fact not in {None, ""}})


def _with_name(error: Refused, field: FieldPlan, reader: Reader, label: str) -> Refused:
    """Add the field's name to an error of `READINGS`."""
    why = {"why": reader.malformed.why} if reader.malformed.why else {}
    return Refused(error.code, field.name, **{**error.facts, **why, "name": label})


def _label_of(items: FieldPlan, item: Any, index: int) -> str:
    """Return a name for an item of a list: the text of its first field, or its index."""
    first = item.get(items.plan.fields[0].name) if items.plan and isinstance(item, dict) else None
    return first.strip()[:MAX_LABEL_LENGTH] if isinstance(first, str) and first.strip() else f"{items.name}[{index}]"


def _unknown_field(at: str, name: str, plan: Plan) -> Refused:
    path = "".join(f"[{step}]" if step.isdigit() else f"{step}." for step in at.split("/")[1:]).replace(".[", "[")
    name = _printable(name)
    known = plan.kind.__struct_encode_fields__
    meant = nearest(name, known, min_similarity=MIN_SIMILARITY)
    about = f"{path}.{name}" if path.endswith("]") else f"{path}{name}"
    if meant is not None:
        return Refused(UNKNOWN_FIELD, about, why="near", nearest=meant)
    if not known:
        return Refused(UNKNOWN_FIELD, about, why="none")
    return Refused(UNKNOWN_FIELD, about, listed=", ".join(f"'{each}'" for each in known))


def _escape(name: str) -> str:
    """Escape a field's name for a JSON pointer (RFC 6901, section 3)."""
    return _printable(name).replace("~", "~0").replace("/", "~1")


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:MAX_NAME_LENGTH])
