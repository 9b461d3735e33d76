"""What every request passes before its handler: who is calling, with what body, and how errors leave."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from aiohttp import hdrs, web
from msgspec import Struct

from extrato.domain.errors import Refused
from extrato.errors import ExtratoError, NotFound, Transient
from extrato.use_cases.payments import load_payment
from services.gateway.http.answers import error_answer
from services.gateway.http.context import CORRELATION, Caller, gateway_of
from services.gateway.http.cross_origin import UNSHARED_SCOPES, share
from services.gateway.http.json_text import decode_json
from services.gateway.http.known_fields import refuse_unknown_fields
from services.gateway.http.limits import Limited, address_of
from services.gateway.http.local_only import refuse_unless_local
from services.gateway.http.sentences import Bilingual
from services.gateway.http.values import single
from services.gateway.metrics import REQUESTS

if TYPE_CHECKING:
    from prometheus_client import Counter

    from extrato.use_cases.payments import LoadedPayment

MAX_BODY_BYTES: Final = 64 << 10
MAX_NUMBER_LENGTH: Final = 16
CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
PLAIN_CODINGS: Final = ((hdrs.CONTENT_ENCODING, "identity"), (hdrs.TRANSFER_ENCODING, "chunked"))
ANYBODY: Final = Caller(merchant=None, actor="check", actor_id=None)

# What every answer says that says nothing else: it is not to be kept, nor taken for something that it is not.
HEADERS: Final = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Server", "extrato"),
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Credentials(Struct, frozen=True, kw_only=True):
    """What a caller shows: an API key, or the number of a payment with its token. Without a key it is None.

    Neither key nor token is shown in `repr`.
    """

    api_key: str | None
    payment_id: str
    token: str

    def __repr__(self) -> str:
        return f"Credentials(payment_id={self.payment_id!r})"

    __str__ = __repr__


class Route(Struct, frozen=True, kw_only=True):
    """One route. `scope` is what an API key must allow; None is for everybody.

    With `payer` the token of one payment opens the route for that payment, without a key. `shape` is how the
    route tells an error. `limit` is what its requests count as, for their key and for their address. With
    `cross_origin` pages of other origins may ask and read what is answered; raises `ValueError` where the scope
    forbids that.
    """

    method: str
    path: str
    handler: Handler
    scope: str | None
    payer: bool = False
    shape: Literal["pix", "monitoring", "page"] = "monitoring"
    limit: Limited | None = None
    cross_origin: bool = False

    def __post_init__(self) -> None:
        if self.cross_origin and self.scope in UNSHARED_SCOPES:
            msg = f"{self.method} {self.path} needs the scope {self.scope}, which is not for pages of other origins."
            raise ValueError(msg)


def door(route: Route) -> Handler:
    """Wrap a route's handler with what every request passes."""
    counters: dict[int, Counter] = {}

    async def through(request: web.Request) -> web.StreamResponse:
        request["shape"] = route.shape
        # One that cannot be used is replaced and not refused, and so are two.
        given = ",".join(request.headers.getall("X-Correlation-Id", ()))
        request[CORRELATION] = given if CORRELATION_ID.fullmatch(given) else gateway_of(request).hub.new_uuid().hex
        response = await _answered(route, request)
        count = counters.get(response.status)
        if count is None:
            count = counters[response.status] = REQUESTS.labels(route.method, route.path, response.status)
        count.inc()
        if not response.prepared:
            headers = response.headers
            headers["X-Correlation-Id"] = request[CORRELATION]
            for name, value in HEADERS:
                headers.setdefault(name, value)
            if route.cross_origin:
                share(response)
        return response

    return through


async def _answered(route: Route, request: web.Request) -> web.StreamResponse:
    """Let the handler answer whom it may, and answer every error."""
    try:
        _refuse_packed(request)
        if route.scope is None:
            request["caller"] = ANYBODY
        else:
            shown = _shown(request, payer=route.payer)
            request["caller"] = await recognise(request, shown, route.scope, limit=route.limit)
        if route.limit is not None and not request["caller"].is_payer:
            gateway_of(request).limits.count(route.limit, request["caller"], address_of(request))
        return await route.handler(request)
    except web.HTTPRequestEntityTooLarge:
        refused = Refused("body_too_large", f"The body may hold {MAX_BODY_BYTES} bytes at most.")
        return error_answer(request, refused)
    except web.HTTPException:
        raise
    except (Refused, ExtratoError) as error:
        return error_answer(request, error)
    except ConnectionResetError:
        raise
    except TimeoutError:
        return error_answer(request, Transient("It took too long; whether it was done is unknown."))
    except Exception as error:  # noqa: BLE001 - the last place where it can be told and answered
        return error_answer(request, error)


def _refuse_packed(request: web.Request) -> None:
    """Reject compressed bodies, whichever header says so: a truncated one would decode to a shorter body."""
    for name, plain in PLAIN_CODINGS:
        if any(value.lower() != plain for value in request.headers.getall(name, ())):
            raise Refused("unsupported_media_type", f"Send the body as it is, without a {name} but '{plain}'.")


