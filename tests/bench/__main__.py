"""Measures the hub against plain yardsticks in the same run, and prints a table: `make bench`.

Only ratios travel from one machine to another. `make bench BENCH="creations rebuild"` runs some of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import aiohttp  # noqa: E402
import asyncpg  # noqa: E402
from load import Connection, Load, request  # noqa: E402

from contracts.envelope import Cause  # noqa: E402
from extrato.assembly import open_hub  # noqa: E402
from extrato.process import open_database  # noqa: E402
from extrato.providers.mercado_pago_webhook import _sign, manifest  # noqa: E402
from extrato.settings import Settings  # noqa: E402
from extrato.store.migrations import migrate  # noqa: E402
from services.cli.demo import CREDENTIAL, SLUG, prepare_demo  # noqa: E402
from services.cli.embedded_nats import EmbeddedNats  # noqa: E402
from services.cli.embedded_postgres import EmbeddedPostgres  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
CONNECTIONS = 128
# What is measured is how fast the hub is, and not its limits.
UNLIMITED = {f"EXTRATO_{counted}_PER_MINUTE": "10000000" for counted in ("CREATIONS", "CHECKS", "FAILURES")}
ROWS: list[tuple[str, str, str, str]] = []


def row(what: str, measured: str, yardstick: str = "", wanted: str = "") -> None:
    ROWS.append((what, measured, yardstick, wanted))
    print(f"| {what} | {measured} | {yardstick} | {wanted} |", flush=True)


@contextlib.asynccontextmanager
async def new_home():
    parent = Path(tempfile.mkdtemp(prefix="extrato-bench-", dir="/tmp"))
    parent.chmod(0o711)
    try:
        yield parent / "home"
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def free_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


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


async def until_it_answers(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(600):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status < 500:
                        return
            await asyncio.sleep(0.05)
    raise TimeoutError(url)


async def echo_rate(body: bytes) -> float:
    port = free_port()
    with process(str(Path(__file__).parent / "load.py"), "echo", str(port)):
        await until_it_answers(f"http://127.0.0.1:{port}/")
        requests = [request("POST", "/", body, {"Content-Type": "application/json"})]
        return (await load_from_outside(port, requests)).per_second


async def load_from_outside(port: int, requests: list[bytes]) -> Load:
    """Load a server from a process of its own, so that this one's loop is not what is measured."""
    words = (str(Path(__file__).parent / "load.py"), "load", str(port), str(CONNECTIONS), str(SECONDS))
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate(json.dumps([one.decode() for one in requests]).encode())
    measured = json.loads(output)
    return Load(**{**measured, "statuses": {int(k): v for k, v in measured["statuses"].items()}})


@contextlib.asynccontextmanager
async def one_gateway(provider_port: int | None = None):
    """A gateway alone on PostgreSQL (fsync on) and NATS; without `provider_port` nobody answers as the provider."""
    port = free_port()
    async with new_home() as home, EmbeddedPostgres(home) as postgres, EmbeddedNats(home) as nats:
        environment = {
            "EXTRATO_HOME": str(home),
            **UNLIMITED,
            "EXTRATO_PORT": str(port),
            "EXTRATO_DATABASE_URL": postgres.url,
            "EXTRATO_NATS_URL": nats.url,
            "EXTRATO_MERCADOPAGO_URL": f"http://127.0.0.1:{provider_port or free_port()}",
        }
        await migrate(postgres.url)
        settings, cause = Settings.from_environment(environment), Cause(correlation_id="bench", actor="operator")
        async with open_database(settings, connections=2) as pool, open_hub(settings, pool=pool, bus=None) as hub:
            api_key = await prepare_demo(hub, settings, cause=cause)
        with process("-m", "services.gateway", log=home / "gateway.log", **environment):
            await until_it_answers(f"http://127.0.0.1:{port}/readyz")
            yield port, api_key, postgres.url


async def creations() -> None:
    """Durable Pix creations through HTTP beside an echo, and the library's own way beside both."""
    body = b'{"value": 35.00}'
    async with one_gateway() as (port, api_key, url):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {api_key}"}
        requests = [request("POST", "/payments/pix", body, headers)]
        # The yardstick before and after, so that a machine that changes its speed shows.
        before = await echo_rate(body)
        made = await load_from_outside(port, requests)
        after = await echo_rate(body)
        assert set(made.statuses) == {201}, made.statuses
        echo = (before + after) / 2
        count = await query(url, "SELECT count(*) FROM stored_events WHERE topic = 'PaymentOpened.v2'")
        assert count >= sum(made.statuses.values())
        row(
            "durable Pix creations, one gateway process, fsync on",
            f"{made.per_second:,.0f}/s (p50 {made.p50_ms:.1f} ms, p99 {made.p99_ms:.1f} ms)",
            f"echo {before:,.0f} and {after:,.0f}/s: ratio {made.per_second / echo:.2f}",
            "at least 0.3",
        )
    saves = await library_saves()
    row("the library's Application.save, one payment at a time", f"{saves:,.0f}/s", "", "beside it")


