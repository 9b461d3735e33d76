"""Health, readiness and metrics of the gateway, and the OpenAPI document."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import contracts
from contracts.api import Health
from services.gateway.gateway import gateway_of
from services.gateway.http.responses import json_response

OPENAPI: Final = Path(contracts.__file__).parent / "openapi.json"


async def show_health(request: web.Request) -> web.Response:
    """`GET /healthz`: the process answers."""
    del request
    return json_response(Health(status="ok", checks={}))


async def show_readiness(request: web.Request) -> web.Response:
    """`GET /readyz`: whether this gateway can work; 503 while PostgreSQL does not accept writes, and when it stops."""
    found = await gateway_of(request).health.readiness()
    return json_response(found, status=503 if found.status == "unavailable" else 200)


async def show_metrics(request: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus's text format, for keys of the hub only: it counts the payments of all merchants."""
    await gateway_of(request).health.set_gauges()
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def show_openapi(request: web.Request) -> web.Response:
    """`GET /openapi.json`: the OpenAPI document of this interface."""
    del request
    text = await asyncio.to_thread(OPENAPI.read_bytes)
    return web.Response(body=text, content_type="application/json")
