"""The kinds of doors: for merchants' programs, with token and faults; for the tests that steer; for everybody else."""

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
from services.sandbox.state.faults import Broken
from services.sandbox.state.json_body import answer

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

# Methods that change nothing.
READING = {hdrs.METH_GET, hdrs.METH_HEAD}
SIMULATOR = web.AppKey("simulator", Simulator)
ProviderHandler: TypeAlias = Callable[[Simulator, Account, web.Request], Awaitable[web.Response]]
OpenHandler: TypeAlias = Callable[[Simulator, web.Request], Awaitable[web.Response]]

_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

# Without a token, most routes are stopped by the policy agent with 403; this one was seen to answer 401.
_ROUTES_WITHOUT_POLICY = {"/v1/payment_methods"}


def provider_door(handler: ProviderHandler) -> Handler:
    """Open a route of the simulated API: count, suffer the faults, check the token, answer or refuse."""

    async def through(request: web.Request) -> web.StreamResponse:
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
            await sim.faults.strike(token)
            if account is None:
                raise _refused_token(request, token)
            response = await handler(sim, account, request)
            sim.faults.strike_after(request.method)
        except ProviderError as error:
            body = error.body(request_id=request_id, now_ms=sim.clock.now_ms())
            response = answer(body, status=error.status, headers=error.headers)
        except Broken as error:
            response = _broken(request, is_reset=error.is_reset)
        sim.database.commit()
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return through


def open_door(handler: OpenHandler) -> Handler:
    """Open a page, which knows neither tokens nor faults."""

    async def through(request: web.Request) -> web.StreamResponse:
        sim = request.app[SIMULATOR]
        response = await handler(sim, request)
        sim.database.commit()
        return response

    return through


def control_door(handler: OpenHandler) -> Handler:
    """Open a control route to programs and pages of this machine, and to those that the settings name.

    Any page that a developer's browser visits can send a form or a picture's request here. What changes something must
    be JSON, which a browser lets a page of another origin send only where that is allowed, and here it is not.
    """
    through = open_door(handler)

    async def refusing(request: web.Request) -> web.StreamResponse:
        sim = request.app[SIMULATOR]
        if not is_asked_by_known(request, sim.settings.control_hosts):
            return refusal("foreign_page", "Only pages and programs of this machine are answered.", status=403)
        if request.method not in READING and request.content_type != "application/json":
            return refusal("unsupported_media_type", "Send the body as application/json.", status=415)
        return await through(request)

    return refusing


def is_asked_by_known(request: web.Request, control_hosts: frozenset[str]) -> bool:
    """Say whether the request names this machine or a host of the settings, and so does the page that sends it."""
    headers = request.headers
    origins = headers.getall(hdrs.ORIGIN, ())
    if not origins and "cross-site" in headers.getall("Sec-Fetch-Site", ()):
        return False
    names = [host_named_by(request.host), *(host_of_origin(origin) for origin in origins)]
    return all(name is not None and (is_loopback(name) or name in control_hosts) for name in names)


def refusal(code: str, sentence: str, *, status: int) -> web.Response:
    """Refuse on a control route."""
    return answer({"error": code, "message": sentence}, status=status)


async def unknown_route(_sim: Simulator, _account: Account, _request: web.Request) -> web.Response:
    """Answer for everything that the simulated API does not have."""
    raise not_found("resource not found")


def _broken(request: web.Request, *, is_reset: bool) -> web.Response:
    """Cut the connection, after which nothing that is answered arrives, or show a page instead of JSON."""
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
