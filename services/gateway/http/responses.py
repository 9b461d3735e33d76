"""Builds responses: JSON bodies, and errors in the format of their route."""

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
from extrato.errors import ChargeWasRefused, InternalError, Transient
from services.gateway.http.caller import CORRELATION_ID
from services.gateway.http.logged_texts import loggable

JSON: Final = "application/json"
REQUEST_TIMEOUT: Final = 408
_encode = msgspec.json.Encoder().encode
_logger = structlog.get_logger(component="gateway")

Headers = dict[str, str]
# Turns an error of a request, its status and the headers of its response into the response.
ErrorFormat = Callable[[web.Request, CataloguedError, int, Headers], web.Response]


class Formatted(NamedTuple):
    """The error format of a route, which a request carries."""

    respond: ErrorFormat


ERROR_FORMAT: Final = web.RequestKey("error_format", Formatted)


def replayed(*, is_repeated: bool) -> Headers:
    """Return the header of an answer whose effect an earlier request with the same Idempotency-Key had."""
    return {"Idempotent-Replayed": "true"} if is_repeated else {}


def json_response(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Encode a body of `contracts/api/` or `contracts/v1/`."""
    return web.Response(body=_encode(body), status=status, headers={"Content-Type": JSON, **(headers or {})})


def pix_error(_request: web.Request, error: CataloguedError, status: int, headers: Headers) -> web.Response:
    """Write an error of a Pix route, in English."""
    return json_response(PixError(message=error.message, code=error.code), status=status, headers=headers)


def monitoring_error(_request: web.Request, error: CataloguedError, status: int, headers: Headers) -> web.Response:
    """Write an error of any other JSON route, in Portuguese."""
    payment_id = error.payment_id if isinstance(error, ChargeWasRefused) else UNSET
    body = MonitoringError(success=False, error=error.portuguese, code=error.code, payment_id=payment_id)
    return json_response(body, status=status, headers=headers)


def error_response(request: web.Request, error: Exception) -> web.Response:
    """Log an error and write it in its route's format; one outside the catalogue becomes `internal_error`."""
    catalogued = error if isinstance(error, CataloguedError) else InternalError()
    code = catalogued.code
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
        path=loggable(request.path),
        status=status,
        code=code,
        reason=loggable(catalogued.message),
        correlation_id=request[CORRELATION_ID],
        **({"exc_info": error} if code == "internal_error" else {}),
    )
    response = request[ERROR_FORMAT].respond(request, catalogued, status, headers)
    if status == REQUEST_TIMEOUT:
        # Do not wait for the rest of the body.
        response.force_close()
    return response
