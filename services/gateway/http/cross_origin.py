"""CORS: lets pages of other origins call the hub, because merchants' frontends have their own origins.

The hub ignores credentials that a browser adds automatically, such as cookies: a page sends its own key or token, and
could send it from any program. In open mode, `local_only` refuses foreign pages before a handler runs. Each operation
says whether it is shared; a route whose scope is in `UNSHARED_SCOPES` cannot be.
Source: the Fetch standard, section "CORS protocol".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Iterable

# The routes that pages of other origins may call.
SHARED: Final = web.AppKey("shared", frozenset[web.AbstractRoute])
# A key with one of these scopes refunds money, confirms payments, or changes the account that receives the money. A
# frontend with such a key would show it to everyone who opens the page.
UNSHARED_SCOPES: Final = frozenset({"payments:refund", "confirm", "admin", "metrics"})
ANY_ORIGIN: Final = "*"
READABLE: Final = (
    "Content-Language, ETag, Extrato-Position, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, "
    "Retry-After, WWW-Authenticate, X-Correlation-Id"
)
SENDABLE: Final = "Authorization, Content-Type, Extrato-After, Idempotency-Key, If-None-Match, X-Correlation-Id"
# The longest time that Chromium caches a preflight.
CACHED_S: Final = 7200


def share(response: web.StreamResponse) -> None:
    """Allow pages of any origin to read a response."""
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY_ORIGIN
    response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = READABLE


def is_preflight(request: web.Request) -> bool:
    """Return whether a request is a CORS preflight."""
    asked = hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers and hdrs.ORIGIN in request.headers
    return request.method == hdrs.METH_OPTIONS and asked


def permissions(methods: Iterable[str]) -> dict[str, str]:
    """Return the headers of a preflight's response, beside those of `share`."""
    return {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(methods)),
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: SENDABLE,
        hdrs.ACCESS_CONTROL_MAX_AGE: str(CACHED_S),
    }