async def webhooks() -> None:
    """Webhooks verified and accepted durably, beside an echo."""
    body = json.dumps(
        {
            "action": "payment.updated",
            "api_version": "v1",
            "data": {"id": "1"},
            "date_created": "2026-11-23T12:00:00Z",
            "id": 1,
            "live_mode": True,
            "type": "payment",
            "user_id": CREDENTIAL.account_id,
        }
    ).encode()
    async with one_gateway() as (port, _, url):
        requests = list(itertools.islice(signed_notifications(body), 5000))
        before = await echo_rate(body)
        taken = await load_from_outside(port, requests)
        after = await echo_rate(body)
        assert set(taken.statuses) == {200}, taken.statuses
        stored = await query(url, "SELECT count(*) FROM webhook_deliveries WHERE verdict = 'verified'")
        assert stored >= sum(taken.statuses.values())
        row(
            "webhooks verified and durable before the answer (provider away)",
            f"{taken.per_second:,.0f}/s (p50 {taken.p50_ms:.1f} ms, p99 {taken.p99_ms:.1f} ms)",
            f"echo {before:,.0f} and {after:,.0f}/s: ratio {taken.per_second / ((before + after) / 2):.2f}",
            "at least 0.25",
        )


async def slow_provider() -> None:
    """How soon a webhook is answered while the provider takes every question and answers none."""

    async def hang(reader, writer) -> None:
        await reader.read()
        writer.close()

    provider = await asyncio.start_server(hang, "127.0.0.1", 0)
    body = b'{"action": "payment.updated", "data": {"id": "1"}, "type": "payment", "user_id": "174087000"}'
    async with one_gateway(provider.sockets[0].getsockname()[1]) as (port, _, _url):
        requests = itertools.islice(signed_notifications(body), int(200 * SECONDS))
        answered = await paced(port, list(requests), per_second=200)
    provider.close()
    row(
        "webhook to its answer at 200/s, provider hangs",
        f"p50 {answered[len(answered) // 2] * 1000:.1f} ms, p99 {answered[int(len(answered) * 0.99)] * 1000:.1f} ms",
        "",
        "p99 under 50 ms",
    )


async def paced(port: int, requests: list[bytes], *, per_second: float) -> list[float]:
    """Send requests at a steady rate, each when its time has come; gives the sorted latencies in seconds."""
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    start = time.perf_counter()

    async def send(number: int, one: bytes) -> None:
        await asyncio.sleep(max(0.0, start + number / per_second - time.perf_counter()))
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(iter([one]), 0.0, latencies, statuses), "127.0.0.1", port
        )
        await connection.done

    await asyncio.gather(*(send(number, one) for number, one in enumerate(requests)))
    assert set(statuses) == {200}, statuses
    return sorted(latencies)


def signed_notifications(body: bytes):
    """Notifications about ever other payments, signed as the provider does."""
    for number in itertools.count(10_000_000_000):
        ts = str(int(time.time()))
        request_id = f"bench-{number}"
        signature = _sign(CREDENTIAL.webhook_secret, manifest(data_id=str(number), request_id=request_id, ts=ts))
        yield request(
            "POST",
            f"/webhooks/mercadopago/{SLUG}/?data.id={number}&type=payment",
            body,
            {
                "Content-Type": "application/json",
                "x-signature": f"ts={ts},v1={signature}",
                "x-request-id": request_id,
            },
        )


async def library_saves() -> float:
    """One aggregate at a time through `eventsourcing`'s Application on its own PostgreSQL recorder."""
    async with new_home() as home, EmbeddedPostgres(home) as postgres:
        script = Path(__file__).parent / "library.py"
        output = subprocess.run(
            [sys.executable, str(script), "saves", str(Path(postgres.url.partition("host=")[2]))],
            capture_output=True,
            text=True,
            check=True,
        )
        return float(output.stdout)


