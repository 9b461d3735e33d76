"""What every route of `/v1` does alike: it waits for a position, tags single reads, and adds the headers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from aiohttp import web
from msgspec import Struct

from services.gateway.gateway import gateway_of
from services.gateway.http.caller import CALLER
from services.gateway.http.etags import tagged
from services.gateway.http.positions import POSITION, note_position
from services.gateway.http.rate_limits import Buckets
from services.gateway.http.values import single

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WINDOW_S: Final = 60
EXTRATO_AFTER: Final = "Extrato-After"


class Conventions(Struct, frozen=True, kw_only=True):
    """The conventions of one route.

    `waits`: it takes `Extrato-After`, and waits for `read_model`, or reads the log itself if that is None. `has_etag`:
    it reads one object.
    """

    waits: bool
    read_model: str | None
    has_etag: bool


# A handler that streams finds them here.
CONVENTIONS: Final = web.RequestKey("conventions", Conventions)
# What the request took from, for the headers of its answer.
BUCKETS: Final = web.RequestKey("buckets", Buckets)


async def answer_v1(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Run the handler of a route of `/v1`; raises `Refused`, and `ReadModelBehind` for a position that is not shown."""
    gateway, conventions = gateway_of(request), request[CONVENTIONS]
    if not conventions.waits:
        # A change without an effect answers an earlier event, and must not make its client forget a later one.
        note_position(request, gateway.positions.newest)
    after = single(request.headers, EXTRATO_AFTER) if conventions.waits else None
    if after is not None:
        # A client that sends each position back never goes back.
        note_position(request, await gateway.positions.wait(after, read_model=conventions.read_model))
    response = await handler(request)
    if conventions.has_etag and isinstance(response, web.Response) and response.status == 200:
        return tagged(request, response)
    return response


def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the position and the rate limit; a handler that streams calls this before it prepares its response.

    An unknown caller gets neither: positions say how much the hub records.
    """
    caller = request.get(CALLER)
    if caller is None:
        return
    gateway, buckets = gateway_of(request), request.get(BUCKETS)
    response.headers["Extrato-Position"] = gateway.positions.text(request.get(POSITION))
    if buckets is not None:
        quota, limit = gateway.rate_limiter.quota(buckets), buckets.limit
        response.headers["RateLimit-Policy"] = f'"{limit}";q={quota.per_minute};w={WINDOW_S}'
        response.headers["RateLimit"] = f'"{limit}";r={quota.left};t={math.ceil(quota.reset_s)}'
