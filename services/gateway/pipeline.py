"""The middleware around every handler: correlation id, authentication, rate limit, errors, headers."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from msgspec import Struct

from contracts.operations.common import CORRELATION_ID_PATTERN
from contracts.operations.operation import Limit
from extrato.domain.errors import Refused
from extrato.errors import ExtratoError, Transient
from services.gateway.authentication import ANONYMOUS, authenticate, credentials_from
from services.gateway.conventions import BUCKETS, CONVENTIONS, Conventions, add_headers, answer_v1
from services.gateway.gateway import client_address, gateway_of
from services.gateway.http.caller import CALLER, CORRELATION_ID
from services.gateway.http.cross_origin import UNSHARED_SCOPES, share
from services.gateway.http.responses import ERROR_FORMAT, ErrorFormat, Formatted, error_response, monitoring_error
from services.gateway.metrics import REQUEST_DURATION_S, REQUESTS
from services.gateway.request_body import MAX_BODY_BYTES

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram


IS_CORRELATION_ID: Final = re.compile(CORRELATION_ID_PATTERN).fullmatch
ALLOWED_CODINGS: Final = ((hdrs.CONTENT_ENCODING, "identity"), (hdrs.TRANSFER_ENCODING, "chunked"))

# Headers of every response that does not set them itself: caches do not store it, and browsers do not guess its type.
HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server", "extrato"),
)

# The operation of routes that are none.
OTHER: Final = "other"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(Struct, frozen=True, kw_only=True):
    """One route. `scope` is the scope that an API key needs; None needs no authentication.

    With `payer`, the token of one payment opens the route for that payment without a key. `errors` writes the route's
    errors. `limit` is the rate limit for its key and its address. With `cross_origin`, pages of other origins may call
    it and read its responses; raises `ValueError` where the scope forbids that. With `takes_both`, the route also
    answers with or without the trailing slash of `path`. `operation` is its name in the metrics of durations. `v1` has
    what only routes of `/v1` need.
    """

    method: str
    path: str
    handler: Handler
    scope: str | None
    payer: bool = False
    errors: ErrorFormat = monitoring_error
    limit: Limit | None = None
    cross_origin: bool = False
    takes_both: bool = False
    operation: str = OTHER
    v1: Conventions | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths for the router, which finds a path without parameters in a dictionary."""
        if not self.takes_both:
            return (self.path,)
        plain = self.path.removesuffix("/")
        return (f"{plain}{{slash:/?}}",) if "{" in plain else (plain, f"{plain}/")

    def __post_init__(self) -> None:
        if self.cross_origin and self.scope in UNSHARED_SCOPES:
            msg = f"{self.method} {self.path} needs the scope {self.scope}, which is not for pages of other origins."
            raise ValueError(msg)


def wrap_handler(route: Route) -> Handler:
    """Wrap the handler of a route in the middleware."""
    # Looking a label up costs more than counting.
    measures: dict[int, tuple[Counter, Histogram]] = {}
    errors = Formatted(route.errors)

    async def handle(request: web.Request) -> web.StreamResponse:
        started_at_s = time.perf_counter()
        request[ERROR_FORMAT] = errors
        if route.v1 is not None:
            request[CONVENTIONS] = route.v1
        # An invalid correlation id is replaced, not rejected, and so are two.
        given = ",".join(request.headers.getall("X-Correlation-Id", ()))
        request[CORRELATION_ID] = given if IS_CORRELATION_ID(given) else gateway_of(request).hub.new_uuid().hex
        response = await _respond(route, request)
        measured = measures.get(response.status)
        if measured is None:
            measured = measures[response.status] = (
                REQUESTS.labels(route.method, route.path, response.status),
                REQUEST_DURATION_S.labels(route.operation),
            )
        count, duration_s = measured
        count.inc()
        # A socket lasts as long as its client wants.
        if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
            duration_s.observe(time.perf_counter() - started_at_s)
        if not response.prepared:
            headers = response.headers
            headers["X-Correlation-Id"] = request[CORRELATION_ID]
            for name, value in HEADERS:
                headers.setdefault(name, value)
            if route.v1 is not None:
                add_headers(request, response)
            if route.cross_origin:
                share(response)
        return response

    return handle


async def _respond(route: Route, request: web.Request) -> web.StreamResponse:
    """Run the handler for an authenticated caller, and turn every error into a response."""
    try:
        _refuse_compressed(request)
        if route.scope is None:
            request[CALLER] = ANONYMOUS
        else:
            credentials = credentials_from(request, payer=route.payer)
            request[CALLER] = await authenticate(request, credentials, route.scope, limit=route.limit)
        if route.limit is not None and not request[CALLER].is_payer:
            limiter = gateway_of(request).rate_limiter
            buckets = request[BUCKETS] = limiter.buckets(route.limit, request[CALLER], client_address(request))
            limiter.take(buckets)
        if route.v1 is not None:
            return await answer_v1(request, route.handler)
        return await route.handler(request)
    except web.HTTPRequestEntityTooLarge:
        refused = Refused("body_too_large", maximum=MAX_BODY_BYTES)
        return error_response(request, refused)
    except web.HTTPException:
        raise
    except (Refused, ExtratoError) as error:
        return error_response(request, error)
    except ConnectionResetError:
        raise
    except TimeoutError:
        return error_response(request, Transient())
    except Exception as error:  # noqa: BLE001 - the last place that can log and answer it
        return error_response(request, error)


def _refuse_compressed(request: web.Request) -> None:
    """Reject compressed bodies by either header: a truncated one would decode to a shorter body."""
    for name, plain in ALLOWED_CODINGS:
        if any(value.lower() != plain for value in request.headers.getall(name, ())):
            raise Refused("unsupported_media_type", why="packed", name=name, plain=plain)