async def query(url: str, sql: str):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def rebuild() -> None:
    """Rebuilding the payment read model from the log, beside the library's projection runner."""
    async with new_home() as home, EmbeddedPostgres(home) as postgres, EmbeddedNats(home) as nats:
        await migrate(postgres.url)
        count = await fill_log(postgres.url, payments=60_000)
        words = ("-m", "services.projections", "rebuild", "payment_details")
        environment = {
            **os.environ,
            "EXTRATO_HOME": str(home),
            "EXTRATO_DATABASE_URL": postgres.url,
            "EXTRATO_NATS_URL": nats.url,
        }
        took = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True, capture_output=True)
            took.append(time.perf_counter() - start)
        rows = await query(postgres.url, "SELECT count(*) FROM payment_details")
        assert rows == 60_000, rows
    async with new_home() as home, EmbeddedPostgres(home) as postgres:
        script = Path(__file__).parent / "library.py"
        output = subprocess.run(
            [sys.executable, str(script), "projection", str(Path(postgres.url.partition("host=")[2]))],
            capture_output=True,
            text=True,
            check=True,
        )
        library = float(output.stdout)
    rate = count / statistics.median(took)
    row(
        f"rebuilding payment_details from {count:,} events, whole process",
        f"{rate:,.0f} events/s",
        f"the library's ProjectionRunner {library:,.0f}/s: ratio {rate / library:.0f}",
        "at least 20,000/s",
    )


async def fill_log(url: str, *, payments: int) -> int:
    """Append paid payments of four events each; gives how many events."""
    from filling import paid_payments

    from extrato.store.event_log import EventLog

    pool = await asyncpg.create_pool(url, min_size=1, max_size=2)
    log = EventLog(pool)
    for start in range(1, payments + 1, 2000):
        await asyncio.gather(*(log.append(one) for one in paid_payments(start, min(2000, payments + 1 - start))))
    head = await log.head()
    await log.close()
    await pool.close()
    return head


async def approval() -> None:
    """Approval at the provider to the frame on a merchant's socket, at 100 a second, the whole hub running."""
    async with new_home() as home, whole_hub(home) as (url, sandbox_url, api_key):
        headers = {"Authorization": f"Bearer {api_key}"}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            count = int(100 * SECONDS)
            preferences = []
            for _ in range(count):
                body = {"padaria_slug": SLUG, "items": [{"nome": "Pão Francês", "quantidade": 10}]}
                async with session.post(f"{url}/payments/api/generate-link/", json=body, headers=headers) as answer:
                    link = await answer.json()
                    preferences.append((link["payment_id"], link["preference_id"]))
            paid: dict[int, float] = {}
            latencies: list[float] = []
            listening = asyncio.create_task(listen(session, url, headers, paid, latencies, count))
            await asyncio.sleep(0.5)
            start = time.perf_counter()
            paying = []
            for number, (payment_id, preference_id) in enumerate(preferences):
                await asyncio.sleep(max(0, start + number / 100 - time.perf_counter()))
                paid[payment_id] = time.perf_counter()
                paying.append(asyncio.create_task(pay(session, sandbox_url, preference_id)))
            await asyncio.gather(*paying)
            async with asyncio.timeout(20):
                await listening
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    row(
        "approval at the provider to WebSocket frame, 100/s, whole hub on one machine",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms ({len(latencies)} payments)",
        "from before the request that approves",
        "p50 under 15 ms, p99 under 60 ms",
    )


async def pay(session, sandbox_url: str, preference_id: str) -> None:
    body = {"preference_id": preference_id, "outcome": "approved", "method": "visa"}
    async with session.post(f"{sandbox_url}/_sandbox/pay", json=body) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()


async def listen(session, url, headers, paid, latencies, count) -> None:
    async with session.ws_connect(f"{url}/ws", params={"padaria_slug": SLUG}, headers=headers) as socket:
        async for message in socket:
            at = time.perf_counter()
            frame = message.json()
            if frame["type"] == "event" and frame["event"] == "StatusChanged":
                latencies.append(at - paid[frame["payment_id"]])
                if len(latencies) == count:
                    return


@contextlib.asynccontextmanager
async def whole_hub(home: Path):
    port, sandbox_port = free_port(), free_port()
    child = await start_hub(home, port, sandbox_port)
    try:
        api_key = (home / "demo-api-key").read_text().strip()
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}", api_key
    finally:
        child.terminate()
        await child.wait()


async def start_hub(home: Path, port: int, sandbox_port: int) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
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


async def start() -> None:
    """`make up` to `extrato is ready`, with the dependencies installed."""
    async with new_home() as home:
        took = []
        for _ in range(4):
            start = time.perf_counter()
            child = await start_hub(home, free_port(), free_port())
            took.append(time.perf_counter() - start)
            child.terminate()
            await child.wait()
    row("`make up` to ready, new home", f"{took[0]:.1f} s", "", "under 6 s")
    row("`make up` to ready, old home, median of 3", f"{statistics.median(took[1:]):.1f} s", "", "under 6 s")


BENCHES = {bench.__name__: bench for bench in (creations, webhooks, slow_provider, approval, rebuild, start)}


async def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {SECONDS:g} s a load\n")
    print("| what | measured | beside | wanted |\n|---|---|---|---|")
    for name in sys.argv[1:] or BENCHES:
        await BENCHES[name]()


if __name__ == "__main__":
    asyncio.run(main())
