"""Starts hubs with stand-ins for the services, as separate processes, and ends what a failed test left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.commands import run_program
from tests.pace import within
from tests.ports import free_port
from tests.process.stubs import hub as hub_with_stand_ins

ROOT = Path(__file__).parents[2]
STUBS = Path(__file__).with_name("stubs")


class Hub:
    """A hub in a separate process."""

    def __init__(self, process, home):
        self.process = process
        self.home = home
        self.lines = []

    async def wait_for_line(self, words, *, within_s=15.0):
        """Wait for a line of output that contains the words, and return it."""
        async with within(within_s):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.rstrip())
                if words in line:
                    return line.rstrip()
        raise AssertionError(f"no line with {words!r}, but: {self.lines}")

    async def wait_for_end(self, *, within_s=30.0):
        """Wait for the end, and return the exit code and standard error."""
        async with within(within_s):
            _, errors = await self.process.communicate()
        return self.process.returncode, errors.decode()

    @property
    def pids(self):
        return json.loads((self.home / "run" / "processes.json").read_text())

    @property
    def addresses(self):
        return json.loads((self.home / "run" / "addresses.json").read_text())

    def processes(self):
        """The process ids of everything that runs with this home in its command line or its environment."""
        return processes_of(self.home)


def processes_of(home):
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = [*process.cmdline(), *process.environ().values()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(home) in word for word in words):
                found.append(process.pid)
    return found


@pytest.fixture
def servers(database_url, nats_url):
    """The environment of a hub with the session's servers, for claims that do not need embedded ones."""
    return {"EXTRATO_DATABASE_URL": database_url, "EXTRATO_NATS_URL": nats_url}


class Hubs:
    """Starts `extrato up` with stand-ins; the keywords are environment variables."""

    def __init__(self, home):
        self.home = home
        self.started = []

    async def __call__(self, *behaviours, script=(str(STUBS / "hub.py"),), **environment):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *script, *behaviours),
            env=self._environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(Hub(process, self.home))
        return self.started[-1]

    async def run_to_the_end(self, *behaviours, **environment):
        """Start a hub that ends without a signal, and wait for its end."""
        return await run_program(hub_with_stand_ins.main, behaviours, environment=self._environment(environment))

    def _environment(self, changes):
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("EXTRATO_")},
            "EXTRATO_HOME": str(self.home),
            "EXTRATO_PORT": str(free_port()),
            "EXTRATO_SANDBOX_PORT": str(free_port()),
            "PYTHONPATH": str(ROOT),
            **changes,
        }


@pytest.fixture
async def start_first_hub(home):
    hubs = Hubs(home)
    yield hubs
    for hub in hubs.started:
        if hub.process.returncode is None:
            hub.process.terminate()
        await hub.wait_for_end()
    for pid in processes_of(home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def start_hub(start_first_hub):
    """As `start_first_hub`; a file without claims about the first start overrides it with prepared homes."""
    return start_first_hub
