"""`extrato gateway`, `extrato monitor` and `extrato projections` as processes: health, stop and second signal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import NamedTuple

import aiohttp
import asyncpg
import pytest

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.process import SIGNALLED, open_database
from extrato.settings import Settings
from services.cli.demo import prepare_demo
from tests.pace import until, within
from tests.ports import free_port
from tests.process.conftest import ROOT

# The lock of `append_events`: with it in another hand, every append waits.
HOLD_APPENDS = "SELECT pg_advisory_lock(7301984003)"
DRAIN_S = 0.5
# Requests of the test are made in this time.
LONG_DRAIN_S = 4


class Role(NamedTuple):
    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    health_url: str
    url: str

    async def get(self, path, *, url=None):
        async with self.session.get((url or self.health_url) + path) as response:
            return response.status, await response.text()

    async def is_ready(self):
        assert self.process.returncode is None, await self.process.stderr.read()
        with contextlib.suppress(aiohttp.ClientError):
            return (await self.get("/readyz"))[0] == 200
        return False

    async def is_stopping(self):
        status, text = await self.get("/readyz")
        return status == 503 and "The process is stopping." in text

    async def end(self, *, within_s):
        async with within(within_s):
            _, errors = await self.process.communicate()
        return self.process.returncode, errors.decode()


@pytest.fixture
def environment(database_url, nats_server, tmp_path):
    """The settings of every role; the address of NATS comes from a file."""
    (tmp_path / "nats-url").write_text(nats_server.url + "\n")
    return {
        "PATH": os.environ["PATH"],
        "EXTRATO_HOME": str(tmp_path),
        "EXTRATO_DATABASE_URL": database_url,
        "EXTRATO_NATS_URL_FILE": str(tmp_path / "nats-url"),
        "EXTRATO_MERCADOPAGO_URL": f"http://127.0.0.1:{free_port()}",
        "EXTRATO_DRAIN_S": str(DRAIN_S),
        "EXTRATO_LOG_LEVEL": "error",
    }


@contextlib.asynccontextmanager
async def role(name, environment):
    port, health_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cli", name),
        cwd=ROOT,
        env={**environment, "EXTRATO_PORT": str(port), "EXTRATO_HEALTH_PORT": str(health_port)},
        stderr=asyncio.subprocess.PIPE,
    )
    async with aiohttp.ClientSession() as session:
        try:
            yield Role(process, session, f"http://127.0.0.1:{health_port}", f"http://127.0.0.1:{port}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


async def test_roles_serve_their_health_and_end_with_a_signal(environment):
    async with role("monitor", environment) as monitor, role("projections", environment) as projections:
        for each in (monitor, projections):
            await until(each.is_ready, "the role is ready", within_s=30)
            assert (await each.get("/livez"))[0] == 200
            status, metrics = await each.get("/metrics")
            assert (status, "process_resident_memory_bytes" in metrics) == (200, True)
            assert "\nextrato_log_head_position 0.0\n" in metrics
            assert "\nextrato_relay_lag_events 0.0\n" in metrics
        assert 'extrato_sweep_age_seconds{lane="fast"} 0.0' in (await monitor.get("/metrics"))[1]
        assert 'extrato_read_model_lag_seconds{read_model="merchants"} 0.0' in (await projections.get("/metrics"))[1]
        for each in (monitor, projections):
            each.process.send_signal(signal.SIGTERM)
        for each in (monitor, projections):
            assert await each.end(within_s=10) == (0, "")


async def prepared_key(environment):
    """Register the demo merchant and return its API key."""
    settings, cause = Settings.from_environment(environment), Cause(correlation_id="tests", actor="operator")
    async with open_database(settings, connections=2) as pool, open_hub(settings, pool=pool, bus=None) as hub:
        demo = await prepare_demo(hub, settings, given_secret="", cause=cause)
    return demo.key_file.read_text().strip()


async def test_gateway_answers_what_waits_for_an_append_and_then_ends(environment):
    environment["EXTRATO_DRAIN_S"] = str(LONG_DRAIN_S)
    headers = {"Authorization": f"Bearer {await prepared_key(environment)}"}
    holder = await asyncpg.connect(environment["EXTRATO_DATABASE_URL"])
    async with role("gateway", environment) as gateway:
        await until(gateway.is_ready, "the gateway is ready", within_s=30)
        assert "extrato_appends_waiting 0.0" in (await gateway.get("/metrics"))[1]
        await holder.execute(HOLD_APPENDS)

        async def create():
            body = {"value": 35.0}
            async with gateway.session.post(f"{gateway.url}/payments/pix", json=body, headers=headers) as response:
                return response.status, await response.json()

        async def is_waiting():
            return await holder.fetchval(
                "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )

        creating = asyncio.create_task(create())
        await until(is_waiting, "the append waits")
        gateway.process.send_signal(signal.SIGTERM)
        await until(gateway.is_stopping, "the gateway is not ready")
        # A balancer still sends requests, and they are answered.
        assert (await gateway.get("/readyz", url=gateway.url))[0] == 503
        assert (await gateway.get("/healthz", url=gateway.url))[0] == 200

        async def is_closed():
            with contextlib.suppress(aiohttp.ClientConnectorError):
                async with aiohttp.ClientSession() as session, session.get(f"{gateway.url}/healthz"):
                    return False
            return True

        await until(is_closed, "the gateway does not listen")
        assert not creating.done()
        await holder.close()
        status, answer = await creating
        assert await gateway.end(within_s=5) == (0, "")
    assert status == 201
    connection = await asyncpg.connect(environment["EXTRATO_DATABASE_URL"])
    assert await connection.fetchval("SELECT count(*) FROM stored_events WHERE topic LIKE 'PaymentOpened.%'") == 1
    await connection.close()
    assert answer["payment"]["value"] == 35.0


DRAINS_FOR_TEN_MINUTES = """
import asyncio, sys
from extrato.process import run

async def work(settings):
    print("works", flush=True)
    await asyncio.Event().wait()

async def drain(settings):
    print("drains", flush=True)
    await asyncio.sleep(600)

sys.exit(run("test", work, before_end=drain))
"""


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_second_signal_ends_a_process_at_once(second):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DRAINS_FOR_TEN_MINUTES),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "EXTRATO_LOG_LEVEL": "error"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with within(30):
        assert await process.stdout.readline() == b"works\n"
        process.send_signal(signal.SIGTERM)
        assert await process.stdout.readline() == b"drains\n"
        process.send_signal(second)
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (SIGNALLED + second, b"")