def bearer_of(request: web.Request) -> str | None:
    """Read the API key out of a request's headers; one of another kind is nobody's, so it is empty."""
    authorization = single(request.headers, hdrs.AUTHORIZATION)
    if not authorization:
        return None
    kind, _, bearer = authorization.partition(" ")
    return bearer.strip() if kind.lower() == "bearer" else ""


def _shown(request: web.Request, *, payer: bool) -> Credentials:
    """Read what a request shows. A payment is named by the path; by the query only where the path names none."""
    bearer = bearer_of(request)
    if bearer is not None:
        return Credentials(api_key=bearer, payment_id="", token="")
    number = request.match_info.get("payment_id") or single(request.query, "payment_id") or ""
    token = (single(request.query, "t") or "") if payer else ""
    return Credentials(api_key=None, payment_id=number, token=token)


async def recognise(request: web.Request, shown: Credentials, scope: str, *, limit: Limited | None = None) -> Caller:
    """Find out who is calling; raises `Refused`, and `TooManyRequests` to an address that guesses.

    A token costs a look at the log, so that it counts as `limit` before.
    """
    gateway = gateway_of(request)
    limits = gateway.limits
    if shown.api_key is not None:
        key = gateway.merchants.remembered(shown.api_key)
        if key is None:
            address = address_of(request)
            limits.allow_attempt(address, shown.api_key)
            key = await gateway.merchants.recognise(shown.api_key)
            if key is None:
                limits.failed(address)
                raise Refused("unauthenticated", "The API key is not one of ours.")
            limits.succeeded(shown.api_key)
        gateway.key_uses.note(key)
        if scope not in key.scopes:
            raise Bilingual(
                "forbidden",
                f"The API key does not have the scope {scope!r}.",
                f"Esta chave de API não tem o escopo '{scope}'",
                scope,
            )
        return Caller(
            merchant=key.merchant,
            actor="api_key",
            actor_id=key.key_id,
            listed_prices_only=key.listed_prices_only,
        )
    if shown.token:
        payment = await _opened_by_token(request, shown, limit)
        if payment is not None:
            return Caller(merchant=None, actor="check", actor_id=None, payment=payment, token=shown.token)
        limits.failed(address_of(request))
    if gateway.settings.auth == "open":
        refuse_unless_local(request)
        return ANYBODY
    raise Refused("unauthenticated", "An API key is needed: Authorization: Bearer <key>.")


async def _opened_by_token(request: web.Request, shown: Credentials, limit: Limited | None) -> LoadedPayment | None:
    """Read the payment that a token opens; None where the token is wrong, and where there is no such payment."""
    number = shown.payment_id
    if not (number.isascii() and number.isdigit() and len(number) < MAX_NUMBER_LENGTH):
        return None
    gateway, address = gateway_of(request), address_of(request)
    credential = f"payment {int(number)} {shown.token}"
    gateway.limits.allow_attempt(address, credential)
    if limit is not None:
        gateway.limits.count(limit, ANYBODY, address)
    try:
        payment = await load_payment(gateway.hub, int(number))
    except NotFound:
        return None
    if not gateway.tokens.opens(shown.token, payment, now=gateway.hub.now()):
        return None
    gateway.limits.succeeded(credential)
    return payment


async def read_body(request: web.Request) -> bytes:
    """Read the whole body; raises `Refused` when it takes too long to come."""
    if request.content.is_eof():
        return await request.read()
    async with _soon(request):
        return await request.read()


async def await_body(request: web.Request) -> None:
    """Wait until a short body is there for another to read; raises `Refused` when it takes too long to come."""
    async with _soon(request):
        await request.content.wait_eof()


@contextlib.asynccontextmanager
async def _soon(request: web.Request) -> AsyncIterator[None]:
    within_s = gateway_of(request).settings.patience.body_s
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise Refused("body_too_slow", f"The body did not come within {within_s:g} seconds.") from None


async def json_object(request: web.Request, kind: type[Struct]) -> tuple[dict[str, Any], bytes]:
    """Read the body as a JSON object, with its bytes; numbers with a fraction become `Decimal`.

    `kind` is its Struct in `contracts/api.py`. Raises `Refused` for anything else: another type or charset, text that
    is no JSON, no object, and a field that the Struct forbids. Whether the values make sense is not looked into.
    """
    if single(request.headers, hdrs.CONTENT_TYPE) != "application/json":
        charset = (request.charset or "utf-8").lower()
        if request.content_type != "application/json" or charset not in {"utf-8", "utf8"}:
            raise Refused("unsupported_media_type", "Send the body as application/json in UTF-8.")
    raw = await read_body(request)
    body = decode_json(raw)
    if not isinstance(body, dict):
        raise Refused("not_an_object", "The body must be a JSON object.")
    refuse_unknown_fields(body, kind)
    return body, raw
