"""The error answers of operations: the codes of each HTTP status, with an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.api import MonitoringError, PixError
from contracts.errors import CATALOGUE
from contracts.generate.info import JSON
from contracts.generate.schemas import COMPONENT, Document
from contracts.operations.common import CORRELATION_ID, REFUSALS
from contracts.operations.examples import EXAMPLES
from contracts.v1.problem import PROBLEM_JSON, Problem, problem_title, problem_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import Struct

    from contracts.operations.operation import Operation

# The header that a client needs to act on each code.
HEADERS: Final = {"unauthenticated": "WWW-Authenticate", "too_many_requests": "Retry-After"} | {
    code: "Retry-After" for code, entry in CATALOGUE.items() if entry.status == 503
}
# Many operations share the answers with few codes, so the document has these once.
MOST_SHARED: Final = 4
# Their caller may not know the position of the log.
WITHOUT_CALLER: Final = frozenset({401, 403})


def refusals(operation: Operation) -> dict[int, Document]:
    """Return the answer of each status of the operation's errors, or a reference to a shared one."""
    answers: dict[int, Document] = {}
    for status in operation.refusals:
        codes = _codes(operation, status)
        answers[status] = (
            {"$ref": f"#/components/responses/{_name(operation, status, codes)}"}
            if len(codes) <= MOST_SHARED
            else _answer(operation, status, codes)
        )
    return answers


def shared_refusals(operations: Iterable[Operation]) -> Document:
    """Return the shared answers, by the names that `refusals` uses."""
    shared: Document = {}
    for operation in operations:
        for status in operation.refusals - operation.answers.keys():
            codes = _codes(operation, status)
            if len(codes) <= MOST_SHARED:
                shared[_name(operation, status, codes)] = _answer(operation, status, codes)
    return dict(sorted(shared.items()))


def _codes(operation: Operation, status: int) -> list[str]:
    return sorted(code for code in operation.every_code if CATALOGUE[code].status == status)


def _name(operation: Operation, status: int, codes: list[str]) -> str:
    return ".".join((operation.errors.__name__ if operation.errors else "", str(status), *codes))


def _answer(operation: Operation, status: int, codes: list[str]) -> Document:
    listed = "\n".join(f"- `{code}`: {CATALOGUE[code].cause}" for code in codes)
    kind = operation.errors or MonitoringError
    headers = {CORRELATION_ID.name, *(HEADERS[code] for code in codes if code in HEADERS)}
    if kind is Problem:
        headers |= {"Content-Language"} | ({"Extrato-Position"} if status not in WITHOUT_CALLER else set())
    return {
        "description": f"{REFUSALS[status]}\n\n{listed}",
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(headers)},
        "content": {PROBLEM_JSON if kind is Problem else JSON: _media(kind, codes)},
    }


def _media(kind: type[Struct], codes: list[str]) -> Document:
    only_these = {"type": "object", "properties": {"code": {"enum": codes}}}
    media: Document = {"schema": {"allOf": [{"$ref": COMPONENT.format(name=kind.__name__)}, only_these]}}
    example = _example(kind, codes)
    return media if example is None else {**media, "example": example}


def _example(kind: type[Struct], codes: list[str]) -> Document | None:
    """Return an error with one of the codes: the body's example, or one whose sentence needs no fact."""
    shown = EXAMPLES[kind]
    if shown["code"] in codes:
        return shown
    for code in codes:
        sentence = CATALOGUE[code].sentences[""]
        if kind is Problem and "{" not in sentence.english:
            return {
                **shown,
                "type": problem_type(code),
                "title": problem_title(code),
                "status": CATALOGUE[code].status,
                "detail": sentence.english,
                "code": code,
            }
        if kind is PixError and "{" not in sentence.english:
            return {"message": sentence.english, "code": code}
        if kind is MonitoringError and "{" not in sentence.portuguese:
            return {"success": False, "error": sentence.portuguese, "code": code}
    return None
