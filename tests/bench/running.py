"""Shared by the benches: processes, loads, and the table that they print."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import asyncpg

from extrato.store.event_log import EventLog
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.bench.filling import paid_payments
from tests.bench.load import Load, request
from tests.homes import new_home
from tests.pace import until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from extrato.store.appender import StreamAppend

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
CONNECTIONS = 128
# The benches measure the hub's speed, so its rate limits must not apply.
COUNTED = ("CREATIONS", "CHECKS", "CONFIRMATIONS", "LISTS", "FAILURES")
UNLIMITED = {f"EXTRATO_{counted}_PER_MINUTE": "10000000" for counted in COUNTED}
PIX = b'{"value": 35.00}'
PIX_OF_A_PAYER = b'{"value": 35.00, "payer": {"email": "cliente@example.com"}}'
V1_PIX = b'{"method": "pix", "amount_centavos": 3500}'
V1_PIX_OF_A_PAYER = b'{"method": "pix", "amount_centavos": 3500, "payer": {"email": "cliente@example.com"}}'
ROWS: list[tuple[str, str, str, str]] = []


def row(what: str, measured: str, yardstick: str = "", wanted: str = "") -> None:
    ROWS.append((what, measured, yardstick, wanted))
    print(f"| {what} | {measured} | {yardstick} | {wanted} |", flush=True)


@contextlib.contextmanager
def process(*words: str, log: Path | None = None, **environment: str):
    with (log or Path(os.devnull)).open("w") as output:
        child = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env={**os.environ, **environment}, stdout=output, stderr=output
        )
        try:
            yield child
        finally:
            child.terminate()
            child.wait(10)


async def until_server_answers(url: str) -> None:
    async with aiohttp.ClientSession() as session:

        async def answers() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    return answer.status < 500
            return False

        await until(answers, f"{url} answers", within_s=30)


async def echo_rate(body: bytes, *, seconds: float = SECONDS) -> float:
    port = free_port()
    with process("-m", "tests.bench.load", "echo", str(port)):
        await until_server_answers(f"http://127.0.0.1:{port}/")
        requests = [request("POST", "/", body, {"Content-Type": "application/json"})]
        return (await load_from_outside(port, requests, seconds=seconds)).per_second


async def load_from_outside(
    port: int, requests: list[bytes], *, seconds: float = SECONDS, connections: int = CONNECTIONS
) -> Load:
    """Load a server from a separate process, so that this process does not slow the load down."""
    words = ("-m", "tests.bench.load", "load", str(port), str(connections), str(seconds))
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate(json.dumps([one.decode() for one in requests]).encode())
    measured = json.loads(output)
    return Load(**{**measured, "statuses": {int(k): v for k, v in measured["statuses"].items()}})


async def of_library(what: str) -> float:
    """Return the rate of the `eventsourcing` library for each second, on a separate PostgreSQL; see `library.py`."""
    with new_home() as home:
        async with EmbeddedPostgres(home) as postgres:
            words = ("-m", "tests.bench.library", what, postgres.url.partition("host=")[2])
            output = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(output.stdout)


async def query(url: str, sql: str):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def fill_log(url: str, *, payments: int) -> int:
    """Append paid payments of four events each, and return the number of events."""
    return await append_all(url, payments, paid_payments)


async def append_all(url: str, count: int, make: Callable[[int, int], list[StreamAppend]]) -> int:
    """Append what `make` returns for a first number and a count, page by page, and return the newest position."""
    pool = await asyncpg.create_pool(url, min_size=1, max_size=2)
    log = EventLog(pool)
    for start in range(1, count + 1, 2000):
        await asyncio.gather(*(log.append(one) for one in make(start, min(2000, count + 1 - start))))
    head = await log.head()
    await log.close()
    await pool.close()
    return head


class WholeHub(NamedTuple):
    """A running hub, with its addresses and the demo merchant's key."""

    home: Path
    port: int
    sandbox_url: str
    api_key: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def addresses(self) -> dict[str, str]:
        return json.loads((self.home / "run" / "addresses.json").read_text())


@contextlib.asynccontextmanager
async def whole_hub(**environment: str):
    with new_home() as home:
        port, sandbox_port = free_port(), free_port()
        child = await start_hub(home, port, sandbox_port, **environment)
        try:
            api_key = (home / "demo-api-key").read_text().strip()
            yield WholeHub(home, port, f"http://127.0.0.1:{sandbox_port}", api_key)
        finally:
            child.terminate()
            await child.wait()


async def start_hub(home: Path, port: int, sandbox_port: int, **environment: str) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        **environment,
        "EXTRATO_HOME": str(home),
        **UNLIMITED,
        "EXTRATO_PORT": str(port),
        "EXTRATO_SANDBOX_PORT": str(sandbox_port),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.cli", "up", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        async for line in child.stdout:
            if b"extrato is ready" in line:
                return child
    raise RuntimeError("the hub did not start")
