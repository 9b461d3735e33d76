"""Writes the errors of `/v1` as problem details (RFC 9457), in the language that the client prefers."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs
from msgspec import UNSET

from contracts.v1.problem import LANGUAGES, PROBLEM_JSON, FieldProblem, Problem, problem_title, problem_type
from extrato.errors import ChargeWasRefused
from services.gateway.http.bodies import InvalidBody
from services.gateway.http.caller import CORRELATION_ID
from services.gateway.http.responses import json_response

if TYPE_CHECKING:
    from aiohttp import web
    from msgspec import UnsetType

    from contracts.errors import CataloguedError
    from services.gateway.http.responses import Headers

ENGLISH, PORTUGUESE = LANGUAGES
MAX_HEADER: Final = 200


def problem(request: web.Request, error: CataloguedError, status: int, headers: Headers) -> web.Response:
    """Write an error of a route of `/v1`."""
    language = language_of(",".join(request.headers.getall(hdrs.ACCEPT_LANGUAGE, ())))
    faults = error.faults if isinstance(error, InvalidBody) else ()
    body = Problem(
        type=problem_type(error.code),
        title=problem_title(error.code),
        status=status,
        detail=_sentence(error, language),
        code=error.code,
        correlation_id=request[CORRELATION_ID],
        errors=[
            FieldProblem(
                part=fault.part,
                pointer=fault.pointer,
                code=fault.error.code,
                detail=_sentence(fault.error, language),
            )
            for fault in faults
        ],
        payment_id=_payment_of(error) or UNSET,
        api_key_id=_fact(error, "api_key_id"),
        as_of=_fact(error, "as_of"),
    )
    sent = {**headers, hdrs.CONTENT_TYPE: PROBLEM_JSON, hdrs.CONTENT_LANGUAGE: language, hdrs.VARY: "Accept-Language"}
    return json_response(body, status=status, headers=sent)


def _fact(error: CataloguedError, name: str) -> str | UnsetType:
    """Return a fact that a program needs beside the sentence, if the error has it."""
    return str(error.facts[name]) if name in error.facts else UNSET


def _payment_of(error: CataloguedError) -> str:
    """Return the payment that an error names beside its sentence."""
    if isinstance(error, ChargeWasRefused):
        return str(error.payment_id)
    return str(error.facts.get("payment_id", ""))


def _sentence(error: CataloguedError, language: str) -> str:
    return error.portuguese if language == PORTUGUESE else error.message


@functools.lru_cache(maxsize=256)
def language_of(accepted: str) -> str:
    """Return the language of `LANGUAGES` that `Accept-Language` prefers, by RFC 9110, 12.5.4; English by default."""
    best, best_weight = ENGLISH, 0.0
    for part in accepted[:MAX_HEADER].split(","):
        wanted, _, weight = part.partition(";")
        primary = wanted.strip().lower().split("-")[0]
        language = next((each for each in LANGUAGES if each.lower().split("-")[0] == primary), None)
        if language is not None and (given := _weight(weight)) > best_weight:
            best, best_weight = language, given
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(float(value), 1.0) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
