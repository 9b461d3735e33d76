"""The health port of a role: what it answers while the role starts, works, is blocked and stops."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY, Gauge

from contracts.api import Readiness, ReadinessCheck
from extrato import health as health_port
from extrato.health import STALLED, STARTING, STOPPING, CannotListen, RoleHealth, serving_health
from extrato.metrics import HEARTBEAT_S
from tests.pace import until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OK = ReadinessCheck(status="ok", reason=None)
AWAY = ReadinessCheck(status="unavailable", reason="NATS is not connected.")
MEASURED = Gauge("extrato_test_health", "A gauge of this test.")


class Port:
    """The health port of a role on the event loop of the test."""

    def __init__(self, health: RoleHealth, port: int) -> None:
        self.health = health
        self.url = f"http://127.0.0.1:{port}"

    def read(self, path: str) -> tuple[int, str]:
        """Ask from the calling thread, as a probe outside the process does."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    async def get(self, path: str) -> tuple[int, dict]:
        status, body = await asyncio.to_thread(self.read, path)
        return status, json.loads(body)


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    health, number = RoleHealth(), free_port()
    beating = asyncio.create_task(health.beat())
    with serving_health(health, host="127.0.0.1", port=number, role_loop=asyncio.get_running_loop()):
        yield Port(health, number)
    beating.cancel()


def not_ready(reason: str) -> tuple[int, dict]:
    return 503, {"status": "unavailable", "checks": {"process": {"status": "unavailable", "reason": reason}}}


async def test_role_is_ready_between_its_start_and_its_stop(port: Port):
    found = Readiness(status="degraded", checks={"database": OK, "bus": AWAY})

    async def probe() -> Readiness:
        return found

    assert await port.get("/readyz") == not_ready(STARTING)
    assert not port.health.has_started
    port.health.complete_start(probe)
    assert port.health.has_started
    assert await port.get("/readyz") == (
        200,
        {
            "status": "degraded",
            "checks": {
                "database": {"status": "ok", "reason": None},
                "bus": {"status": "unavailable", "reason": "NATS is not connected."},
            },
        },
    )
    found = Readiness(status="unavailable", checks={"database": AWAY})
    assert (await port.get("/readyz"))[0] == 503
    found = Readiness(status="ok", checks={"database": OK})
    port.health.stop()
    assert await port.get("/readyz") == not_ready(STOPPING)
    assert (await port.get("/livez"))[0] == 200


async def test_blocked_event_loop_is_reported(port: Port, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(health_port, "STALLED_AFTER_S", 0.2)
    monkeypatch.setattr(health_port, "ANSWER_WITHIN_S", 0.2)
    monkeypatch.setattr(health_port, "BEAT_S", 0.01)
    with ThreadPoolExecutor() as threads:
        HEARTBEAT_S.set(7)

        def ask_while_blocked() -> list[tuple[int, str]]:
            time.sleep(0.3)
            return [port.read(path) for path in ("/livez", "/readyz", "/metrics")]

        asked = threads.submit(ask_while_blocked)
        # This blocks the event loop of the role.
        (livez, live), (readyz, ready), (metrics, numbers) = asked.result()
    assert (livez, json.loads(live)["status"]) == (503, "stalled")
    assert (readyz, json.loads(ready)) == not_ready(STALLED)
    assert metrics == 200
    assert "\nextrato_loop_heartbeat_timestamp_seconds 7.0\n" in numbers

    async def is_live() -> bool:
        return (await port.get("/livez"))[0] == 200

    await until(is_live, "the event loop turns again")
    assert (REGISTRY.get_sample_value("extrato_loop_heartbeat_timestamp_seconds") or 0) > 7


async def test_metrics_are_measured_when_they_are_read(port: Port):
    async def set_gauges() -> None:
        MEASURED.inc()

    port.health.set_gauges_with(set_gauges)
    for count in (1, 2):
        status, text = await asyncio.to_thread(port.read, "/metrics")
        assert (status, f"extrato_test_health {count}.0" in text) == (200, True)


async def test_other_paths_and_methods_are_refused(port: Port):
    assert (await asyncio.to_thread(port.read, "/admin/merchants"))[0] == 404


async def test_port_that_is_taken_is_named(port: Port):
    taken = int(port.url.rpartition(":")[2])
    with (
        pytest.raises(CannotListen, match=f"Cannot listen on 127.0.0.1:{taken} for EXTRATO_HEALTH_PORT: Address"),
        serving_health(RoleHealth(), host="127.0.0.1", port=taken, role_loop=asyncio.get_running_loop()),
    ):
        pass


async def test_port_is_free_again_afterwards():
    number = free_port()
    for _ in range(2):
        with serving_health(RoleHealth(), host="127.0.0.1", port=number, role_loop=asyncio.get_running_loop()):
            pass
