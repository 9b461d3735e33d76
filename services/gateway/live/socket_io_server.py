"""`/socket.io/`: tells Socket.IO clients of a confirmed payment, as `payment-confirmed-<payment_id>`.

A client listens before it looks how its payment stands, so there is no hole between the two; what comes by both
ways is told once. Each gateway tells its own clients, so any number of them may run. Who was not told, because
he was too slow or the gateway stopped, has his connection ended without a farewell: then his client comes back by
itself, and looks again.
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
from socketio.exceptions import ConnectionRefusedError as NotAdmitted
from socketio.packet import Packet

from contracts.frames import CONFIRMED, PaymentConfirmed
from extrato.domain.errors import Refused
from extrato.errors import ExtratoError, InternalError, Transient
from services.gateway.http.values import single
from services.gateway.live.confirmations import Confirmations, may_confirm
from services.gateway.live.fanout import KEY_REVOKED, TOKEN_ENDED, Fanout, Key, Listener
from services.gateway.metrics import SOCKET_IO_CLIENTS, SOCKET_IO_DROPPED

if TYPE_CHECKING:
    from extrato.store.log import LogReader
    from services.gateway.http.caller import Caller
    from services.gateway.live.socket_limits import Slot, SocketLimits

NAMESPACE: Final = "/"
MAX_MESSAGE_BYTES: Final = 4096
AUTHENTICATE_WITHIN_S: Final = 20.0
TAKE_WITHIN_S: Final = 20.0
# With these a client is not waited for.
HUNG_UP: Final = frozenset({"too_slow", KEY_REVOKED, TOKEN_ENDED})
# The first request of a session carries its slot and, once the session exists, the session's identifier.
SLOT: Final = "slot"
SESSION: Final = "session"

# The library logs the packets that come and go, keys among them, and every nonsense that a stranger sends.
_SILENT: Final = logging.Logger("socket.io", level=logging.CRITICAL + 1)  # noqa: LOG001 - outside of all configuration
_logger = structlog.get_logger(component="socket_io")


class TextPacket(Packet):  # type: ignore[misc]
    """A packet without attachments: a client has nothing to send, and the library gathers them without a bound."""

    def decode(self, encoded_packet: str) -> int:
        """Read a packet; raises `ValueError` when it announces attachments."""
        if super().decode(encoded_packet):
            raise ValueError("attachments")
        return 0


class Server(socketio.AsyncServer):  # type: ignore[misc]
    """The library's server, with a slot for each Engine.IO session from its beginning to its end."""

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
    """One client that was admitted, on the connection that Engine.IO calls `session`."""

    session: str
    key: Key
    listener: Listener
    teller: asyncio.Task[None]


class Identified(NamedTuple):
    """Who a client is, and what it listens to; `api_key` is None for one that has shown none."""

    key: Key
    caller: Caller
    api_key: str | None


class Gate(Protocol):
    """Says who a client is."""

    async def identify(self, request: web.Request, auth: object) -> Identified:
        """Find out what a client may listen to, by its first request and its `auth`; raises `Refused`."""
        ...

    async def refuse_revoked(self, request: web.Request, listener: Listener) -> None:
        """Look whether what it was opened with opens as of now; raises `Refused`."""
        ...


