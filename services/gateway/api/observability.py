"""Whether the gateway lives, is ready, and how it fares."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import contracts
from contracts.api import Health
from extrato.store.unavailable import LINE_BROKE
from services.gateway.http.answers import json_answer
from services.gateway.http.context import gateway_of
from services.gateway.metrics import APPENDS_WAITING, LIVE_POSITION

READY_TIMEOUT_S: Final = 2.0
OPENAPI: Final = Path(contracts.__file__).parent / "openapi.json"


async def show_health(request: web.Request) -> web.Response:
    """`GET /healthz`: the process answers."""
    del request
    return json_answer(Health(status="ok", checks={}))


async def show_readiness(request: web.Request) -> web.Response:
    """`GET /readyz`: PostgreSQL and NATS answer too; 503 when one does not."""
    gateway = gateway_of(request)
    checks = {"postgresql": False, "nats": gateway.bus.is_connected}
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            checks["postgresql"] = await gateway.pool.fetchval("SELECT true")
    except LINE_BROKE:
        pass
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
