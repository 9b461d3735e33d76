"""`/socket.io/`: authenticates Socket.IO clients, and passes requests to `live/socket_io_server.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from extrato.domain.errors import Refused
from services.gateway import access
from services.gateway.authentication import ANONYMOUS, Credentials, authenticate, bearer_of
from services.gateway.gateway import client_address, gateway_of
from services.gateway.http import fields
from services.gateway.http.local_only import refuse_unless_local
from services.gateway.http.payer_tokens import is_token
from services.gateway.http.values import only, single
from services.gateway.live.fanout import EVERY_PAYMENT
from services.gateway.live.socket_io_server import Authenticated
from services.gateway.live.socket_limits import MAX_MESSAGE_BYTES
from services.gateway.request_body import await_body
from services.gateway.revocations import refuse_revoked

if TYPE_CHECKING:
    from aiohttp import web

    from services.gateway.live.fanout import Key, Listener

SCOPE: Final = "payments:read"


async def answer(request: web.Request) -> web.StreamResponse:
    """Handle one request of the Engine.IO protocol, by polling or WebSocket."""
    gateway = gateway_of(request)
    if gateway.settings.auth == "open":
        refuse_unless_local(request)
        if "j" in request.query:
            # The library would answer with a script (JSONP), which a page of any origin may load.
            raise Refused("foreign_page", why="jsonp")
    # The library takes the first of repeated values, so that they are rejected here.
    session, *_ = (single(request.query, name) for name in ("sid", "transport", "EIO"))
    if not session:
        # A new session holds a slot before it authenticates, so that it counts as a request.
        gateway.rate_limiter.count("checks", ANONYMOUS, client_address(request))
    if 0 < (request.content_length or 0) <= MAX_MESSAGE_BYTES:
        # The library would wait without a limit; it rejects a longer body without reading it.
        await await_body(request)
    return await gateway.socket_io.answer(request, address=client_address(request))


class SocketIoAuthenticator:
    """Authenticates with the keys and tokens of the other routes."""

    async def authenticate_client(self, request: web.Request, auth: object) -> Authenticated:
        """Return what a client listens to: the payment that it names, or all that it may read; raises `Refused`."""
        credentials = _credentials_from(request, auth)
        caller = await authenticate(request, credentials, SCOPE)
        key: Key = EVERY_PAYMENT if caller.merchant is None else caller.merchant
        if credentials.payment_id:
            number = fields.payment_id(credentials.payment_id)
            key = (await access.payment_for(gateway_of(request), caller, number)).payment_id
        return Authenticated(key, caller, credentials.api_key)

    async def refuse_revoked(self, request: web.Request, listener: Listener) -> None:
        """Raise `Refused` if the key or token of the client was revoked."""
        await refuse_revoked(listener, gateway_of(request))


def _credentials_from(request: web.Request, auth: object) -> Credentials:
    """Read the credentials from `auth`, else from the query or the headers of the first request.

    Polling clients write a time stamp into `t` of the query, so that `auth` is the reliable place for a token.
    """
    tokens = [text for text in request.query.getall("t", ()) if is_token(text)]
    sent = {} if auth is None else auth
    if not isinstance(sent, dict):
        raise Refused("invalid_auth", "auth")
    api_key = _text(sent, "api_key")
    return Credentials(
        api_key=bearer_of(request) if api_key is None else api_key,
        payment_id=_text(sent, "payment_id") or single(request.query, "payment_id") or "",
        token=_text(sent, "t") or only(tokens, "t") or "",
    )


def _text(sent: dict[str, Any], name: str) -> str | None:
    value = sent.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None or (isinstance(value, str) and value.isascii()):
        return value
    raise Refused("invalid_auth", name, why="field")
