"""`/socket.io/`: sends confirmed payments to Socket.IO clients, as the event `payment-confirmed-<payment_id>`.

The server listens for a client before it reads the client's payment, so that it misses no event; it sends each
confirmation once. Each gateway process serves its own clients, so that any number of processes can run. Where a
client missed a confirmation, because it was too slow or the gateway stopped, the server disconnects it without a
Socket.IO disconnect packet: the client library then reconnects and reads the payment again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import msgspec
import socketio
import structlog
from aiohttp import web
from socketio.exceptions import ConnectionRefusedError as ConnectionRejected
from socketio.packet import Packet

from contracts.frames import CONFIRMED, PaymentConfirmed
from extrato.domain.errors import Refused
from extrato.errors import ExtratoError, InternalError, Transient
from services.gateway.http.logged_texts import loggable
from services.gateway.http.values import single
from services.gateway.live.confirmations import Confirmations, may_confirm
from services.gateway.live.fanout import GOING_AWAY, KEY_REVOKED, TOKEN_ENDED, Fanout, Key, Listener
from services.gateway.live.socket_limits import MAX_MESSAGE_BYTES
from services.gateway.metrics import SOCKET_IO_CLIENTS, SOCKET_IO_DROPPED

if TYPE_CHECKING:
    from extrato.store.log import LogReader
    from services.gateway.http.caller import Caller
    from services.gateway.live.socket_limits import Slot, SocketLimits

NAMESPACE: Final = "/"
AUTHENTICATE_WITHIN_S: Final = 20.0
SEND_WITHIN_S: Final = 20.0
# For these reasons the server aborts the transport and does not wait for the client to read.
ABORTED: Final = frozenset({"too_slow", KEY_REVOKED, TOKEN_ENDED})
# The first request of a session carries its slot and, once the session exists, the session's identifier.
SLOT: Final = "slot"
SESSION: Final = "session"

# The library logs all packets, API keys in them too, and everything malformed that a stranger sends.
_SILENT: Final = logging.Logger("socket.io", level=logging.CRITICAL + 1)  # noqa: LOG001 - outside of all configuration
_logger = structlog.get_logger(component="socket_io")


class TextPacket(Packet):  # type: ignore[misc]
    """A packet without attachments: clients send none, and the library would collect them without a bound."""

    def decode(self, encoded_packet: str) -> int:
        """Decode a packet; raises `ValueError` when it announces attachments."""
        if super().decode(encoded_packet):
            raise ValueError("attachments")
        return 0


class LibraryServer(socketio.AsyncServer):  # type: ignore[misc]
    """The library's server. Each Engine.IO session holds a slot from its beginning to its end."""

    def __init__(self, **options: Any) -> None:
        self.slots: dict[str, Slot] = {}
        super().__init__(**options)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        request: web.Request = environ["aiohttp.request"]
        self.slots[eio_sid] = request.pop(SLOT)
        request[SESSION] = eio_sid
        await super()._handle_eio_connect(eio_sid, environ)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        try:
            await super()._handle_eio_disconnect(eio_sid, reason)
        finally:
            self.slots.pop(eio_sid).release()


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """One authenticated client, on the connection that Engine.IO calls `session`."""

    session: str
    key: Key
    listener: Listener
    sender: asyncio.Task[None]


class Authenticated(NamedTuple):
    """A client's caller, and what it listens to; `api_key` is None for a client that sent none."""

    key: Key
    caller: Caller
    api_key: str | None


class Authenticator(Protocol):
    """Authenticates clients."""

    async def authenticate_client(self, request: web.Request, auth: object) -> Authenticated:
        """Return what a client may listen to, by its first request and its `auth`; raises `Refused`."""
        ...

    async def refuse_revoked(self, request: web.Request, listener: Listener) -> None:
        """Raise `Refused` if the key or token of the client was revoked."""
        ...


