"""Slow heads and too many connections, on real sockets; other slow clients stay connected."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web

from extrato.settings import Settings
from services.gateway.http.connections import Connection, Connections
from tests.pace import within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEAD_S = 0.3
# Longer than a head may take: a fixed wait, because the tests expect that nothing happens.
LONGER_S = 2 * HEAD_S
HEAD = b"GET /short HTTP/1.1\r\nHost: hub\r\n\r\n"
LONG = b"x" * 2_000_000


async def short(request: web.Request) -> web.Response:
    """Respond at once."""
    return web.Response(text=(await request.read()).decode())


async def slow(_request: web.Request) -> web.Response:
    """Respond later than a head may take."""
    await asyncio.sleep(LONGER_S)
    return web.Response(text="slow")


async def long(_request: web.Request) -> web.Response:
    """Send a longer response than a connection buffers."""
    return web.Response(body=LONG)


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Echo each message."""
    opened = web.WebSocketResponse()
    await opened.prepare(request)
    async for message in opened:
        await opened.send_str(message.data)
    return opened


class Site:
    """A server with limited connections."""

    def __init__(self, connections: Connections) -> None:
        self.port = 0
        self.head_s = HEAD_S
        self.connections = connections

    @contextlib.asynccontextmanager
    async def connected(self, address: str = "127.0.0.1") -> AsyncIterator[Client]:
        """Connect from an address of this machine."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        try:
            yield Client(reader, writer)
        finally:
            writer.close()

    async def is_empty(self) -> bool:
        return self.connections.remembered == 0


class Client:
    """A client with one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> bytes:
        """Return the body of a response."""
        async with within(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            return await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """Return everything until the server closes."""
        async with within(5):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
            return b""

    async def trickle(self, data: bytes, pause_s: float) -> bytes:
        """Send byte by byte until the server closes, and return its output."""
        output = asyncio.create_task(self.rest())
        for position in range(len(data)):
            if output.done():
                break
            self.send(data[position : position + 1])
            await asyncio.sleep(pause_s)
        return await output


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    environment: dict[str, Any] = getattr(request, "param", {})
    connections = Connections(Settings.from_environment(environment))
    app = web.Application()
    app.router.add_route("*", "/short", short)
    app.router.add_get("/slow", slow)
    app.router.add_get("/long", long)
    app.router.add_get("/ws", echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = Site(connections)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(runner.server, connections, head_s=site.head_s, access_log=None), "127.0.0.1", 0
    )
    site.port = server.sockets[0].getsockname()[1]
    yield site
    server.close()
    await runner.cleanup()


async def test_trickling_head_times_out(site: Site, until):
    async with site.connected() as client:
        output = await client.trickle(b"GET /short HTTP/1.1\r\nHost: hub\r\n" + b"X-Slow: x\r\n" * 100, HEAD_S / 10)
        assert output.startswith(b"HTTP/1.1 408 ")
        await until(site.is_empty, "the connection is released")


async def test_incomplete_head_times_out(site: Site):
    async with site.connected() as client:
        client.send(HEAD[:-1])
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_silent_connection_is_closed_without_response(site: Site, until):
    async with site.connected() as client:
        assert await client.rest() == b""
        await until(site.is_empty, "the connection is released")


async def test_idle_connection_stays_and_next_head_counts_from_first_byte(site: Site):
    async with site.connected() as client:
        for _ in range(2):
            client.send(HEAD)
            assert await client.answer() == b""
            await asyncio.sleep(LONGER_S)
        client.send(HEAD[:-1])
        assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_head_in_two_parts_is_answered(site: Site):
    # A busy machine may make the second part late.
    site.head_s = 5 * HEAD_S
    async with site.connected() as client:
        for pause_s in (HEAD_S / 10, site.head_s + HEAD_S):
            client.send(HEAD[:10])
            await asyncio.sleep(HEAD_S / 10)
            client.send(HEAD[10:])
            assert await client.answer() == b""
            await asyncio.sleep(pause_s)
        client.send(HEAD)
        assert await client.answer() == b""


async def test_slow_body_is_not_a_slow_head(site: Site):
    async with site.connected() as client:
        client.send(b"POST /short HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\n")
        for digit in b"0123456789":
            await asyncio.sleep(LONGER_S / 10)
            client.send(bytes([digit]))
        assert await client.answer() == b"0123456789"


async def test_client_waiting_for_slow_response_stays_connected(site: Site):
    async with site.connected() as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: hub\r\n\r\n" + HEAD)
        assert [await client.answer(), await client.answer()] == [b"slow", b""]


async def test_slow_reader_gets_whole_long_response(site: Site):
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.connect(("127.0.0.1", site.port))
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, b"GET /long HTTP/1.1\r\nHost: hub\r\n\r\n")
        await asyncio.sleep(LONGER_S)
        received = 0
        async with within(20):
            while received < len(LONG):
                chunk = await loop.sock_recv(client, 1 << 20)
                assert chunk
                received += len(chunk)


async def test_silent_or_trickling_websocket_stays_open(site: Site):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{site.port}/ws") as opened,
    ):
        for _ in range(2):
            await asyncio.sleep(LONGER_S)
            await opened.send_str("still here")
            assert await opened.receive_str() == "still here"


async def test_pipelined_requests_are_answered(site: Site):
    async with site.connected() as client:
        client.send(HEAD * 20)
        assert [await client.answer() for _ in range(20)] == [b""] * 20


async def test_malformed_request_is_answered_and_releases_connection(site: Site, until):
    async with site.connected() as client:
        client.send(b"\x00\x01\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.0 400 ")
    await until(site.is_empty, "the connection is released")


@pytest.mark.parametrize("site", [{"EXTRATO_CONNECTIONS_PER_ADDRESS": "2"}], indirect=True)
async def test_address_over_connection_limit_is_disconnected(site: Site, until):
    async with site.connected() as first:
        async with site.connected() as second:
            for client in (first, second):
                client.send(HEAD)
                assert await client.answer() == b""
            async with site.connected() as third:
                third.send(HEAD)
                assert await third.rest() == b""
            async with site.connected("127.0.0.2") as elsewhere:
                elsewhere.send(HEAD)
                assert await elsewhere.answer() == b""
            # The existing connections are still served.
            second.send(HEAD)
            assert await second.answer() == b""

        async def is_served() -> bool:
            async with site.connected() as third:
                third.send(HEAD)
                with contextlib.suppress(ConnectionError):
                    return bool(await third.reader.read(1))
                return False

        await until(is_served, "a connection is accepted again")
    await until(site.is_empty, "every connection is released")


@pytest.mark.parametrize(
    "site", [{"EXTRATO_CONNECTIONS_PER_ADDRESS": "1", "EXTRATO_TRUSTED_PROXIES": "127.0.0.0/24"}], indirect=True
)
async def test_trusted_proxy_has_no_connection_limit(site: Site):
    async with contextlib.AsyncExitStack() as clients:
        for _ in range(10):
            client = await clients.enter_async_context(site.connected())
            client.send(HEAD)
            assert await client.answer() == b""
    assert await site.is_empty()
