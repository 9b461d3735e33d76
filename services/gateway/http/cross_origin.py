"""Lets pages of other origins read what they ask for: a merchant's frontend lives elsewhere than the hub.

Nothing here counts that a browser sends by itself, such as a cookie: a page shows a key or a token of its own, and
could show it from anywhere. Without keys the door keeps foreign pages out before anything is told. Which routes are
shared stands with each in `routes.py`; a route whose scope is one of `UNSHARED_SCOPES` cannot be.
Source: the Fetch standard, section "CORS protocol".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Iterable

# The routes of the application that pages of other origins may ask.
SHARED: Final = web.AppKey("shared", frozenset[web.AbstractRoute])
# A key with one of these moves money back, says that money arrived, or changes whom all of it goes to: a frontend
# that showed such a key would give it to everybody who opens the page.
UNSHARED_SCOPES: Final = frozenset({"payments:refund", "confirm", "admin", "metrics"})
ANY_ORIGIN: Final = "*"
READABLE: Final = "ETag, Location, Retry-After, WWW-Authenticate, X-Correlation-Id"
SENDABLE: Final = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Correlation-Id"
# The longest that Chromium remembers what it was told.
REMEMBERED_S: Final = 7200


def share(response: web.StreamResponse) -> None:
    """Let any page read an answer."""
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = ANY_ORIGIN
    response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = READABLE


def is_preflight(request: web.Request) -> bool:
    """Say whether a browser asks what a page may ask for."""
    asked = hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers and hdrs.ORIGIN in request.headers
    return request.method == hdrs.METH_OPTIONS and asked


def permissions(methods: Iterable[str]) -> dict[str, str]:
    """Write what a page may ask for, beside what `share` says."""
    return {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(methods)),
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: SENDABLE,
        hdrs.ACCESS_CONTROL_MAX_AGE: str(REMEMBERED_S),
    }