class SocketIoServer:
    """The Socket.IO clients of this process."""

    def __init__(
        self, *, fanout: Fanout, socket_limits: SocketLimits, log: LogReader, authenticator: Authenticator
    ) -> None:
        self._authenticator = authenticator
        self._fanout = fanout
        self._socket_limits = socket_limits
        self._log = log
        self._confirmations = Confirmations(log)
        self._clients: dict[str, Client] = {}
        self._upgrades: dict[str, web.Request] = {}
        self._server = LibraryServer(
            async_mode="aiohttp",
            serializer=TextPacket,
            max_http_buffer_size=MAX_MESSAGE_BYTES,
            async_handlers=False,
            # Merchants' frontends have any origin. The hub ignores cookies, so that a page needs its own key or token;
            # in open mode, the handler of `/socket.io/` refuses foreign pages. The library's own check would trust
            # any `Host` header.
            cors_allowed_origins="*",
            cors_credentials=False,
            logger=_SILENT,
            engineio_logger=_SILENT,
        )
        self._server.on("connect", self._admit)
        self._server.on("disconnect", self._forget)

    async def answer(self, request: web.Request, *, address: str) -> web.StreamResponse:
        """Handle one request of the Engine.IO protocol.

        Raises `TooManyRequests` or `Overloaded` when no slot is free for another session.
        """
        session = single(request.query, "sid") or ""
        is_socket = (single(request.headers, "Upgrade") or "").lower() == "websocket"
        if not session:
            request[SLOT] = self._socket_limits.acquire_anonymous(address)
        if session and is_socket:
            self._upgrades.setdefault(session, request)
        try:
            response: web.StreamResponse = await self._server.handle_request(request)
        except ConnectionResetError:
            raise
        except Exception as error:  # noqa: BLE001 - the library raises any exception for a malformed packet
            _logger.info("socket_io_garbled", error=type(error).__name__)
            # The library would keep the session until a ping times out.
            await self._drop(request.get(SESSION, session), "garbled")
            if is_socket and request.transport is not None:
                request.transport.abort()
            return web.Response(status=400)
        finally:
            if self._upgrades.get(session) is request:
                del self._upgrades[session]
            if SLOT in request:
                # The library created no session.
                request.pop(SLOT).release()
            elif is_socket and SESSION in request:
                # A session that began as a WebSocket ends with it, also when the connection broke during the handshake.
                await self._drop(request[SESSION], "gone")
        left = self._server.eio.sockets.get(session)
        if left is not None and left.closed:
            # The library would keep the poll of a client that disconnected open until it times out.
            left.queue.put_nowait(None)
        return response

    async def run(self) -> None:
        """End the sessions that have not authenticated in time, so that they hold no slot."""
        idle: set[str] = set()
        while True:
            await asyncio.sleep(AUTHENTICATE_WITHIN_S)
            listening = {client.session for client in self._clients.values()}
            still_idle = self._server.eio.sockets.keys() - listening
            for session in idle & still_idle:
                await self._drop(session, "idle")
            idle = still_idle

    async def close(self) -> None:
        """End every session and cancel its tasks."""
        senders = [client.sender for client in self._clients.values()]
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)
        await self._confirmations.close()
        for session in list(self._server.eio.sockets):
            await self._drop(session, GOING_AWAY)
        await self._server.shutdown()

    async def _admit(self, client_id: str, environ: dict[str, Any], auth: object = None) -> None:
        """Authenticate a client and listen for it; raises `ConnectionRejected` with a stable code."""
        session = self._server.manager.eio_sid_from_sid(client_id, NAMESPACE)
        with contextlib.ExitStack() as undo:
            key, listener, position = await self._listen(session, environ, auth, undo)
            if session not in self._server.environ:
                # The client left during authentication; the library does not report this.
                raise ConnectionRejected("gone", {"code": "gone"})
            # The library sends its CONNECT packet without an await before it, so before this task runs.
            sender = asyncio.create_task(self._send_all(client_id, session, key, listener, position))
            self._clients[client_id] = Client(session=session, key=key, listener=listener, sender=sender)
            SOCKET_IO_CLIENTS.inc()
            undo.pop_all()

    async def _listen(
        self, session: str, environ: dict[str, Any], auth: object, undo: contextlib.ExitStack
    ) -> tuple[Key, Listener, int]:
        """Listen for a client until `undo`. Returns also the position after which the server sends it confirmations."""
        try:
            request: web.Request = environ["aiohttp.request"]
            authenticated = await self._authenticator.authenticate_client(request, auth)
            slot = self._server.slots.get(session)
            if slot is not None:
                slot.promote(authenticated.caller)
            key = authenticated.key
            listener = self._fanout.listen(
                key, wants=may_confirm, api_key=authenticated.api_key, caller=authenticated.caller
            )
            undo.callback(self._fanout.leave, key, listener)
            await self._authenticator.refuse_revoked(request, listener)
            return key, listener, 0 if isinstance(key, int) else await self._log.head()
        except (Refused, ExtratoError) as error:
            if isinstance(error, Transient):
                # A client library does not reconnect after a rejection, but it does after a disconnect.
                await self._drop(session, error.code)
            _logger.info("socket_io_refused", code=error.code, reason=loggable(error.message))
            raise ConnectionRejected(error.portuguese, {"code": error.code}) from error
        except Exception as error:
            _logger.exception("socket_io_failed")
            failed = InternalError()
            raise ConnectionRejected(failed.portuguese, {"code": failed.code}) from error

    def _forget(self, client_id: str, reason: str) -> None:
        client = self._clients.pop(client_id, None)
        if client is None:
            return
        SOCKET_IO_CLIENTS.dec()
        self._fanout.leave(client.key, client.listener)
        if client.sender is not asyncio.current_task():
            client.sender.cancel()
        if reason == self._server.reason.PING_TIMEOUT:
            self._abort_transport(client.session)

    async def _send_all(self, client_id: str, session: str, key: Key, listener: Listener, position: int) -> None:
        reason = ""
        try:
            async with listener.sending():
                await self._send_confirmations(client_id, session, key, listener, position)
        except TimeoutError:
            reason = "too_slow"
        except Exception:
            reason = "internal_error"
            _logger.exception("socket_io_failed")
        await self._drop(session, reason or listener.close_reason or "too_slow")

    async def _send_confirmations(
        self, client_id: str, session: str, key: Key, listener: Listener, position: int
    ) -> None:
        """Send the earlier confirmation of the payment that the client names, then each one above `position`."""
        if isinstance(key, int):
            position, confirmed = await self._confirmations.latest(key)
            await self._send(client_id, session, confirmed)
        while not (listener.overflowed or listener.closed):
            for frame in await listener.next_frames():
                if frame.position > position:
                    confirmed = await self._confirmations.at(frame.payment_id, frame.position)
                    await self._send(client_id, session, confirmed)

    async def _send(self, client_id: str, session: str, confirmed: PaymentConfirmed | None) -> None:
        """Send a confirmation and wait until the transport takes it, because Engine.IO does not bound its queue.

        Raises `TimeoutError` for a client that does not read for `SEND_WITHIN_S`.
        """
        if confirmed is None:
            return
        event = CONFIRMED.format(payment_id=confirmed.payment_id)
        await self._server.emit(event, msgspec.to_builtins(confirmed), to=client_id)
        connection = self._server.eio.sockets.get(session)
        if connection is not None:
            async with asyncio.timeout(SEND_WITHIN_S):
                await connection.queue.join()

    async def _drop(self, session: str, reason: str) -> None:
        """End a session without a disconnect packet, so that the client library reconnects."""
        connection = self._server.eio.sockets.get(session)
        if connection is None or connection.closed:
            return
        SOCKET_IO_DROPPED.labels(reason).inc()
        if reason in ABORTED:
            self._abort_transport(session)
        await connection.close(wait=False, abort=True)
        # Closes the WebSocket, or answers the waiting poll.
        connection.queue.put_nowait(None)

    def _abort_transport(self, session: str) -> None:
        """Abort a WebSocket whose client may not read: a pending send to it would wait without a limit.

        The connection of a poll stays: it may belong to a proxy and carry requests of other clients.
        """
        first = self._server.environ.get(session, {}).get("aiohttp.request")
        opened_as_socket = first is not None and single(first.query, "transport") == "websocket"
        request = first if opened_as_socket else self._upgrades.get(session)
        if request is not None and request.transport is not None:
            request.transport.abort()
