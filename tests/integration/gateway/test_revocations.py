"""The sockets of a revoked API key close at once, in any process and during any work, without NATS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import aiohttp
import asyncpg
import pytest
import socketio
from aiohttp import web

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.bus.live import LiveFeed
from extrato.domain import merchant as domain
from extrato.domain.api_keys import RevokeApiKey
from extrato.domain.payment.identifiers import stream_id
from extrato.settings import Settings
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.use_cases import merchant_directory
from extrato.use_cases.change_merchant import change_merchant, new_api_key
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.use_cases.payments import load_payment
from services.gateway.api import websocket
from services.gateway.api.socket_io import SocketIoAuthenticator
from services.gateway.gateway import GATEWAY
from services.gateway.http.key_uses import KeyUses
from services.gateway.http.payer_tokens import PayerTokens
from services.gateway.http.rate_limits import RateLimiter
from services.gateway.live.fanout import Fanout, event_frame
from services.gateway.live.socket_io_server import SocketIoServer
from services.gateway.live.socket_limits import SocketLimits
from services.gateway.pipeline import wrap_handler
from services.gateway.revocations import abort_revoked
from services.gateway.routes import ROUTES, SOCKET_IO
from tests.integration.bus.running import running
from tests.pace import running_s, within
from tests.unit.gateway.test_payer_tokens import SECRET
from tests.unit.projections import history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from contracts.events import Event
    from contracts.frames import EventFrame
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import LoadedPayment

SLUG: Final = history.MERCHANT
CAUSE: Final = Cause(correlation_id="test", actor="operator")
WITHIN_S: Final = 1.0

# The pipeline stores the caller on the request under plain names, and aiohttp warns about those.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")


class NoBus:
    """A bus without a connection."""

    async def listen(self, subject: str, callback: Any) -> None:
        """Receive nothing."""


class Site:
    """A gateway that serves sockets, and a second hub that administers its merchant."""

    def __init__(self, url: str, gateway: SimpleNamespace, other: Hub) -> None:
        self.url = url
        self.fanout: Fanout = gateway.fanout
        self.tokens: PayerTokens = gateway.tokens
        self._other = other

    async def issue(self, slug: str = SLUG) -> str:
        key, issue = new_api_key(slug, ("payments:read",))
        await change_merchant(self._other, slug, [issue], cause=CAUSE)
        return key

    async def revoke(self, key: str) -> None:
        _, slug, key_id, _ = key.split(".")
        await change_merchant(self._other, slug, [RevokeApiKey(key_id=key_id)], cause=CAUSE)

    async def create_payment(self) -> LoadedPayment:
        await self.happen(history.opened())
        return await load_payment(self._other, 1)

    async def happen(self, event: Event = history.WATCHED) -> None:
        """Open a payment of the merchant with this event."""
        new = NewEvent(
            event_id=uuid4(),
            merchant=SLUG,
            payment_id=1,
            occurred_at=history.NOON,
            recorded_at=history.NOON,
            cause=CAUSE,
            event=event,
        )
        await self._other.log.append(StreamAppend(stream_id=stream_id(1), expected_version=0, events=[new]))

    @contextlib.asynccontextmanager
    async def payers_socket(self, number: int, token: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        params = {"payment_id": str(number), "t": token}
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self.url}/ws", params=params) as opened:
            assert (await opened.receive_json())["type"] == "snapshot"
            yield opened

    @contextlib.asynccontextmanager
    async def socket(self, key: str, **query: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        headers, params = {"Authorization": f"Bearer {key}"}, {"padaria_slug": SLUG, "after": "0", **query}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(f"{self.url}/ws", params=params) as opened,
        ):
            assert (await opened.receive_json())["type"] == "resumed"
            yield opened


async def reason(opened: aiohttp.ClientWebSocketResponse) -> str:
    """Return why a socket closes, which must be soon; earlier frames are skipped."""
    async with within(WITHIN_S):
        while (frame := await opened.receive_json())["type"] == "event":
            continue
        assert (await opened.receive()).type is aiohttp.WSMsgType.CLOSE
    return frame["reason"]


@pytest.fixture
def only_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the periodic check, so that only the feed closes sockets."""
    monkeypatch.setattr("services.gateway.revocations.CHECK_EVERY_S", 120.0)


