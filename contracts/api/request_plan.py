"""How a request's Struct is read field by field, and the error codes that its body can be refused with."""

from __future__ import annotations

import functools
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

from contracts.api.request_fields import READER, Reader

ABSENT: Final = (NoneType, UnsetType)
BOUNDS: Final = ("ge", "le", "min_length", "max_length", "pattern")


class FieldPlan(NamedTuple):
    """One field, or one item of a list.

    `accepts` is its annotation. `minimum` and `maximum` are its bounds, of a text or list those of its
    length. A field that holds an object has its `plan`; one that holds a list has `items`. Without a `reader`
    any value is accepted.
    """

    name: str
    is_required: bool
    is_nullable: bool
    accepts: Any
    reader: Reader | None
    minimum: int | None
    maximum: int | None
    pattern: str | None
    plan: Plan | None
    items: FieldPlan | None


class Plan(NamedTuple):
    """One Struct."""

    kind: type[Struct]
    forbids_unknown: bool
    names: frozenset[str]
    fields: tuple[FieldPlan, ...]


@functools.cache
def plan_of(kind: type[Struct]) -> Plan:
    """Lay out how the bodies of a Struct are read."""
    fields = tuple(
        _field_plan(field.name, field.type, is_required=field.required) for field in msgspec.structs.fields(kind)
    )
    return Plan(kind, kind.__struct_config__.forbid_unknown_fields, frozenset(kind.__struct_fields__), fields)


@functools.cache
def codes_of(kind: type[Struct]) -> frozenset[str]:
    """Give every code with which a body of this Struct can be refused for its form."""
    plan = plan_of(kind)
    unknown = frozenset({"unknown_field"} if plan.forbids_unknown else ())
    return unknown.union(*map(_codes_of_field, plan.fields))


def _codes_of_field(field: FieldPlan) -> frozenset[str]:
    codes = set[str]()
    if field.reader:
        codes |= field.reader.codes if field.is_nullable else {*field.reader.codes, field.reader.missing.code}
    if field.plan:
        codes |= codes_of(field.plan.kind)
    if field.items:
        codes |= _codes_of_field(field.items)
    return frozenset(codes)


def _field_plan(name: str, annotation: Any, *, is_required: bool) -> FieldPlan:
    base, metas, is_nullable = _taken_apart(annotation)
    said: dict[str, Any] = {}
    for meta in metas:
        said |= {each: getattr(meta, each) for each in BOUNDS if getattr(meta, each) is not None}
    reader = next((meta.extra[READER] for meta in reversed(metas) if meta.extra and READER in meta.extra), None)
    if reader is None and base is not Any:
        raise TypeError(f"The field {name} has no error codes.")
    is_struct = isinstance(base, type) and issubclass(base, Struct)
    return FieldPlan(
        name=name,
        is_required=is_required,
        is_nullable=is_nullable,
        accepts=annotation,
        reader=reader,
        minimum=said.get("ge", said.get("min_length")),
        maximum=said.get("le", said.get("max_length")),
        pattern=said.get("pattern"),
        plan=plan_of(base) if is_struct else None,
        items=_field_plan(name, get_args(base)[0], is_required=True) if get_origin(base) is list else None,
    )


def _taken_apart(annotation: Any) -> tuple[Any, list[Meta], bool]:
    """Give the one type beside null and absence, what is said of it from the inside out, and whether null is taken."""
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        base, said, is_nullable = _taken_apart(inner)
        return base, [*said, *metas], is_nullable
    arms = get_args(annotation) if isinstance(annotation, UnionType) or get_origin(annotation) is Union else ()
    if not arms:
        return annotation, [], annotation is Any
    (kept,) = (arm for arm in arms if arm not in ABSENT)
    base, said, _ = _taken_apart(kept)
    return base, said, NoneType in arms
