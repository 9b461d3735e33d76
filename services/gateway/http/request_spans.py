"""The span of a request: the route, the status and the payment.

A request never continues the client's trace, so that no client decides what the hub records. For a client with an API
key, the span has a link to the client's trace. The path, the query and the client's address are left out: they may hold
tokens and personal data.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from contracts.digits import PAYMENT_DIGITS, number_in
from extrato import tracing
from services.gateway.http.caller import CALLER, CORRELATION_ID

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extrato.spans import Span

TRACEPARENT: Final = "traceparent"
ANY_METHOD: Final = "*"
# Sockets last for hours, and probes ask every few seconds.
UNTRACED: Final = frozenset({"/ws", "/socket.io/", "/healthz", "/readyz", "/metrics"})


def traced(
    handle: Callable[[web.Request], Awaitable[web.StreamResponse]], *, method: str, path: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return a handler that runs `handle` in a span of its route; `method` is `*` for requests that match no route."""
    name, route = ("HTTP", {}) if method == ANY_METHOD else (f"{method} {path}", {"http.route": path})

    @functools.wraps(handle)
    async def handle_in_span(request: web.Request) -> web.StreamResponse:
        with tracing.root_span(name, "server") as span:
            if not span.traceparent:
                return await handle(request)
            asked = request.method if request.method in hdrs.METH_ALL else "_OTHER"
            span.set({**route, "http.request.method": asked, "url.scheme": request.scheme})
            try:
                response = await handle(request)
            except web.HTTPException as answer:
                _describe(span, request, answer.status)
                raise
            _describe(span, request, response.status)
            return response

    return handle_in_span


def _describe(span: Span, request: web.Request, status: int) -> None:
    span.set({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
    if CORRELATION_ID in request:
        span.set({"extrato.correlation_id": request[CORRELATION_ID]})
    number = request.match_info.get("payment_id", "")
    if number_in(number, digits=PAYMENT_DIGITS) is not None:
        span.set({"extrato.payment_id": number})
    caller = request.get(CALLER)
    given = request.headers.getall(TRACEPARENT, [])
    if caller is not None and caller.actor == "api_key" and len(given) == 1:
        span.link(given[0])
