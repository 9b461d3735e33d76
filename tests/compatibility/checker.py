"""Finds faults: statements without a proof, unknown names, and routes and fields without a statement."""

from __future__ import annotations

import functools
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import msgspec
from msgspec import Struct

from contracts.frames import CONFIRMED, PaymentConfirmed
from contracts.operations import OPERATIONS
from services.gateway.api.response_bodies import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from contracts.operations.operation import Operation
    from tests.compatibility.collection import Claims
    from tests.compatibility.statement import Part, Statement

# The operations of the two reference systems have these tags; a statement must name each of them.
SURFACES: Final = frozenset({"Pix", "Payment links", "Monitoring", "Pages", "Webhooks"})

Field = tuple[type[Struct], str]


class Offer(Struct, frozen=True, kw_only=True):
    """The parameters and bodies of one operation, or of one event of a socket."""

    name: str
    asked: tuple[type[Struct], ...] = ()
    parameters: frozenset[str] = frozenset()
    answered: tuple[type[Struct], ...] = ()
    statuses: frozenset[int] = frozenset()
    has_to_be_named: bool = False


CONFIRMATION: Final = Offer(name=CONFIRMED, answered=(PaymentConfirmed,), has_to_be_named=True)


def problems(
    parts: Sequence[Part],
    claims: Claims,
    *,
    operations: Sequence[Operation] = OPERATIONS,
    labels: dict[str, str] = LABELS,
) -> list[str]:
    """Return one sentence for each fault."""
    statements = [statement for part in parts for section in part.sections for statement in section.statements]
    offers = {offer.name: offer for offer in (*map(_offer_of, operations), CONFIRMATION)}
    return [
        *claims.faults,
        *_of_proofs(statements, claims),
        *(problem for statement in statements for problem in _of_statement(statement, offers)),
        *_unnamed(statements, offers),
        *_of_labels(statements, labels),
    ]


# --- what is offered ------------------------------------------------------------------------------


def _offer_of(operation: Operation) -> Offer:
    bodies = (*(answer.body for answer in operation.answers.values()), operation.errors)
    by_scope = (401, 403) if operation.scope and operation.errors else ()
    return Offer(
        name=operation.name,
        asked=tuple(_structs_in(operation.body)),
        parameters=frozenset(parameter.name for parameter in (*operation.query, *operation.headers)),
        answered=tuple(dict.fromkeys(body for body in bodies if body is not None)),
        statuses=frozenset({*operation.answers, *operation.refusals, *by_scope}),
        has_to_be_named=operation.tag in SURFACES,
    )


def _structs_in(annotation: Any) -> Iterator[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        yield annotation
    for argument in get_args(annotation):
        yield from _structs_in(argument)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(argument) for argument in get_args(annotation))


@functools.cache
def _fields(kind: type[Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(kind)


def _fields_below(kinds: Iterable[type[Struct]]) -> Iterator[Field]:
    """Return every field of some Structs and of the Structs in them."""
    for kind in kinds:
        for field in _fields(kind):
            yield kind, field.name
            yield from _fields_below(_structs_in(field.type))


def _fields_on(path: str, kinds: Iterable[type[Struct]]) -> list[Field]:
    """Return the fields on a path; empty if the path does not exist."""
    name, _, rest = path.partition(".")
    passed: list[Field] = []
    for kind in kinds:
        for field in _fields(kind):
            if field.name != name.removesuffix("[]") or (rest and _is_list(field.type) != name.endswith("[]")):
                continue
            below = _fields_on(rest, _structs_in(field.type)) if rest else []
            if below or not rest:
                passed += [(kind, field.name), *below]
    return passed


# --- what is wrong --------------------------------------------------------------------------------


def _of_proofs(statements: Sequence[Statement], claims: Claims) -> Iterator[str]:
    ids = Counter(statement.id for statement in statements)
    yield from (f"{number} statements have the id {each}." for each, number in ids.items() if number > 1)
    yield from (f"No test claims the statement {each}." for each in ids if each not in claims.proofs)
    for unknown in sorted(claims.proofs.keys() - ids.keys()):
        yield from (f"{test} claims {unknown!r}, which is not a statement." for test in claims.proofs[unknown])


def _of_statement(statement: Statement, offers: dict[str, Offer]) -> Iterator[str]:
    about = f"The statement {statement.id}"
    if not statement.operations and (statement.asks or statement.answers or statement.statuses):
        yield f"{about} names fields or statuses, but no operation."
    for name in statement.operations:
        if name in offers:
            yield from (f"{about} names {wrong}." for wrong in _of_offer(statement, offers[name]))
        else:
            yield f"{about} names the operation {name}, which does not exist."


def _of_offer(statement: Statement, offer: Offer) -> Iterator[str]:
    """Return the names in a statement that the operation does not have."""
    for path in statement.asks:
        if path not in offer.parameters and not _fields_on(path, offer.asked):
            yield f"{path}, which {offer.name} does not take"
    for path in statement.answers:
        if not _fields_on(path, offer.answered):
            yield f"{path}, which {offer.name} does not answer"
    for status in statement.statuses:
        if status not in offer.statuses:
            yield f"the status {status}, which {offer.name} does not answer with"


def _unnamed(statements: Sequence[Statement], offers: dict[str, Offer]) -> Iterator[str]:
    """Return the operations of the references, and the fields and parameters, that no statement names."""
    named = {name: offer for statement in statements for name in statement.operations if (offer := offers.get(name))}
    for offer in offers.values():
        if offer.has_to_be_named and offer.name not in named:
            yield f"No statement names {offer.name}."
    about = [(statement, offers[name]) for statement in statements for name in statement.operations if name in named]
    stated = {
        *(field for statement, offer in about for path in statement.asks for field in _fields_on(path, offer.asked)),
        *(
            field
            for statement, offer in about
            for path in statement.answers
            for field in _fields_on(path, offer.answered)
        ),
    }
    all_fields = dict.fromkeys(
        field for offer in named.values() for field in _fields_below((*offer.asked, *offer.answered))
    )
    for kind, name in all_fields:
        if (kind, name) not in stated:
            yield f"No statement names the field {kind.__name__}.{name}."
    parameters = {(offer.name, path) for statement, offer in about for path in statement.asks}
    for offer in named.values():
        for parameter in sorted(offer.parameters):
            if (offer.name, parameter) not in parameters:
                yield f"No statement names the parameter {parameter} of {offer.name}."


def _of_labels(statements: Sequence[Statement], labels: dict[str, str]) -> Iterator[str]:
    stated = dict(statement.label for statement in statements if statement.label)
    for status in sorted(stated.keys() | labels.keys()):
        if stated.get(status) != labels.get(status):
            yield f"The status {status} has the label {labels.get(status)!r}, but the statement {stated.get(status)!r}."
