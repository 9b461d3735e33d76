"""Reads a decoded JSON body into its Struct of `contracts/api`, and collects all faults of an invalid one."""

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

Body = TypeVar("Body", bound=Struct)

MAX_NAME: Final = 40
UNKNOWN_FIELD: Final = "unknown_field"
MAX_LABEL: Final = 120
# A body has few fields, so that a loose match is safe: `quantity` may mean `quantidade`.
MIN_SIMILARITY: Final = 0.6


class Fault(NamedTuple):
    """One fault of a body, at a JSON pointer (RFC 6901)."""

    pointer: str
    error: Refused


class InvalidBody(Refused):
    """A body has faults. The code of the error is the first fault's; `body` is the decoded body."""

    def __init__(self, faults: tuple[Fault, ...], body: Mapping[str, Any]) -> None:
        first = faults[0].error
        super().__init__(first.code, first.about, **first.facts)
        self.faults = faults
        self.body = body

    def has_fault_at(self, pointer: str) -> bool:
        """Return whether the value at a pointer, or a value inside it, has a fault."""
        return any(f"{fault.pointer}/".startswith(f"{pointer}/") for fault in self.faults)


def read_struct(kind: type[Body], body: Mapping[str, Any]) -> Body:
    """Read a body into its Struct; raises `InvalidBody`.

    Unknown fields come first, because they often explain missing ones; then come the fields in the Struct's order.
    """
    plan = plan_of(kind)
    try:
        return msgspec.convert(_prepared(plan, body), kind)
    except (msgspec.ValidationError, Refused):
        faults = sorted(_faults(plan, body), key=lambda fault: fault.error.code != UNKNOWN_FIELD)
        raise InvalidBody(tuple(faults), body) from None


def _prepared(plan: Plan, body: Mapping[str, Any]) -> dict[str, Any]:
    prepared = dict(body)
    for field in plan.fields:
        value = body.get(field.name)
        if value is not None:
            prepared[field.name] = _prepared_value(field, value)
    return prepared


def _prepared_value(field: FieldPlan, value: Any) -> Any:
    """Convert a value to the form whose bounds are checked; raises `Refused`."""
    if field.plan is not None:
        return _prepared(field.plan, value) if isinstance(value, dict) else value
    if field.items is not None:
        items = field.items
        return [_prepared_value(items, item) for item in value] if isinstance(value, list) else value
    return value if field.reader is None else READINGS[field.reader.reading](value, field)


def _faults(plan: Plan, body: Mapping[str, Any], *, at: str = "", label: str = "") -> Iterator[Fault]:
    if plan.forbids_unknown:
        unknown = (name for name in body if name not in plan.names)
        yield from (Fault(f"{at}/{_token(name)}", _unknown(at, name, plan)) for name in unknown)
    for field in plan.fields:
        if field.name in body or field.is_required:
            yield from _faults_of(field, body.get(field.name), at=f"{at}/{field.name}", label=label)


def _faults_of(field: FieldPlan, value: Any, *, at: str, label: str) -> Iterator[Fault]:
    reader = field.reader
    if reader is None:
        return
    try:
        prepared = None if value is None else _prepared_value(field, value)
    except Refused as error:
        prepared = error
    if prepared is None:
        if not field.is_nullable:
            yield Fault(at, _refused(reader.missing, field, label))
        return
    if field.plan is not None and isinstance(value, dict):
        yield from _faults(field.plan, value, at=at, label=label)
    elif field.items is not None and isinstance(value, list) and _is_within(field, value):
        for index, item in enumerate(value):
            yield from _faults_of(field.items, item, at=f"{at}/{index}", label=_label(field.items, item, index))
    elif isinstance(prepared, Refused):
        yield Fault(at, _named(prepared, field, reader, label))
    elif not _fits(field, prepared):
        yield Fault(at, _refused(_code(field, reader, prepared), field, label))


def _fits(field: FieldPlan, prepared: Any) -> bool:
    try:
        msgspec.convert(prepared, field.accepts)
    except msgspec.ValidationError:
        return False
    return True


def _is_within(field: FieldPlan, items: list[Any]) -> bool:
    return (field.minimum or 0) <= len(items) <= (field.maximum or len(items))


def _code(field: FieldPlan, reader: Reader, value: Any) -> Code:
    """Return the code for a value that does not fit."""
    if isinstance(value, list) and field.items is not None:
        return reader.bounds if value else reader.missing
    if isinstance(value, str) and field.pattern is not None:
        is_short_enough = field.maximum is None or len(value) <= field.maximum
        return reader.form if is_short_enough else reader.bounds
    return reader.bounds if type(value) is int and field.pattern is None else reader.kind


def _refused(code: Code, field: FieldPlan, label: str) -> Refused:
    facts = {"why": code.why, "name": label, "minimum": field.minimum, "maximum": field.maximum}
    return Refused(code.code, field.name, **{name: fact for name, fact in facts.items() if fact not in {None, ""}})


def _named(error: Refused, field: FieldPlan, reader: Reader, label: str) -> Refused:
    """Add the field's name to a fault that a reading found."""
    why = {"why": reader.form.why} if reader.form.why else {}
    return Refused(error.code, field.name, **{**error.facts, **why, "name": label})


def _label(items: FieldPlan, item: Any, index: int) -> str:
    """Name an item of a list by its first field, or by its index."""
    first = item.get(items.plan.fields[0].name) if items.plan and isinstance(item, dict) else None
    return first.strip()[:MAX_LABEL] if isinstance(first, str) and first.strip() else f"{items.name}[{index}]"


def _unknown(at: str, name: str, plan: Plan) -> Refused:
    path = "".join(f"[{step}]" if step.isdigit() else f"{step}." for step in at.split("/")[1:]).replace(".[", "[")
    name = _printable(name)
    known = plan.kind.__struct_fields__
    meant = nearest(name, known, similar=MIN_SIMILARITY)
    about = f"{path}.{name}" if path.endswith("]") else f"{path}{name}"
    if meant is not None:
        return Refused(UNKNOWN_FIELD, about, why="near", nearest=meant)
    return Refused(UNKNOWN_FIELD, about, listed=", ".join(f"'{each}'" for each in known))


def _token(name: str) -> str:
    """Write a field's name as a JSON pointer does."""
    return _printable(name).replace("~", "~0").replace("/", "~1")


def _printable(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name[:MAX_NAME])
