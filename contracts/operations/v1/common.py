"""The conventions of `/v1`: headers, errors and answers that its operations share.

Every operation of `/v1` is made by one of these functions, so that each convention is written and tested once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contracts import v1
from contracts.operations.common import ACCEPT_LANGUAGE, EXTRATO_AFTER, IDEMPOTENCY_KEY, IF_NONE_MATCH
from contracts.operations.operation import Answer, Operation
from contracts.v1.lists import ListQuery

if TYPE_CHECKING:
    from msgspec import Struct

    from contracts.operations.operation import Limit, Parameter

# Every answer has these.
OF_ANSWERS: Final = ("Extrato-Position",)
UNCHANGED: Final = Answer(
    description="The caller has the content already.", media_types=(), headers=(*OF_ANSWERS, "ETag")
)


def read_one(
    name: str,
    path: str,
    *,
    body: type[Struct],
    shows: str,
    query: type[Struct] = v1.MerchantQuery,
    **others: Any,
) -> Operation:
    """Describe a read of one object, with an ETag."""
    answers = {
        200: Answer(description=shows, body=body, headers=(*OF_ANSWERS, "ETag", "Cache-Control")),
        304: UNCHANGED,
    }
    return _read(name, path, query_by=query, answers=answers, headers=(IF_NONE_MATCH,), **{"limit": "checks", **others})


def read_list(
    name: str,
    path: str,
    *,
    body: type[Struct],
    shows: str,
    query: type[Struct] = ListQuery,
    **others: Any,
) -> Operation:
    """Describe a read of a list, a page at a time."""
    answers = {200: Answer(description=shows, body=body, headers=OF_ANSWERS)}
    return _read(name, path, query_by=query, answers=answers, **others)


def read_document(
    name: str,
    path: str,
    *,
    body: type[Struct],
    shows: str,
    query: type[Struct],
    media_types: tuple[str, ...],
    **others: Any,
) -> Operation:
    """Describe a read whose answer has no pages, as JSON or in another format."""
    headers = (*OF_ANSWERS, "Content-Disposition")
    answers = {200: Answer(description=shows, body=body, media_types=media_types, headers=headers)}
    return _read(name, path, query_by=query, answers=answers, **others)


def write(
    name: str,
    method: str,
    path: str,
    *,
    answers: dict[int, Answer],
    scope: str = "payments:write",
    query: type[Struct] = v1.MerchantQuery,
    **others: Any,
) -> Operation:
    """Describe a change. Each POST takes an Idempotency-Key; pages of other origins may call what they may see."""
    is_post = method == "POST"
    of_post = ("Idempotent-Replayed",) if is_post else ()
    return Operation(
        name=name,
        method=method,
        path=path,
        scope=scope,
        cross_origin=scope in {"payments:write", "payments:read"},
        query_by=query,
        headers=(*((IDEMPOTENCY_KEY,) if is_post else ()), ACCEPT_LANGUAGE),
        answers={
            status: _with_headers(answer, (*OF_ANSWERS, *of_post) if status < 400 else OF_ANSWERS)
            for status, answer in answers.items()
        },
        errors=v1.Problem,
        **{"limit": "creations", **others},
    )


def _read(
    name: str,
    path: str,
    *,
    answers: dict[int, Answer],
    headers: tuple[Parameter, ...] = (),
    scope: str = "payments:read",
    limit: Limit = "lists",
    **others: Any,
) -> Operation:
    return Operation(
        name=name,
        method="GET",
        path=path,
        scope=scope,
        limit=limit,
        cross_origin=scope == "payments:read",
        headers=(*headers, EXTRATO_AFTER, ACCEPT_LANGUAGE),
        answers=answers,
        errors=v1.Problem,
        **others,
    )


def _with_headers(answer: Answer, headers: tuple[str, ...]) -> Answer:
    return Answer(
        description=answer.description,
        body=answer.body,
        media_types=answer.media_types,
        headers=(*answer.headers, *headers),
    )
