"""What is wrong with the claims: a proof that is not there, a name that means nothing, a promise that nobody claims."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import msgspec
from msgspec import Struct

from contracts.frames import CONFIRMED, PaymentConfirmed
from contracts.operations import OPERATIONS
from services.gateway.api.views import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from contracts.operations.operation import Operation
    from tests.compatibility.claim import Claim, Part

ROOT: Final = Path(__file__).parents[2]

# What the two reference systems offer has these tags; every operation of theirs is to be claimed.
SURFACES: Final = frozenset({"Pix", "Payment links", "Monitoring", "Pages", "Webhooks"})

Field = tuple[type[Struct], str]


class Offer(Struct, frozen=True, kw_only=True):
    """What one operation, or one event of a socket, takes and gives."""

    name: str
    asked: tuple[type[Struct], ...] = ()
    parameters: frozenset[str] = frozenset()
    answered: tuple[type[Struct], ...] = ()
    statuses: frozenset[int] = frozenset()
    is_claimed_by_all_means: bool = False


CONFIRMATION: Final = Offer(name=CONFIRMED, answered=(PaymentConfirmed,), is_claimed_by_all_means=True)


def problems(
    parts: Sequence[Part],
    *,
    operations: Sequence[Operation] = OPERATIONS,
    labels: dict[str, str] = LABELS,
    root: Path = ROOT,
) -> list[str]:
    """Give one sentence for everything that is wrong."""
    claims = [claim for part in parts for section in part.sections for claim in section.claims]
    offers = {offer.name: offer for offer in (*map(_offer_of, operations), CONFIRMATION)}
    found = [problem for claim in claims for problem in _of_claim(claim, offers, root)]
    return [*found, *_unclaimed(claims, offers), *_of_labels(claims, labels)]


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
        is_claimed_by_all_means=operation.tag in SURFACES,
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
    """Every field of some Structs and of the Structs in them."""
    for kind in kinds:
        for field in _fields(kind):
            yield kind, field.name
            yield from _fields_below(_structs_in(field.type))


def _fields_on(path: str, kinds: Iterable[type[Struct]]) -> list[Field]:
    """The fields that a path passes; empty when it leads nowhere."""
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


def _of_claim(claim: Claim, offers: dict[str, Offer], root: Path) -> Iterator[str]:
    about = f"The claim {claim.says[:60]!r}"
    if not claim.tests:
        yield f"{about} is proved by no test."
    for test in claim.tests:
        if not _exists(test, root):
            yield f"{about} names the test {test}, which does not exist."
    if not claim.operations and (claim.asks or claim.answers or claim.statuses):
        yield f"{about} names fields or statuses, and no operation."
    for name in claim.operations:
        if name in offers:
            yield from (f"{about} names {wrong}." for wrong in _of_offer(claim, offers[name]))
        else:
            yield f"{about} names the operation {name}, which does not exist."


def _of_offer(claim: Claim, offer: Offer) -> Iterator[str]:
    """What a claim names that an operation does not have."""
    for path in claim.asks:
        if path not in offer.parameters and not _fields_on(path, offer.asked):
            yield f"{path}, which {offer.name} does not take"
    for path in claim.answers:
        if not _fields_on(path, offer.answered):
            yield f"{path}, which {offer.name} does not answer"
    for status in claim.statuses:
        if status not in offer.statuses:
            yield f"the status {status}, which {offer.name} does not answer with"


def _unclaimed(claims: Sequence[Claim], offers: dict[str, Offer]) -> Iterator[str]:
    """What the named operations take or give, and operations of the references' kind, that no claim is about."""
    named = {name: offer for claim in claims for name in claim.operations if (offer := offers.get(name))}
    for offer in offers.values():
        if offer.is_claimed_by_all_means and offer.name not in named:
            yield f"No claim is about {offer.name}."
    about = [(claim, offers[name]) for claim in claims for name in claim.operations if name in named]
    claimed = {
        *(field for claim, offer in about for path in claim.asks for field in _fields_on(path, offer.asked)),
        *(field for claim, offer in about for path in claim.answers for field in _fields_on(path, offer.answered)),
    }
    all_fields = dict.fromkeys(
        field for offer in named.values() for field in _fields_below((*offer.asked, *offer.answered))
    )
    for kind, name in all_fields:
        if (kind, name) not in claimed:
            yield f"No claim is about the field {kind.__name__}.{name}."
    parameters = {(offer.name, path) for claim, offer in about for path in claim.asks}
    for offer in named.values():
        for parameter in sorted(offer.parameters):
            if (offer.name, parameter) not in parameters:
                yield f"No claim is about the parameter {parameter} of {offer.name}."


def _of_labels(claims: Sequence[Claim], labels: dict[str, str]) -> Iterator[str]:
    claimed = dict(claim.label for claim in claims if claim.label)
    for status in sorted(claimed.keys() | labels.keys()):
        if claimed.get(status) != labels.get(status):
            yield f"The status {status} is labelled {labels.get(status)!r}, and claimed to be {claimed.get(status)!r}."


def _exists(test: str, root: Path) -> bool:
    name, _, function = test.partition("::")
    path = root / name
    return path.is_file() and function in _tests_of(path)


@functools.cache
def _tests_of(path: Path) -> frozenset[str]:
    """The names of the test functions of a file, without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in functions if name.startswith("test_"))