class SocketIo:
    """The Socket.IO clients of this process."""

    def __init__(self, *, fanout: Fanout, socket_limits: SocketLimits, log: LogReader, gate: Gate) -> None:
        self._gate = gate
        self._fanout = fanout
        self._socket_limits = socket_limits
        self._log = log
        self._confirmations = Confirmations(log)
        self._clients: dict[str, Client] = {}
        self._upgrades: dict[str, web.Request] = {}
        self._server = Server(
            async_mode="aiohttp",
            serializer=TextPacket,
            max_http_buffer_size=MAX_MESSAGE_BYTES,
            async_handlers=False,
            # The frontends of merchants live anywhere. No cookie counts here, so a page learns nothing without a key
            # or token of its own; without keys, `answer` has kept foreign pages out. The library's own check would
            # trust whatever Host the request names.
            cors_allowed_origins="*",
            cors_credentials=False,
            logger=_SILENT,
            engineio_logger=_SILENT,
        )
        self._server.on("connect", self._admit)
        self._server.on("disconnect", self._forget)

    async def answer(self, request: web.Request, *, address: str) -> web.StreamResponse:
        """Serve one request from an address.

        Raises `TooManyRequests` or `Overloaded` when there is no slot for another session.
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
        except Exception as error:  # noqa: BLE001 - the library raises anything at what is no packet
            _logger.info("socket_io_garbled", error=type(error).__name__)
            # The library would keep it until it answers no ping.
            await self._drop(request.get(SESSION, session), "garbled")
            if is_socket and request.transport is not None:
                request.transport.abort()
            return web.Response(status=400)
        finally:
            if self._upgrades.get(session) is request:
                del self._upgrades[session]
            if SLOT in request:
                # No session came of it.
                request.pop(SLOT).release()
            elif is_socket and SESSION in request:
                # A session that began as a WebSocket ends with it, also when the line broke before it was welcomed.
                await self._drop(request[SESSION], "gone")
        left = self._server.eio.sockets.get(session)
        if left is not None and left.closed:
            # The library would let the poll of a client that took its leave wait for its whole time.
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
        """End every session, and all that runs for them."""
        tellers = [client.teller for client in self._clients.values()]
        for teller in tellers:
            teller.cancel()
        await asyncio.gather(*tellers, return_exceptions=True)
        await self._confirmations.close()
        for session in list(self._server.eio.sockets):
            await self._drop(session, "going_away")
        await self._server.shutdown()

    async def _admit(self, client_id: str, environ: dict[str, Any], auth: object = None) -> None:
        """Find out whom a client may listen to, and listen; raises `NotAdmitted` with a stable code."""
        session = self._server.manager.eio_sid_from_sid(client_id, NAMESPACE)
        with contextlib.ExitStack() as undo:
            key, listener, position = await self._listen(session, environ, auth, undo)
            if session not in self._server.environ:
                # It left while its key was looked up, and the library will not tell of that.
                raise NotAdmitted("gone", {"code": "gone"})
            # The library welcomes the client without waiting for anything in between, so before this task begins.
            teller = asyncio.create_task(self._tell(client_id, session, key, listener, position))
            self._clients[client_id] = Client(session=session, key=key, listener=listener, teller=teller)
            SOCKET_IO_CLIENTS.inc()
            undo.pop_all()

    async def _listen(
        self, session: str, environ: dict[str, Any], auth: object, undo: contextlib.ExitStack
    ) -> tuple[Key, Listener, int]:
        """Listen to what the client may, until `undo`; gives from which position on it is told."""
        try:
            request: web.Request = environ["aiohttp.request"]
            known = await self._gate.identify(request, auth)
            slot = self._server.slots.get(session)
            if slot is not None:
                slot.promote(known.caller)
            key = known.key
            listener = self._fanout.listen(key, wants=may_confirm, api_key=known.api_key, caller=known.caller)
            undo.callback(self._fanout.leave, key, listener)
            await self._gate.refuse_revoked(request, listener)
            return key, listener, 0 if isinstance(key, int) else await self._log.head()
        except (Refused, ExtratoError) as error:
            if isinstance(error, Transient):
                # Whoever is refused stays away, and this one should come back.
                await self._drop(session, error.code)
            _logger.info("socket_io_refused", code=error.code, reason=error.message)
            raise NotAdmitted(error.portuguese, {"code": error.code}) from error
        except Exception as error:
            _logger.exception("socket_io_failed")
            failed = InternalError()
            raise NotAdmitted(failed.portuguese, {"code": failed.code}) from error

    def _forget(self, client_id: str, reason: str) -> None:
        client = self._clients.pop(client_id, None)
        if client is None:
            return
        SOCKET_IO_CLIENTS.dec()
        self._fanout.leave(client.key, client.listener)
        if client.teller is not asyncio.current_task():
            client.teller.cancel()
        if reason == self._server.reason.PING_TIMEOUT:
            self._hang_up(client.session)

    async def _tell(self, client_id: str, session: str, key: Key, listener: Listener, position: int) -> None:
        reason = ""
        try:
            async with listener.telling():
                await self._tell_all(client_id, session, key, listener, position)
        except TimeoutError:
            reason = "too_slow"
        except Exception:
            reason = "internal_error"
            _logger.exception("socket_io_failed")
        await self._drop(session, reason or listener.ends_because or "too_slow")

    async def _tell_all(self, client_id: str, session: str, key: Key, listener: Listener, position: int) -> None:
        """Tell what was confirmed already, if the client named a payment, and then what comes above `position`."""
        if isinstance(key, int):
            position, confirmed = await self._confirmations.latest(key)
            await self._send(client_id, session, confirmed)
        while not (listener.overflowed or listener.closed):
            for frame in await listener.take():
                if frame.position > position:
                    confirmed = await self._confirmations.at(frame.payment_id, frame.position)
                    await self._send(client_id, session, confirmed)

    async def _send(self, client_id: str, session: str, confirmed: PaymentConfirmed | None) -> None:
        """Send a confirmation and wait until it is taken, for Engine.IO's queue has no bound and the listener's has.

        Raises `TimeoutError` for a client that takes nothing for a while.
        """
        if confirmed is None:
            return
        event = CONFIRMED.format(payment_id=confirmed.payment_id)
        await self._server.emit(event, msgspec.to_builtins(confirmed), to=client_id)
        connection = self._server.eio.sockets.get(session)
        if connection is not None:
            async with asyncio.timeout(TAKE_WITHIN_S):
                await connection.queue.join()

    async def _drop(self, session: str, reason: str) -> None:
        """End a session in a way that its client comes back from by itself."""
        connection = self._server.eio.sockets.get(session)
        if connection is None or connection.closed:
            return
        SOCKET_IO_DROPPED.labels(reason).inc()
        if reason in HUNG_UP:
            self._hang_up(session)
        await connection.close(wait=False, abort=True)
        # What closes the WebSocket, or answers the poll that waits.
        connection.queue.put_nowait(None)

    def _hang_up(self, session: str) -> None:
        """Break the WebSocket of a client that may read nothing; what is being sent to it would wait for ever.

        A poll's connection may be a proxy's, and carry other people's requests.
        """
        first = self._server.environ.get(session, {}).get("aiohttp.request")
        opened_as_socket = first is not None and single(first.query, "transport") == "websocket"
        request = first if opened_as_socket else self._upgrades.get(session)
        if request is not None and request.transport is not None:
            request.transport.abort()
