"""Answers requests that match no route: 404, 405 for another method, and OPTIONS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from extrato.domain.errors import Refused
from services.gateway.gateway import gateway_of
from services.gateway.http.cross_origin import SHARED, is_preflight, permissions, share
from services.gateway.http.local_only import refuse_unless_local
from services.gateway.http.problems import problem
from services.gateway.http.responses import ERROR_FORMAT, Formatted, error_response, pix_error

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


# Below this path errors are English, except on pages.
PIX: Final = "/payments/pix"
# Below this path errors are problem details.
V1: Final = "/v1"


async def answer_not_found(request: web.Request) -> web.StreamResponse:
    """Answer OPTIONS and 405 with the methods of the path; answer 404 for an unknown path."""
    if request.path == PIX or request.path.startswith(f"{PIX}/"):
        request[ERROR_FORMAT] = Formatted(pix_error)
    elif request.path == V1 or request.path.startswith(f"{V1}/"):
        request[ERROR_FORMAT] = Formatted(problem)
    allowed: set[str] = set()
    shared: set[str] = set()
    for resource in request.app.router.resources():
        if resource is not request.match_info.route.resource:
            methods = (await resource.resolve(request))[1]
            allowed |= methods
            if methods:
                shared |= {route.method for route in resource if route in request.app[SHARED]}
    if not allowed:
        return error_response(request, Refused("not_found"))
    response = (
        _options(request, allowed, shared)
        if request.method == hdrs.METH_OPTIONS
        else _method_not_allowed(request, allowed)
    )
    if shared:
        share(response)
    return response


def _method_not_allowed(request: web.Request, allowed: AbstractSet[str]) -> web.Response:
    methods = ", ".join(sorted(allowed))
    response = error_response(request, Refused("method_not_allowed", methods=methods))
    response.headers[hdrs.ALLOW] = methods
    return response


def _options(request: web.Request, allowed: AbstractSet[str], shared: AbstractSet[str]) -> web.Response:
    """List the methods of a path; for a preflight, also what a page of another origin may send."""
    headers: dict[str, str] = {hdrs.ALLOW: ", ".join(sorted({*allowed, hdrs.METH_OPTIONS}))}
    if is_preflight(request) and shared:
        if gateway_of(request).settings.auth == "open":
            refuse_unless_local(request)
        headers |= permissions(shared)
    return web.Response(status=204, headers=headers)
