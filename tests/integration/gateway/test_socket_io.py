"""Bounds for Socket.IO clients, with a real log and a server in this process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import SimpleNamespace
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
import socketio
from aiohttp import web

from contracts.envelope import Cause
from contracts.events import PaymentOpened, StatusChanged
from extrato.domain.payment.identifiers import stream_id
from extrato.settings import Settings
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.store.event_log import EventLog
from services.gateway.api.socket_io import SocketIoAuthenticator
from services.gateway.gateway import GATEWAY
from services.gateway.http.rate_limits import RateLimiter
from services.gateway.live import socket_io_server
from services.gateway.live.fanout import QUEUE_LIMIT, Fanout
from services.gateway.live.socket_limits import BOUNDS, SocketLimits
from services.gateway.metrics import SOCKET_IO_CLIENTS, SOCKET_IO_DROPPED
from services.gateway.pipeline import wrap_handler
from services.gateway.routes import SOCKET_IO
from tests.examples import EXAMPLE_EVENTS, NOON
from tests.pace import within

SEND_BUFFER_BYTES = 4096

# The pipeline stores the caller on the request under plain names, and aiohttp warns about those.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")


class Gateway:
    """A gateway in open mode that serves only Socket.IO; `fanout` replaces the live feed."""

    def __init__(self, url, pool, fanout, clients, log, socket_limits, bounds):
        self.url = url
        self.pool = pool
        self.fanout = fanout
        self.clients = clients
        self.log = log
        self.socket_limits = socket_limits
        self.bounds = bounds
        self.is_stopped = False

    async def stop(self):
        if not self.is_stopped:
            self.is_stopped = True
            self.fanout.close()
            await self.clients.close()

    async def confirmed(self, payment_id=15):
        """Append a confirmed payment to the log, and return its confirming event."""
        opened = next(event for event in EXAMPLE_EVENTS if isinstance(event, PaymentOpened))
        approved = StatusChanged(
            previous="pending", status="approved", status_detail=None, attempt_id="a", paid_at=NOON
        )
        append = StreamAppend(
            stream_id=stream_id(payment_id),
            expected_version=0,
            events=[
                NewEvent(
                    event_id=uuid4(),
                    merchant="padaria-do-marcos",
                    payment_id=payment_id,
                    occurred_at=NOON,
                    recorded_at=NOON,
                    cause=Cause(correlation_id="test", actor="sweep"),
                    event=event,
                )
                for event in (opened, approved)
            ],
        )
        return (await self.log.read_positions(await self.log.append(append)))[-1]


@pytest.fixture
async def gateway(database_url):
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        log, fanout = EventLog(pool), Fanout()
        bounds = dict(BOUNDS)
        socket_limits = SocketLimits(bounds)
        clients = socket_io_server.SocketIoServer(
            fanout=fanout, socket_limits=socket_limits, log=log, authenticator=SocketIoAuthenticator()
        )
        app = web.Application()
        settings = Settings.from_environment({"EXTRATO_AUTH": "open"})
        hub = SimpleNamespace(log=log, new_uuid=uuid4)
        limiter = RateLimiter(settings)
        app[GATEWAY] = SimpleNamespace(settings=settings, hub=hub, socket_io=clients, rate_limiter=limiter)
        app.router.add_route(SOCKET_IO.method, SOCKET_IO.path, wrap_handler(SOCKET_IO))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        # Small kernel buffers, so that unread packets wait in the gateway.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        await web.SockSite(runner, listener).start()
        gateway = Gateway(
            f"http://127.0.0.1:{listener.getsockname()[1]}", pool, fanout, clients, log, socket_limits, bounds
        )
        yield gateway
        await gateway.stop()
        await runner.cleanup()
        await log.close()
        assert socket_limits.remembered == 0


@contextlib.asynccontextmanager
async def listening(url, *ways):
    received = asyncio.Queue()
    client = socketio.AsyncClient(reconnection=False)
    client.on("*", lambda event, body: received.put_nowait((event, body)))
    await client.connect(url, transports=list(ways or ["websocket"]), wait_timeout=20)
    try:
        yield client, received
    finally:
        await client.disconnect()


def dropped(reason):
    return SOCKET_IO_DROPPED.labels(reason)._value.get()


async def test_slow_client_is_dropped_while_others_receive(gateway, until, monkeypatch):
    monkeypatch.setattr(socket_io_server, "SEND_WITHIN_S", 3.0)
    before = dropped("too_slow")
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.connect(("127.0.0.1", int(gateway.url.rpartition(":")[2])))
    with slow:
        await open_by_hand(slow)
        async with listening(gateway.url) as (_, received):
            confirmation = await gateway.confirmed()
            async with within(60):
                while dropped("too_slow") == before:
                    for _ in range(QUEUE_LIMIT // 4):
                        gateway.fanout.deliver(confirmation)
                    # The reading client gets everything before more events follow.
                    for _ in range(QUEUE_LIMIT // 4):
                        assert (await received.get())[0] == "payment-confirmed-15"

            async def is_gone():
                return SOCKET_IO_CLIENTS._value.get() == 1 and len(gateway.clients._server.eio.sockets) == 1

            await until(is_gone, "the slow client is forgotten")
            gateway.fanout.deliver(confirmation)
            assert (await received.get())[0] == "payment-confirmed-15"


async def open_by_hand(client):
    """Connect a Socket.IO client that then stops reading."""
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(
        client,
        b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    )
    # A masked frame with the text `40`: the client connects to the namespace.
    await loop.sock_sendall(client, b"\x81\x82\x00\x00\x00\x0040")
    seen = b""
    while b'40{"sid"' not in seen:
        seen += await loop.sock_recv(client, 4096)


async def test_unauthenticated_session_is_ended(gateway, monkeypatch):
    monkeypatch.setattr(socket_io_server, "AUTHENTICATE_WITHIN_S", 0.05)
    async with listening(gateway.url) as (_, received), aiohttp.ClientSession() as session:
        # A client that has not come this far after 0.05 s would be ended too.
        sweeping = asyncio.create_task(gateway.clients.run())
        try:
            polling = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
            async with session.get(polling) as answer:
                sid = (await answer.text()).partition('"sid":"')[2].partition('"')[0]
            async with session.ws_connect(f"{gateway.url}/socket.io/?EIO=4&transport=websocket") as idle:
                assert (await idle.receive_str()).startswith("0{")
                async with within(5):
                    assert (await idle.receive()).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
            async with session.get(f"{polling}&sid={sid}") as answer:
                assert answer.status == 400
            gateway.fanout.deliver(await gateway.confirmed())
            assert (await received.get())[0] == "payment-confirmed-15"
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)


@pytest.mark.parametrize(
    ("bound", "status", "code"),
    [("all", 503, "overloaded"), ("anonymous", 503, "overloaded"), ("anonymous_address", 429, "too_many_requests")],
)
async def test_sessions_over_limit_get_retry_after(gateway, until, bound, status, code):
    gateway.bounds[bound] = 1
    polling = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as session:
        async with session.get(polling) as answer:
            assert answer.status == 200
            sid = (await answer.text()).partition('"sid":"')[2].partition('"')[0]
        async with session.get(polling) as answer:
            assert answer.status == status
            assert answer.headers["Retry-After"] == "5"
            assert (await answer.json())["code"] == code
        # It disconnects, and a slot is free again.
        async with session.post(f"{polling}&sid={sid}", data="1") as answer:
            assert answer.status == 200
    await until(lambda: has_no_sessions(gateway), "the slot is free")
    async with listening(gateway.url, "polling", "websocket"):
        pass


async def is_disconnected(url: str) -> None:
    """Check that a client is disconnected without a rejection, so that it reconnects."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket") as opened,
    ):
        await opened.send_str("40")
        assert (await opened.receive_str()).startswith("0{")
        async with within(5):
            assert (await opened.receive()).type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}


