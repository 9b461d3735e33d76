"""Bounds on connections, before there is a request: how many an address holds, and how long a head may take to come.

aiohttp bounds neither. What is in flight is bounded elsewhere: a body by `request_body.py`, and a WebSocket by
`api/websocket.py`.
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
# Of a connection that is not counted.
EXEMPT: Final = ""


class Connections:
    """How many connections of this process each address holds; addresses of trusted proxies are exempt."""

    def __init__(self, settings: Settings) -> None:
        self._most = settings.connections_per_address
        self._trusted = settings.trusted_proxies
        self._open: Counter[str] = Counter()

    @property
    def remembered(self) -> int:
        """Count the addresses that are remembered: those that hold a connection."""
        return len(self._open)

    def take(self, address: str) -> str | None:
        """Count one more, and give what it counts for; None when the address holds as many as it may."""
        if self._trusted and is_among(address, self._trusted):
            return EXEMPT
        network = network_of(address)
        if self._open[network] >= self._most:
            return None
        self._open[network] += 1
        return network

    def release(self, network: str) -> None:
        """Count one less of what `take` gave."""
        if network == EXEMPT:
            return
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]


class Connection(web.RequestHandler):
    """aiohttp's connection, closed when a request's head does not come within `head_s`.

    The first head counts from the connection on, and each other one from its first byte on: between requests a
    connection rests as long as aiohttp keeps it alive.
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
        """Take the connection, or hang up on an address that has too many."""
        peer = transport.get_extra_info("peername")
        self._network = self._connections.take(peer[0] if peer else "")
        if self._network is None:
            LIMITED.labels("connections").inc()
            cast("asyncio.Transport", transport).abort()
            return
        super().connection_made(transport)
        self._begin_to_wait()

    def data_received(self, data: bytes) -> None:
        """Count heads: aiohttp counts a request when its head is there."""
        seen = self._request_count
        super().data_received(data)
        if self._request_count != seen:
            if self._head_timer is not None:
                self._stop_waiting()
        elif self._head_timer is not None:
            self._has_begun = True
        elif self._is_idle():
            self._has_begun = True
            self._begin_to_wait()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._stop_waiting()
        if self._network is not None:
            self._connections.release(self._network)
            self._network = None
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Say whether no request is being answered: what comes is of a head, and of no body or WebSocket."""
        return self._waiter is not None and not self._waiter.done()

    def _begin_to_wait(self) -> None:
        self._head_timer = asyncio.get_running_loop().call_later(self._head_s, self._give_up)

    def _stop_waiting(self) -> None:
        self._has_begun = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self._is_idle():
            return
        LIMITED.labels("heads").inc()
        if self._has_begun and self.transport is not None:
            self.transport.write(TOO_SLOW)
        self.force_close()
