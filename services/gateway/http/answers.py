"""How answers and errors leave the gateway."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from aiohttp import web
from msgspec import UNSET

from contracts.api import MonitoringError, PixError
from contracts.errors import CATALOGUE, CataloguedError
from extrato.errors import ChargeWasRefused, Transient, Unexpected
from services.gateway.http.caller import CORRELATION

JSON: Final = "application/json"
MAX_LOGGED_PATH: Final = 200
REQUEST_TIMEOUT: Final = 408
_encode = msgspec.json.Encoder().encode
_logger = structlog.get_logger(component="gateway")

Headers = dict[str, str]
# How a route tells an error, given its status and what its answer must carry.
ErrorFormat = Callable[[CataloguedError, int, Headers], web.Response]


class Formatted(NamedTuple):
    """The error format of a route, which a request carries."""

    answer: ErrorFormat


ERROR_FORMAT: Final = web.RequestKey("error_format", Formatted)


def json_answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with a body of `contracts/api/`."""
    return web.Response(body=_encode(body), status=status, headers={"Content-Type": JSON, **(headers or {})})


def pix_error(told: CataloguedError, status: int, headers: Headers) -> web.Response:
    """Answer as the Pix routes do, in English."""
    return json_answer(PixError(message=told.message, code=told.code), status=status, headers=headers)


def monitoring_error(told: CataloguedError, status: int, headers: Headers) -> web.Response:
    """Answer as all other routes do, in Portuguese."""
    payment_id = told.payment_id if isinstance(told, ChargeWasRefused) else UNSET
    body = MonitoringError(success=False, error=told.portuguese, code=told.code, payment_id=payment_id)
    return json_answer(body, status=status, headers=headers)


def error_answer(request: web.Request, error: Exception) -> web.Response:
    """Answer an error in the format of the route it arose on."""
    told = error if isinstance(error, CataloguedError) else Unexpected()
    code = told.code
    status = CATALOGUE[code].status
    headers: Headers = {}
    if isinstance(error, Transient):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s)))
    if code == "unauthenticated":
        headers["WWW-Authenticate"] = "Bearer"
    log = _logger.error if status >= 500 and not isinstance(error, Transient) else _logger.info
    log(
        "request_refused",
        method=request.method,
        path=request.path[:MAX_LOGGED_PATH],
        status=status,
        code=code,
        reason=told.message,
        correlation_id=request[CORRELATION],
        **({"exc_info": error} if code == "internal_error" else {}),
    )
    answer = request[ERROR_FORMAT].answer(told, status, headers)
    if status == REQUEST_TIMEOUT:
        # What may still come of the body is not waited for.
        answer.force_close()
    return answer
