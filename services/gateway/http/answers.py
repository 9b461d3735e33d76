"""How answers and errors leave the gateway; the one place that knows HTTP statuses of errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from aiohttp import web
from msgspec import UNSET

from contracts.api import MonitoringError, PixError
from extrato.domain.errors import Refused
from extrato.errors import ChargeWasRefused, ExtratoError, Transient
from services.gateway.http.caller import CORRELATION
from services.gateway.http.sentences import Unexpected, in_portuguese

JSON: Final = "application/json"
MAX_LOGGED_PATH: Final = 200
REQUEST_TIMEOUT: Final = 408
_encode = msgspec.json.Encoder().encode
_logger = structlog.get_logger(component="gateway")

# Which code becomes which status; a code that is not listed is 400 when the rules refused it.
STATUS_OF_CODE: Final = {
    "not_found": 404,
    "payment_not_found": 404,
    "unknown_merchant": 404,
    "unknown_provider": 404,
    "api_key_not_found": 404,
    "invalid_signature": 401,
    "unauthenticated": 401,
    "too_many_requests": 429,
    "forbidden": 403,
    "listed_prices_only": 403,
    "foreign_page": 403,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 409,
    "wrong_amount": 400,
    "late_payment": 409,
    "payment_expired": 409,
    "payment_already_paid": 409,
    "payment_cancelled": 409,
    "payment_already_refunded": 409,
    "payment_not_paid": 409,
    "refund_by_bank_only": 409,
    "refund_exceeds_balance": 409,
    "refund_in_progress": 409,
    "payment_holds_money": 409,
    "nothing_to_accept": 409,
    "return_exceeds_held": 409,
    "return_id_reused": 409,
    "alert_not_found": 404,
    "conflict": 409,
    "merchant_exists": 409,
    "another_account_connected": 409,
    "provider_refused": 502,
    "provider_misunderstood": 502,
    "provider_not_connected": 400,
    "provider_unavailable": 503,
    "overloaded": 503,
    "store_unavailable": 503,
    "bus_unavailable": 503,
    "bus_refused": 503,
    "unavailable": 503,
}

Headers = dict[str, str]
# How a route tells an error, given its status and what its answer must carry.
ErrorFormat = Callable[[Refused | ExtratoError, int, Headers], web.Response]


class Formatted(NamedTuple):
    """The error format of a route, which a request carries."""

    answer: ErrorFormat


ERROR_FORMAT: Final = web.RequestKey("error_format", Formatted)


def json_answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with a body of `contracts/api.py`."""
    return web.Response(body=_encode(body), status=status, headers={"Content-Type": JSON, **(headers or {})})


def pix_error(told: Refused | ExtratoError, status: int, headers: Headers) -> web.Response:
    """Answer as the Pix routes do, in English."""
    return json_answer(PixError(message=told.message, code=told.code), status=status, headers=headers)


def monitoring_error(told: Refused | ExtratoError, status: int, headers: Headers) -> web.Response:
    """Answer as all other routes do, in Portuguese."""
    payment_id = told.payment_id if isinstance(told, ChargeWasRefused) else UNSET
    body = MonitoringError(success=False, error=in_portuguese(told), code=told.code, payment_id=payment_id)
    return json_answer(body, status=status, headers=headers)


def error_answer(request: web.Request, error: Exception) -> web.Response:
    """Answer an error in the format of the route it arose on."""
    told = error if isinstance(error, Refused | ExtratoError) else Unexpected()
    code = told.code
    status = STATUS_OF_CODE.get(code, 400 if isinstance(error, Refused) else 500)
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
