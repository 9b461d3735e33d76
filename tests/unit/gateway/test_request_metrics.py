"""The durations of requests are counted by operation, under a bounded number of labels."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import uuid4

import pytest
from aiohttp import test_utils, web
from prometheus_client import REGISTRY

from contracts.operations import OPERATIONS
from services.gateway.gateway import GATEWAY
from services.gateway.pipeline import Route, wrap_handler
from services.gateway.routes import NOT_FOUND, ROUTES, SOCKET_IO


def counts() -> dict[str, float]:
    return {
        sample.labels["operation"]: sample.value
        for family in REGISTRY.collect()
        if family.name == "extrato_http_request_duration_seconds"
        for sample in family.samples
        if sample.name.endswith("_count")
    }


async def answer(_request: web.Request) -> web.Response:
    return web.Response()


async def open_socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.close()
    return socket


@pytest.fixture
async def client():
    app = web.Application()
    app[GATEWAY] = SimpleNamespace(hub=SimpleNamespace(new_uuid=uuid4))  # type: ignore[assignment]
    for route in (
        Route(method="GET", path="/known/{name}", handler=answer, scope=None, operation="showTest"),
        Route(method="GET", path="/socket", handler=open_socket, scope=None, operation="openTest"),
        Route(method="*", path="/{anything:.*}", handler=answer, scope=None),
    ):
        app.router.add_route(route.method, route.path, wrap_handler(route))
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        yield client


async def test_hostile_paths_and_methods_share_one_operation(client):
    before = counts()
    for number in range(20):
        await client.get(f"/hostile{number}")
        await client.request("PURGE", f"/known/{number}")
        await client.get(f"/known/{number}")
    after = counts()
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name)} == {
        "showTest": 20,
        "other": 40,
    }


async def test_websocket_has_no_duration(client):
    async with client.ws_connect("/socket"):
        pass
    assert "openTest" not in {name for name, count in counts().items() if count}


def test_each_operation_of_the_interface_has_its_name():
    assert [route.operation for route in ROUTES] == [operation.name for operation in OPERATIONS]
    assert [SOCKET_IO.operation, NOT_FOUND.operation] == ["socketIo", "other"]
