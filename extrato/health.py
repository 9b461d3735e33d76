"""The health of a role: whether its event loop turns, whether the role is ready, and whether it stops.

A thread with a separate event loop answers `/livez`, `/readyz` and `/metrics`, because a blocked loop cannot answer
that it is blocked. The thread cannot run either while a call holds the interpreter's lock. The probe then times out,
which means the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.api import Readiness, ReadinessCheck
from extrato.metrics import HEARTBEAT_S, mark_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

BEAT_S: Final = 0.5
STALLED_AFTER_S: Final = 5.0
ANSWER_WITHIN_S: Final = 2.0
KEEPALIVE_S: Final = 15.0
END_WITHIN_S: Final = 1.0
BACKLOG: Final = 16

STARTING: Final = "The process is starting."
STOPPING: Final = "The process is stopping."
STALLED: Final = "The event loop does not turn."


class CannotListen(Exception):
    """The health port cannot be used; the message is one sentence for the operator."""


class RoleHealth:
    """The state of a role; only `late_s` may be read from another thread."""

    def __init__(self) -> None:
        self._beat_at_s = time.monotonic()
        self._probe: Callable[[], Awaitable[Readiness]] | None = None
        self._set_gauges: Callable[[], Awaitable[None]] | None = None
        self.is_stopping = False

    @property
    def late_s(self) -> float:
        """The seconds since the last heartbeat of the event loop."""
        return time.monotonic() - self._beat_at_s

    async def beat(self) -> None:
        """Write the time of each heartbeat, until cancelled."""
        while True:
            self._beat_at_s = time.monotonic()
            mark_time(HEARTBEAT_S)
            await asyncio.sleep(BEAT_S)

    def complete_start(self, probe: Callable[[], Awaitable[Readiness]]) -> None:
        """Say that the role has started: `readiness` asks `probe` from this moment."""
        self._probe = probe

    def set_gauges_with(self, set_gauges: Callable[[], Awaitable[None]]) -> None:
        """Choose the function that sets the gauges each time before `/metrics` shows them."""
        self._set_gauges = set_gauges

    @property
    def has_started(self) -> bool:
        """Return whether `complete_start` was called; it stays true while the role stops."""
        return self._probe is not None

    def stop(self) -> None:
        """Say that the process stops: the role is not ready from this moment."""
        self.is_stopping = True

    async def readiness(self) -> Readiness:
        """Return whether the role can work at this moment."""
        if self.is_stopping:
            return _not_ready(STOPPING)
        if self._probe is None:
            return _not_ready(STARTING)
        return await self._probe()

    async def set_gauges(self) -> None:
        """Set the gauges, when the role has chosen a function for them."""
        if self._set_gauges is not None:
            await self._set_gauges()


def _not_ready(reason: str) -> Readiness:
    return Readiness(status="unavailable", checks={"process": ReadinessCheck(status="unavailable", reason=reason)})


@contextlib.contextmanager
def serving_health(health: RoleHealth, *, host: str, port: int, role_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Serve the health of the role that runs on `role_loop`, in a thread, as long as the body runs.

    Raises `CannotListen`.
    """
    listener = _listen(host, port)
    server = _HealthServer(health, role_loop)
    thread = threading.Thread(target=server.run, args=(listener,), name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(END_WITHIN_S)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(f"Cannot listen on {host}:{port} for EXTRATO_HEALTH_PORT: {error.strerror}.") from error


class _HealthServer:
    def __init__(self, health: RoleHealth, role_loop: asyncio.AbstractEventLoop) -> None:
        self._health = health
        self._role_loop = role_loop
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()

    def run(self, listener: socket.socket) -> None:
        """Serve until `stop`; the body of the thread."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listener))

    def stop(self) -> None:
        """End `run`; for another thread."""
        # A thread that failed has closed its loop.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve(self, listener: socket.socket) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/livez", self._show_liveness),
                web.get("/readyz", self._show_readiness),
                web.get("/metrics", self._show_metrics),
            ]
        )
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=0)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            await self._stopped.wait()
        finally:
            await runner.cleanup()

    async def _show_liveness(self, _request: web.Request) -> web.Response:
        late_s = self._health.late_s
        is_alive = late_s < STALLED_AFTER_S
        body = {"status": "ok" if is_alive else "stalled", "loop_turned_s_ago": round(late_s, 1)}
        return web.json_response(body, status=200 if is_alive else 503)

    async def _show_readiness(self, _request: web.Request) -> web.Response:
        try:
            found = await self._on_role_loop(self._health.readiness())
        except TimeoutError:
            found = _not_ready(STALLED)
        body = {
            "status": found.status,
            "checks": {name: {"status": check.status, "reason": check.reason} for name, check in found.checks.items()},
        }
        return web.json_response(body, status=503 if found.status == "unavailable" else 200)

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        # A blocked role cannot set its gauges in time. Its counters are shown nevertheless.
        with contextlib.suppress(TimeoutError):
            await self._on_role_loop(self._health.set_gauges())
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _on_role_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the role's loop; raises `TimeoutError` when that takes too long."""
        running = asyncio.run_coroutine_threadsafe(work, self._role_loop)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await asyncio.wrap_future(running)
