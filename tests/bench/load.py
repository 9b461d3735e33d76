"""A client that loads a server with HTTP requests over kept connections, and needs little processor time itself."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from typing import NamedTuple

import uvloop


class Load(NamedTuple):
    """The result of a load: answers for each second, latencies in milliseconds, and counts by status."""

    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]


class Connection(asyncio.Protocol):
    """Sends a request, waits for the whole answer, and sends the next one."""

    def __init__(self, requests, until_s: float, latencies: list[float], statuses: dict[int, int]) -> None:
        self._requests = requests
        self._until_s = until_s
        self._latencies = latencies
        self._statuses = statuses
        self._answer = b""
        self._sent_at = 0.0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:") + 15
        if len(body) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        now = time.perf_counter()
        self._latencies.append(now - self._sent_at)
        status = int(head[9:12])
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._answer = b""
        if now < self._until_s:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


def request(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def load(port: int, requests, *, connections: int, seconds: float) -> Load:
    """Send the requests of a generator for `seconds` over `connections`."""
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    made = [
        await loop.create_connection(
            lambda: Connection(requests, start + seconds, latencies, statuses), "127.0.0.1", port
        )
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    took = time.perf_counter() - start
    latencies.sort()
    return Load(
        per_second=len(latencies) / took,
        p50_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[int(len(latencies) * 0.99)] * 1000,
        statuses=statuses,
    )


async def _echo(port: int) -> None:
    """The baseline: an aiohttp server that decodes a JSON body and sends it back."""
    from aiohttp import web

    async def echo(request: web.Request) -> web.Response:
        return web.json_response(json.loads(await request.read()))

    app = web.Application()
    app.router.add_post("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _load() -> None:
    """Read requests from the standard input, warm the server up, load it, and print the result."""
    port, connections, seconds = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    requests = itertools.cycle([one.encode() for one in json.load(sys.stdin)])
    await load(port, requests, connections=connections, seconds=2)
    print(json.dumps((await load(port, requests, connections=connections, seconds=seconds))._asdict()))


if __name__ == "__main__":
    uvloop.run(_echo(int(sys.argv[2])) if sys.argv[1] == "echo" else _load())
