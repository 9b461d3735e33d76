"""Limits connections before a request exists: how many an address holds, and how long a request head may take.

aiohttp limits neither. `request_body.py` limits the time for a body, and `api/websocket.py` a WebSocket.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web

from services.gateway.http.client_address import is_among, network_of
from services.gateway.metrics import LIMITED

if TYPE_CHECKING:
    from extrato.settings import Settings

TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# The network of a connection that is not counted.
EXEMPT: Final = ""


class Connections:
    """Counts the connections of this process by address; trusted proxies are exempt."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.connections_per_address
        self._trusted = settings.trusted_proxies
        self._open: Counter[str] = Counter()

    @property
    def remembered(self) -> int:
        """Count the addresses in memory: those that hold a connection."""
        return len(self._open)

    def acquire(self, address: str) -> str | None:
        """Count one more, and return the network that it counts for; None when the address is at its limit."""
        if self._trusted and is_among(address, self._trusted):
            return EXEMPT
        network = network_of(address)
        if self._open[network] >= self._most:
            return None
        self._open[network] += 1
        return network

    def release(self, network: str) -> None:
        """Count one less for a network that `acquire` returned."""
        if network == EXEMPT:
            return
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


class Connection(web.RequestHandler):
    """aiohttp's connection, closed when a request head does not arrive within `head_s`.

    The time of the first head starts with the connection, the time of each later one with its first byte: between
    requests a connection is idle for as long as aiohttp keeps it alive.
    """

    __slots__ = ("_connections", "_has_begun", "_head_s", "_head_timer", "_network")

    def __init__(self, server: web.Server, connections: Connections, *, head_s: float, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._connections = connections
        self._network: str | None = None
        self._head_s = head_s
        self._head_timer: asyncio.TimerHandle | None = None
        self._has_begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the connection, or abort it when its address has too many."""
        peer = transport.get_extra_info("peername")
        self._network = self._connections.acquire(peer[0] if peer else "")
        if self._network is None:
            LIMITED.labels("connections").inc()
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        self._start_head_timer()

    def data_received(self, data: bytes) -> None:
        """Follow the request heads: aiohttp counts a request when its head is complete."""
        seen = self._request_count
        super().data_received(data)
        if self._request_count != seen:
            if self._head_timer is not None:
                self._stop_head_timer()
        elif self._head_timer is not None:
            self._has_begun = True
        elif self._is_idle():
            self._has_begun = True
            self._start_head_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Release the connection's count."""
        self._stop_head_timer()
        if self._network is not None:
            self._connections.release(self._network)
            self._network = None
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Return whether no request is running, so that arriving bytes belong to a head."""
        return self._waiter is not None and not self._waiter.done()

    def _start_head_timer(self) -> None:
        self._head_timer = asyncio.get_running_loop().call_later(self._head_s, self._head_timed_out)

    def _stop_head_timer(self) -> None:
        self._has_begun = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_timed_out(self) -> None:
        self._head_timer = None
        if not self._is_idle():
            return
        LIMITED.labels("heads").inc()
        if self._has_begun and self.transport is not None:
            self.transport.write(TOO_SLOW)
        self.force_close()
