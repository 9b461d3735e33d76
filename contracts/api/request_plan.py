"""Plans for reading the bodies of requests field by field, and the error codes of those bodies."""

from __future__ import annotations

import functools
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

from contracts.api.request_fields import READER, Reader

ABSENT: Final = (NoneType, UnsetType)
BOUNDS: Final = ("ge", "le", "min_length", "max_length", "pattern")


class FieldPlan(NamedTuple):
    """One field, or one item of a list.

    `accepts` is its annotation, and `base` the type in it. `minimum` and `maximum` are its bounds; for a text or list,
    the bounds of its length. A field with an object has a `plan`, a field with a list has `items`. A field without a
    `reader` accepts any value.
    """

    name: str
    is_required: bool
    is_nullable: bool
    accepts: Any
    base: Any
    reader: Reader | None
    minimum: int | None
    maximum: int | None
    pattern: str | None
    plan: Plan | None
    items: FieldPlan | None

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the words that the field accepts; none if it is no choice."""
        return get_args(self.base) if get_origin(self.base) is Literal else ()


class Plan(NamedTuple):
    """One Struct."""

    kind: type[Struct]
    forbids_unknown: bool
    fields: tuple[FieldPlan, ...]
    by_name: dict[str, FieldPlan]


@functools.cache
def plan_of(kind: type[Struct]) -> Plan:
    """Return the plan for reading bodies of a Struct."""
    fields = tuple(
        _field_plan(field.encode_name, field.type, is_required=field.required) for field in msgspec.structs.fields(kind)
    )
    return Plan(kind, kind.__struct_config__.forbid_unknown_fields, fields, {field.name: field for field in fields})


@functools.cache
def codes_of(kind: type[Struct]) -> frozenset[str]:
    """Return the error codes for the form of this Struct's bodies."""
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
    base, metas, is_nullable = _unwrap(annotation)
    bounds: dict[str, Any] = {}
    for meta in metas:
        bounds |= {each: getattr(meta, each) for each in BOUNDS if getattr(meta, each) is not None}
    reader = next((meta.extra[READER] for meta in reversed(metas) if meta.extra and READER in meta.extra), None)
    if reader is None and base is not Any:
        raise TypeError(f"The field {name} has no error codes.")
    is_struct = isinstance(base, type) and issubclass(base, Struct)
    return FieldPlan(
        name=name,
        is_required=is_required,
        is_nullable=is_nullable,
        accepts=annotation,
        base=base,
        reader=reader,
        minimum=bounds.get("ge", bounds.get("min_length")),
        maximum=bounds.get("le", bounds.get("max_length")),
        pattern=bounds.get("pattern"),
        plan=plan_of(base) if is_struct else None,
        items=_field_plan(name, get_args(base)[0], is_required=True) if get_origin(base) is list else None,
    )


def _unwrap(annotation: Any) -> tuple[Any, list[Meta], bool]:
    """Return the only type beside null and absence, its Metas from the inside out, and whether null is allowed."""
    if get_origin(annotation) is Annotated:
        inner, *metas = get_args(annotation)
        base, inner_metas, is_nullable = _unwrap(inner)
        return base, [*inner_metas, *metas], is_nullable
    arms = get_args(annotation) if isinstance(annotation, UnionType) or get_origin(annotation) is Union else ()
    if not arms:
        return annotation, [], annotation is Any
    (kept,) = (arm for arm in arms if arm not in ABSENT)
    base, inner_metas, _ = _unwrap(kept)
    return base, inner_metas, NoneType in arms
