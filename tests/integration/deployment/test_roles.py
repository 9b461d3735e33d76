"""The roles run with the environment of compose.yaml and nothing else, on servers with the shipped configuration."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
import yaml

from extrato.secret_files import CREDENTIALS, file_variable
from extrato.settings import FORGOTTEN_FILE
from tests.commands import run_command
from tests.integration.bus.test_copies import ask, client_of, read
from tests.integration.deployment.conftest import DEPLOY, ROOT
from tests.pace import until
from tests.ports import free_port

ROLES = ("gateway", "monitor", "projections")
FILES = {file_variable(name) for name in CREDENTIALS}
OF_THE_OPERATOR = {"EXTRATO_PUBLIC_URL": "https://pay.example.com"}

# Asks the kernel for what MemoryDenyWriteExecute= of the units means, and becomes the program. A kernel before 6.3 does
# not know the request.
UNDER_THE_UNITS = """
import ctypes, os, sys
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def interpolated(text):
    """A value of compose.yaml as Compose reads it."""
    return re.sub(
        r"\$\{(\w+):([-?])([^}]*)\}",
        lambda found: OF_THE_OPERATOR.get(found[1], found[3] if found[2] == "-" else ""),
        str(text),
    )


@pytest.fixture
def secret(tmp_path, secrets, shipped_nats, shipped_postgres):
    """Writes a file of /run/secrets again, with the ports of this test, and returns its path."""

    def read(path):
        text = (secrets / path.removeprefix("/run/secrets/")).read_text()
        moved = tmp_path / path.removeprefix("/run/secrets/")
        moved.write_text(text.replace(":5432/", f":{shipped_postgres}/").replace(":4222", f":{shipped_nats.port}"))
        return str(moved)

    return read


@pytest.fixture
def environment_of(tmp_path, secrets, secret):
    """The environment of each role, with its files, and what a container would hold at /tmp."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]

    def environment(role):
        given = {name: interpolated(value) for name, value in services[role]["environment"].items()}
        given |= {name: secret(given[name]) for name in given if name in FILES}
        if "SSL_CERT_FILE" in given:
            given["SSL_CERT_FILE"] = str(secrets / "ca.crt")
        if FORGOTTEN_FILE in given:
            given[FORGOTTEN_FILE] = str(tmp_path / "volume.jsonl")
        # The image sets the home, and no role writes there.
        return given | {"EXTRATO_HOME": str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"}

    return environment


async def test_each_role_starts_becomes_ready_and_ends(tmp_path, environment_of, shipped_nats):
    migrated = await run_command(("migrate",), lines="", environment=environment_of("migrate"))
    assert (migrated.code, migrated.errors) == (0, "")

    port, health_ports = free_port(), {role: free_port() for role in ROLES}
    started = {}
    with contextlib.ExitStack() as running:
        for role in ROLES:
            environment = environment_of(role) | {"EXTRATO_READY_FILE": str(tmp_path / f"{role}.ready")}
            environment |= {"EXTRATO_HEALTH_PORT": str(health_ports[role]), "EXTRATO_DRAIN_S": "0"}
            if role == "gateway":
                environment["EXTRATO_PORT"] = str(port)
            log = running.enter_context((tmp_path / f"{role}.log").open("wb"))
            started[role] = subprocess.Popen(
                [sys.executable, "-c", UNDER_THE_UNITS, "-m", "services.cli", role],
                env=environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
            running.callback(started[role].kill)
        await until(lambda: all((tmp_path / f"{role}.ready").exists() for role in ROLES), within_s=30)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            answer = await client.get("/readyz")
            assert (answer.status, (await answer.json())["status"]) == (200, "ok")
        for health_port in health_ports.values():
            async with aiohttp.ClientSession(f"http://127.0.0.1:{health_port}") as client:
                assert [(await client.get(path)).status for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
        await register_merchant(environment_of("monitor"))
        await forget_in(environment_of("gateway"))
        async with client_of(shipped_nats.subscriber_url) as subscriber:
            await until(lambda: has_copies(subscriber), "the projections have made the copies", within_s=15)
            assert await read(subscriber, 1) == ["merchants.padaria.MerchantRegistered"]
        for process in started.values():
            process.terminate()
        assert {role: process.wait(timeout=15) for role, process in started.items()} == dict.fromkeys(ROLES, 0)
    assert not (tmp_path / "home").exists()


async def forget_in(environment):
    """Forget the payer of no payment, which still needs a list that can be written."""
    words = ("forget", "--payer", "-", "--reason", "payer_request", "--yes")
    said = await run_command(words, lines="ana@example.com\n", environment=environment)
    assert (said.code, said.errors) == (0, "")
    assert Path(environment[FORGOTTEN_FILE]).exists()


async def register_merchant(environment):
    words = ("merchant", "register", "padaria", "--name", "Padaria", "--city", "Recife")
    registered = await run_command(words, lines="", environment=environment)
    assert (registered.code, registered.errors) == (0, "")


async def has_copies(subscriber):
    answer = await ask(subscriber, "$JS.API.STREAM.NAMES")
    return answer["streams"] == ["CHECKS", "PAYMENTS"]
