"""Wraps handlers: provider routes with token and faults, control routes for tests, and open routes for pages."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import hdrs, web

from extrato.loopback import host_named_by, host_of_origin, is_loopback
from services.sandbox.simulator import Simulator
from services.sandbox.state.accounts import Account, token_digest
from services.sandbox.state.errors import (
    PolicyError,
    ProviderError,
    invalid_access_token,
    missing_access_token,
    not_found,
)
from services.sandbox.state.faults import BrokenAnswer
from services.sandbox.state.json_body import answer

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

# Methods without side effects.
READING = {hdrs.METH_GET, hdrs.METH_HEAD}
SIMULATOR = web.AppKey("simulator", Simulator)
ProviderHandler: TypeAlias = Callable[[Simulator, Account, web.Request], Awaitable[web.Response]]
OpenHandler: TypeAlias = Callable[[Simulator, web.Request], Awaitable[web.Response]]

_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

# Without a token the policy agent answers most routes with 403; this one answered 401 in captures.
_ROUTES_WITHOUT_POLICY = {"/v1/payment_methods"}


def provider_route(handler: ProviderHandler) -> Handler:
    """Wrap a route of the simulated API: count it, apply faults, check the token, and turn errors into answers."""

    async def handle(request: web.Request) -> web.StreamResponse:
        sim = request.app[SIMULATOR]
        token = _bearer(request)
        account = sim.accounts.with_token(token)
        sim.stats.count_request(
            _route_name(request),
            account=account.nickname if account else "unknown" if token else "none",
            digest=token_digest(token) if token else "",
        )
        request_id = str(uuid.uuid4())
        try:
            await sim.faults.before_call(token)
            if account is None:
                raise _refused_token(request, token)
            response = await handler(sim, account, request)
            sim.faults.after_call(request.method)
        except ProviderError as error:
            body = error.body(request_id=request_id, now_ms=sim.clock.now_ms())
            response = answer(body, status=error.status, headers=error.headers)
        except BrokenAnswer as error:
            response = _broken(request, is_reset=error.is_reset)
        sim.database.commit()
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return handle


def open_route(handler: OpenHandler) -> Handler:
    """Wrap a page, which has neither tokens nor faults."""

    async def handle(request: web.Request) -> web.StreamResponse:
        sim = request.app[SIMULATOR]
        response = await handler(sim, request)
        sim.database.commit()
        return response

    return handle


def control_route(handler: OpenHandler) -> Handler:
    """Wrap a control route, which accepts requests of this machine and of the hosts in the settings only.

    Any page in a developer's browser can send a form or load a picture from here. A request with side effects must
    therefore be JSON: browsers send cross-origin JSON only after a CORS permission, which the sandbox never gives.
    """
    handle_trusted = open_route(handler)

    async def handle(request: web.Request) -> web.StreamResponse:
        sim = request.app[SIMULATOR]
        if not is_trusted(request, sim.settings.control_hosts):
            return control_error(
                "foreign_page", "Only pages and programs of this machine may use this route.", status=403
            )
        if request.method not in READING and request.content_type != "application/json":
            return control_error("unsupported_media_type", "Send the body as application/json.", status=415)
        return await handle_trusted(request)

    return handle


def is_trusted(request: web.Request, control_hosts: frozenset[str]) -> bool:
    """Return True when Host and Origin name this machine or a host of the settings."""
    headers = request.headers
    origins = headers.getall(hdrs.ORIGIN, ())
    if not origins and "cross-site" in headers.getall("Sec-Fetch-Site", ()):
        return False
    names = [host_named_by(request.host), *(host_of_origin(origin) for origin in origins)]
    return all(name is not None and (is_loopback(name) or name in control_hosts) for name in names)


def control_error(code: str, sentence: str, *, status: int) -> web.Response:
    """Return the JSON error of a control route."""
    return answer({"error": code, "message": sentence}, status=status)


async def unknown_route(_sim: Simulator, _account: Account, _request: web.Request) -> web.Response:
    """Answer 404 for a route that the sandbox does not simulate."""
    raise not_found("resource not found")


def _broken(request: web.Request, *, is_reset: bool) -> web.Response:
    """Cut the connection, so that no answer arrives, or answer an HTML page instead of JSON."""
    if is_reset and request.transport is not None:
        request.transport.abort()
    return web.Response(status=502, text=_GATEWAY_PAGE, content_type="text/html")


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _refused_token(request: web.Request, token: str) -> ProviderError:
    if token:
        return invalid_access_token()
    return missing_access_token() if request.path in _ROUTES_WITHOUT_POLICY else PolicyError()


def _route_name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else request.path}"
