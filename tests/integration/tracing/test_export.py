"""Spans leave the process by OTLP; an unavailable collector neither slows nor stops the process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from extrato import tracing
from tests.pace import allowed, running_s, until
from tests.ports import free_port

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def off_at_the_end():
    yield
    tracing.stop(within_s=5)


async def test_last_spans_reach_the_collector_at_the_end(monkeypatch):
    received = []

    async def take(request: web.Request) -> web.Response:
        received.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    app, port = web.Application(), free_port()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests")
    tracing.start("extrato-gateway")
    with tracing.root_span("a request", "server"), tracing.span("a step"):
        pass
    await asyncio.to_thread(tracing.stop, within_s=5)
    await runner.cleanup()
    (resource,) = received[0].resource_spans
    facts = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert facts["service.name"] == "extrato-gateway"
    assert facts["deployment.environment.name"] == "tests"
    step, request = resource.scope_spans[0].spans
    assert (step.name, request.name) == ("a step", "a request")
    assert step.parent_span_id == request.span_id
    assert not tracing.is_on()


@pytest.mark.parametrize("is_silent", [False, True], ids=["refuses", "silent"])
async def test_unavailable_collector_delays_nothing(monkeypatch, is_silent):
    port = free_port()
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{port}")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "600")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with contextlib.ExitStack() as parts:
        if is_silent:
            # The kernel accepts connections, and the program never does.
            parts.enter_context(socket.create_server(("127.0.0.1", port)))
        tracing.start("extrato-gateway")
        began_s = running_s()
        for _ in range(2000):
            with tracing.root_span("a request", "server") as span:
                span.set({"http.response.status_code": 200})
        assert running_s() - began_s < allowed(2)
        began_s = running_s()
        await asyncio.to_thread(tracing.stop, within_s=0.2)
        assert running_s() - began_s < allowed(1)
    # No thread goes on to retry.
    await until(lambda: not [each for each in threading.enumerate() if each.name == "last-spans"])