@pytest.fixture
def only_periodic_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check keys often, and disable the feed's handling of revocations."""
    monkeypatch.setattr("services.gateway.revocations.CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(Fanout, "abort_key", lambda *_: None)


@pytest.fixture
async def site(database_url: str, tmp_path) -> AsyncIterator[Site]:
    settings = Settings.from_environment(
        {"EXTRATO_DATABASE_URL": database_url, "EXTRATO_HOME": str(tmp_path), "EXTRATO_SOCKET_TIMEOUT_S": "30"}
    )
    async with contextlib.AsyncExitStack() as parts:
        hubs = []
        for _ in range(2):
            pool = await parts.enter_async_context(asyncpg.create_pool(database_url, min_size=1, max_size=4))
            hubs.append(await parts.enter_async_context(open_hub(settings, pool=pool, bus=None)))
        here, other = hubs
        fanout, socket_limits = Fanout(), SocketLimits()
        live = LiveFeed(bus=NoBus(), log=here.log, deliver=fanout.deliver, is_unheard=fanout.has_no_listeners)
        gateway = SimpleNamespace(
            settings=settings,
            hub=here,
            pool=pool,
            merchants=MerchantDirectory(here.log),
            fanout=fanout,
            socket_limits=socket_limits,
            live=live,
            rate_limiter=RateLimiter(settings),
            tokens=PayerTokens((SECRET,), cut_off=0),
            key_uses=KeyUses(pool),
        )
        gateway.socket_io = SocketIoServer(
            fanout=fanout, socket_limits=socket_limits, log=here.log, authenticator=SocketIoAuthenticator()
        )
        await change_merchant(other, SLUG, [domain.Register(slug=SLUG, name="Padaria", city="Recife")], cause=CAUSE)
        await live.start()
        app = web.Application()
        app[GATEWAY] = gateway
        served = [next(each for each in ROUTES if each.handler is websocket.open_socket), SOCKET_IO]
        for route in served:
            app.router.add_route(route.method, route.path, wrap_handler(route))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        listener = socket.create_server(("127.0.0.1", 0))
        # Small kernel buffers, so that unread frames wait in the gateway.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        await web.SockSite(runner, listener).start()
        async with running(live.run(), abort_revoked(gateway)):
            yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", gateway, other)
        fanout.close()
        await gateway.socket_io.close()
        await runner.cleanup()
        assert fanout.has_no_listeners()
        assert socket_limits.remembered == 0


@pytest.mark.usefixtures("only_feed")
async def test_revoked_key_closes_only_its_own_sockets(site: Site):
    revoked, other, hubs_own = await site.issue(), await site.issue(), await site.issue(domain.RESERVED_SLUG)
    async with site.socket(revoked) as ended, site.socket(other) as left, site.socket(hubs_own) as of_hub:
        await site.revoke(revoked)
        assert await reason(ended) == "key_revoked"
        await site.happen()
        assert [(await each.receive_json())["event"] for each in (left, of_hub)] == ["WatchStarted"] * 2
        await site.revoke(hubs_own)
        assert await reason(of_hub) == "key_revoked"


@pytest.mark.usefixtures("only_feed")
@pytest.mark.parametrize("way", ["websocket", "polling"])
async def test_revoked_key_closes_its_socket_io_client(site: Site, way: str):
    key, client, gone = await site.issue(), socketio.AsyncClient(reconnection=False), asyncio.Event()
    client.on("disconnect", lambda *_: gone.set())
    await client.connect(site.url, transports=[way], auth={"api_key": key}, wait_timeout=20)
    await site.revoke(key)
    async with within(WITHIN_S):
        await gone.wait()
    await client.disconnect()


class EndlessReplay:
    """An endless replay of large frames, with a pause of `pause_s` between them."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._asked_at_s = float("inf")

    async def __call__(self, *_: Any) -> AsyncIterator[EventFrame]:
        large = history.opened(description="Pão " * 5_000)
        for position in range(1, 100_000):
            self._asked_at_s = running_s()
            await asyncio.sleep(self._pause_s)
            yield event_frame(history.enveloped(large, position=position))

    async def is_stuck(self) -> bool:
        """Return whether the client's buffers are full."""
        return running_s() - self._asked_at_s > 0.2


@pytest.mark.usefixtures("only_feed")
async def test_revocation_stops_a_running_replay(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(websocket, "_earlier", EndlessReplay(pause_s=0.01))
    key = await site.issue()
    async with site.socket(key) as opened:
        assert (await opened.receive_json())["position"] == 1
        await site.revoke(key)
        assert await reason(opened) == "key_revoked"


@pytest.mark.usefixtures("only_feed")
async def test_revoked_client_that_does_not_read_is_aborted(site: Site, until, monkeypatch: pytest.MonkeyPatch):
    """Its socket is in the middle of a frame, which may take half a minute."""
    replay = EndlessReplay(pause_s=0.0)
    monkeypatch.setattr(websocket, "_earlier", replay)
    key = await site.issue()
    with slow_client(site, key) as client:
        await until(replay.is_stuck, "the gateway waits for the client")
        await site.revoke(key)
        await until(site.fanout.has_no_listeners, "its slot is free", within_s=WITHIN_S)
        received = await asyncio.to_thread(read_all, client)
    assert b"key_revoked" not in received


@contextlib.contextmanager
def slow_client(site: Site, key: str) -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", int(site.url.rpartition(":")[2])))
        client.sendall(
            f"GET /ws?padaria_slug={SLUG}&after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Authorization: Bearer {key}\r\n\r\n".encode()
        )
        yield client


def read_all(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := client.recv(65536):
            received += chunk
    return received


@pytest.mark.usefixtures("only_feed")
@pytest.mark.parametrize("opens", ["websocket", "socket_io"])
async def test_cached_authentication_of_revoked_key_opens_no_socket(
    site: Site, monkeypatch: pytest.MonkeyPatch, opens: str
):
    """The revocation came before the socket listened, and the cached authentication is still positive."""
    monkeypatch.setattr(merchant_directory, "MERCHANT_CACHE_S", 60.0)
    monkeypatch.setattr(merchant_directory, "KEY_CACHE_S", 60.0)
    key = await site.issue()
    async with site.socket(key):
        pass
    await site.revoke(key)
    if opens == "websocket":
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with site.socket(key):
                pass
        assert refused.value.status == 401
    else:
        errors: list[Any] = []
        client = socketio.AsyncClient(reconnection=False)
        client.on("connect_error", errors.append)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(site.url, auth={"api_key": key}, wait_timeout=20)
        assert errors[0]["data"]["code"] == "unauthenticated"


@pytest.mark.usefixtures("only_periodic_check")
async def test_periodic_check_finds_revocation_missed_by_feed(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(merchant_directory, "MERCHANT_CACHE_S", 0.0)
    monkeypatch.setattr(merchant_directory, "KEY_CACHE_S", 0.0)
    key = await site.issue()
    async with site.socket(key) as opened:
        await site.revoke(key)
        assert await reason(opened) == "key_revoked"


@pytest.mark.usefixtures("only_periodic_check")
async def test_dropped_secret_closes_payer_sockets(site: Site):
    payment = await site.create_payment()
    token = site.tokens.make(payment)
    client, gone = socketio.AsyncClient(reconnection=False), asyncio.Event()
    client.on("disconnect", lambda *_: gone.set())
    await client.connect(site.url, auth={"payment_id": 1, "t": token}, wait_timeout=20)
    async with site.payers_socket(1, token) as opened:
        site.tokens.use_secrets((b"n" * 32, SECRET))
        async with site.payers_socket(1, site.tokens.make(payment)) as left:
            site.tokens.use_secrets((b"n" * 32,))
            assert await reason(opened) == "token_ended"
            async with within(WITHIN_S):
                await gone.wait()
            assert len(site.fanout.listeners) == 1
            site.fanout.close()
            assert await reason(left) == "going_away"
    await client.disconnect()
