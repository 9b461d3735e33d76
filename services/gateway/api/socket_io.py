"""`/socket.io/`: admits Socket.IO clients, and hands their requests to the server of `live/socket_io_server.py`."""

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
from services.gateway.live.socket_io_server import MAX_MESSAGE_BYTES, Authenticated
from services.gateway.request_body import await_body
from services.gateway.revocations import refuse_revoked

if TYPE_CHECKING:
    from aiohttp import web

    from services.gateway.live.fanout import Key, Listener

SCOPE: Final = "payments:read"


async def answer(request: web.Request) -> web.StreamResponse:
    """Serve one request of the Engine.IO protocol, by polling or WebSocket."""
    gateway = gateway_of(request)
    if gateway.settings.auth == "open":
        refuse_unless_local(request)
        if "j" in request.query:
            # The library would answer a poll with a script, which a page of anywhere may load.
            raise Refused("foreign_page", why="jsonp")
    # The library reads these by itself, and takes the first.
    session, *_ = (single(request.query, name) for name in ("sid", "transport", "EIO"))
    if not session:
        # A session that is begun holds a place for a while, whoever began it.
        gateway.rate_limiter.count("checks", ANONYMOUS, client_address(request))
    if 0 < (request.content_length or 0) <= MAX_MESSAGE_BYTES:
        # The library would wait for ever; what is longer it refuses unread.
        await await_body(request)
    return await gateway.socket_io.answer(request, address=client_address(request))


class SocketIoAuthenticator:
    """Admits by the keys and tokens that open the other routes."""

    async def authenticate_client(self, request: web.Request, auth: object) -> Authenticated:
        """Find what a client listens to, the payment that it names or all that it may know of; raises `Refused`."""
        credentials = _credentials_from(request, auth)
        caller = await authenticate(request, credentials, SCOPE)
        key: Key = EVERY_PAYMENT if caller.merchant is None else caller.merchant
        if credentials.payment_id:
            number = fields.payment_id(credentials.payment_id)
            key = (await access.payment_for(gateway_of(request), caller, number)).payment_id
        return Authenticated(key, caller, credentials.api_key)

    async def refuse_revoked(self, request: web.Request, listener: Listener) -> None:
        """Look whether what it was opened with opens as of now; raises `Refused`."""
        await refuse_revoked(listener, gateway_of(request))


def _credentials_from(request: web.Request, auth: object) -> Credentials:
    """Read what a client shows in its `auth`, and otherwise in the query or the headers of its first request.

    A client that polls overwrites `t` in the query with a time stamp, and another client adds one: `auth` is where a
    token is safe.
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