async def test_authenticated_client_frees_anonymous_slot(gateway):
    gateway.bounds["anonymous_address"] = gateway.bounds["anonymous"] = 1
    async with contextlib.AsyncExitStack() as clients:
        for way in ("websocket", "polling", "websocket"):
            await clients.enter_async_context(listening(gateway.url, way))
        gateway.bounds["address"] = 3
        # The fourth is disconnected, so that its client reconnects.
        await is_disconnected(gateway.url)


@pytest.mark.parametrize("way", ["websocket", "polling"])
async def test_rejected_session_holds_no_slot(gateway, until, way):
    async with aiohttp.ClientSession() as session:
        for query in ("EIO=3", "EIO=4&transport=nonsense", "EIO=4&transport=websocket"):
            async with session.get(f"{gateway.url}/socket.io/?{query}") as answer:
                assert answer.status == 400
        async with session.options(f"{gateway.url}/socket.io/?EIO=4") as answer:
            assert answer.status == 200
    async with listening(gateway.url, way):
        assert gateway.socket_limits.remembered == 2
    await until(lambda: has_no_sessions(gateway), "every slot is free")


@pytest.mark.parametrize("nonsense", ["", "x", "9", "4", "4[", "42[" * 300, "451-[{}]", "4" * 5000, b"\x04", "41", "1"])
async def test_malformed_request_holds_no_slot(gateway, until, nonsense):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{gateway.url}/socket.io/?EIO=4&transport=websocket") as opened,
    ):
        await opened.send_str("40")
        assert (await opened.receive_str()).startswith("0{")
        assert (await opened.receive_str()).startswith("40{")
        with contextlib.suppress(ConnectionError):
            await (opened.send_bytes if isinstance(nonsense, bytes) else opened.send_str)(nonsense)
    await until(lambda: has_no_sessions(gateway), "the slot is free")


