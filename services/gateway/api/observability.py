"""Whether the gateway lives, is ready, and how it fares."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import contracts
from contracts.api import Health
from extrato.store.unavailable import LINE_BROKE
from services.gateway.http.answers import json_answer
from services.gateway.http.context import gateway_of
from services.gateway.metrics import APPENDS_WAITING, LIVE_POSITION

if TYPE_CHECKING:
    import asyncpg

READY_TIMEOUT_S: Final = 2.0
SHARED_FOR_S: Final = 1.0
OPENAPI: Final = Path(contracts.__file__).parent / "openapi.json"


class Readiness:
    """Looks whether PostgreSQL answers; who asks in the second after a look began is told what that one finds."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._looking: asyncio.Task[bool] | None = None
        self._began_at = 0.0

    async def look(self) -> bool:
        """Say whether PostgreSQL answers."""
        if self._looking is None or time.monotonic() - self._began_at >= SHARED_FOR_S:
            self._began_at = time.monotonic()
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                return bool(await self._pool.fetchval("SELECT true"))
        except LINE_BROKE:
            return False


async def show_health(request: web.Request) -> web.Response:
    """`GET /healthz`: the process answers."""
    del request
    return json_answer(Health(status="ok", checks={}))


async def show_readiness(request: web.Request) -> web.Response:
    """`GET /readyz`: PostgreSQL and NATS answer too; 503 when one does not."""
    gateway = gateway_of(request)
    checks = {"postgresql": await gateway.readiness.look(), "nats": gateway.bus.is_connected}
    is_ready = all(checks.values())
    body = Health(status="ok" if is_ready else "unavailable", checks=checks)
    return json_answer(body, status=200 if is_ready else 503)


async def show_metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus's text format, to a key of the hub: it counts the payments of all merchants."""
    gateway = gateway_of(request)
    APPENDS_WAITING.set(gateway.hub.log.appender.waiting)
    LIVE_POSITION.set(gateway.live.position)
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def show_openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: the description of this interface."""
    del request
    text = await asyncio.to_thread(OPENAPI.read_bytes)
    return web.Response(body=text, content_type="application/json")