async def has_no_sessions(gateway):
    return gateway.socket_limits.remembered == 0


async def test_client_connects_once_per_connection(gateway):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{gateway.url}/socket.io/?EIO=4&transport=websocket") as opened,
    ):
        await opened.send_str("40")
        await opened.send_str("40")
        packets = [await opened.receive_str() for _ in range(3)]
        assert packets[0].startswith("0{")
        assert packets[1].startswith("40{")
        assert packets[2] == '44"Unable to connect"'
        assert SOCKET_IO_CLIENTS._value.get() == 1


async def test_client_leaving_during_poll_is_answered_and_forgotten(gateway, until):
    async with aiohttp.ClientSession() as session:
        polling = f"{gateway.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(polling) as answer:
            polling += "&sid=" + (await answer.text()).partition('"sid":"')[2].partition('"')[0]
        async with session.post(polling, data="40") as answer:
            assert answer.status == 200
        async with session.get(polling) as answer:
            assert (await answer.text()).startswith("40{")
        waiting = asyncio.create_task(session.get(polling))
        await until(lambda: is_waiting(gateway), "the poll waits")
        async with session.post(polling, data="1") as answer:
            assert answer.status == 200
        async with within(5):
            assert (await waiting).status == 200
        await until(lambda: SOCKET_IO_CLIENTS._value.get() == 0, "the client is forgotten")
        await until(gateway.fanout.has_no_listeners, "it listens no more")


async def is_waiting(gateway):
    return any(one.queue._getters for one in gateway.clients._server.eio.sockets.values())


async def test_database_outage_lets_clients_reconnect(gateway, until):
    await gateway.pool.close()
    await is_disconnected(gateway.url)
    await until(gateway.fanout.has_no_listeners, "the client listens no more")


@pytest.mark.parametrize("way", ["websocket", "polling"])
async def test_stopped_gateway_leaves_nothing_behind(gateway, way):
    async with listening(gateway.url, way) as (client, _):
        await gateway.stop()
        async with within(5):
            await client.wait()
    assert gateway.fanout.has_no_listeners()
    assert SOCKET_IO_CLIENTS._value.get() == 0
