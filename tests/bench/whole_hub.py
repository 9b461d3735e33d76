"""Benches of the whole hub on one machine, as `make up` runs it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import resource
import statistics
import time
from collections import Counter
from pathlib import Path

import aiohttp
import nats
import nats.js.errors

from contracts.subjects import HEADER_POSITION, PAYMENTS_STREAM
from services.cli.demo import SLUG
from tests.bench.filling import watched_payments
from tests.bench.load import request
from tests.bench.running import (
    PIX,
    PIX_OF_A_PAYER,
    SECONDS,
    WholeHub,
    append_all,
    echo_rate,
    fill_log,
    load_from_outside,
    query,
    row,
    start_hub,
    whole_hub,
)
from tests.homes import new_home
from tests.pace import until
from tests.ports import free_port

HUB_SECONDS = float(os.environ.get("BENCH_HUB_SECONDS", "20"))
# Enough to keep both cores busy while requests wait for the disk.
HUB_CONNECTIONS = 256
REFILLED_PAYMENTS = int(os.environ.get("BENCH_REFILLED_PAYMENTS", "125000"))
OPEN_SOCKETS = int(os.environ.get("BENCH_SOCKETS", "8000"))
WATCHED_PAYMENTS = int(os.environ.get("BENCH_WATCHED_PAYMENTS", "100000"))
WATCHED_ACCOUNTS = 500
SETTLE_S = 15
SOCKETS_OF_A_PAYER = 20
SOCKETS_OF_AN_ADDRESS = 400
LEVEL_WITHIN_S = 120
# A wait that is measured looks this often.
MEASURED_TO_S = 0.01

HEAD = "SELECT coalesce(max(notification_id), 0) FROM stored_events"
READ_MODELS_AT = "SELECT min(position) FROM checkpoints"
PAYMENTS = "SELECT count(*) FROM stored_events WHERE topic LIKE 'PaymentOpened.%'"
SIZES = """
    SELECT string_agg(format('%s %s', relname, pg_total_relation_size(relid)), ',' ORDER BY relname)
    FROM pg_stat_user_tables WHERE n_live_tup > 1000
"""
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


# --- creations, until the read models have caught up ----------------------------------------------


async def hub() -> None:
    """Measure Pix creations at full load, until read models and stream have caught up with the log."""
    echo = await echo_rate(PIX_OF_A_PAYER)
    async with whole_hub() as running:
        database_url = running.addresses["database_url"]
        requests = [
            request("POST", "/payments/pix", PIX_OF_A_PAYER, {"Content-Type": "application/json", **running.headers})
        ]
        payments_before, cpu_before = await query(database_url, PAYMENTS), cpu_of(running)
        made = await load_from_outside(running.port, requests, seconds=HUB_SECONDS, connections=HUB_CONNECTIONS)
        assert set(made.statuses) == {201}, made.statuses
        ended = time.perf_counter()
        await until_level(running)
        lag_s = time.perf_counter() - ended
        cpu = cpu_of(running)
        payments = await query(database_url, PAYMENTS) - payments_before
        sustained = made.per_second * HUB_SECONDS / (HUB_SECONDS + lag_s)
        row(
            f"the whole hub under Pix creations for {HUB_SECONDS:g} s, until read models and stream have caught up",
            f"{sustained:,.0f} payments/s (p50 {made.p50_ms:.1f} ms, p99 {made.p99_ms:.1f} ms), "
            f"caught up {lag_s:.2f} s after the last",
            f"echo {echo:,.0f}/s",
            "at least 5,000/s, caught up within 0.5 s",
        )
        used = {name: (cpu[name] - cpu_before[name]) / payments for name in cpu}
        row(
            "processor time for each payment, in µs",
            ", ".join(f"{name} {each:.0f}" for name, each in used.items() if each >= 1),
            f"{sum(used.values()):.0f} in all",
        )
        await storage(running, await query(database_url, PAYMENTS))


async def storage(running: WholeHub, payments: int) -> None:
    """Measure the bytes of a payment by table and stream, without the write-ahead log."""
    tables = dict(each.split() for each in (await query(running.addresses["database_url"], SIZES)).split(","))
    sizes = {name: int(size) for name, size in tables.items()}
    for folder in sorted((running.home / "nats").glob("jetstream/*/streams/*")):
        size = sum(each.stat().st_blocks * 512 for each in folder.rglob("*") if each.is_file())
        sizes[f"{folder.parts[-3]}/{folder.name}"] = size
    shown = {name: size / payments for name, size in sizes.items() if size / payments >= 1}
    row(
        "bytes on disk for each payment, without the write-ahead log",
        ", ".join(f"{name} {size:,.0f}" for name, size in shown.items()),
        f"{sum(shown.values()):,.0f} in all, of {payments:,} payments",
        "at most 5,000",
    )


def cpu_of(running: WholeHub) -> Counter[str]:
    """Processor time in µs that the processes of the hub have used, by service."""
    of_programs = programs(running)
    used: Counter[str] = Counter(dict.fromkeys(sorted(of_programs.values()), 0))
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            name = of_programs.get(int(entry.name)) or of_programs.get(int(fields[1]))
            if name:
                used[name] += (int(fields[11]) + int(fields[12])) * 1_000_000 // CLOCK_TICKS
    return used


def programs(running: WholeHub) -> dict[int, str]:
    names = json.loads((running.home / "run" / "processes.json").read_text())
    return {pid: name for name, pid in names.items()}


async def until_level(running: WholeHub) -> None:
    """Wait until the read models and the stream have reached the end of the log."""
    database_url = running.addresses["database_url"]
    client = await nats.connect(running.addresses["nats_url"])
    try:
        head = await query(database_url, HEAD)

        async def are_level() -> bool:
            return await query(database_url, READ_MODELS_AT) >= head and await stream_at(client) >= head

        await until(are_level, "all are level", within_s=LEVEL_WITHIN_S, longest_pause_s=MEASURED_TO_S)
    finally:
        await client.close()


async def stream_at(client) -> int:
    jetstream = client.jetstream()
    try:
        state = (await jetstream.stream_info(PAYMENTS_STREAM)).state
        last = await jetstream.get_msg(PAYMENTS_STREAM, seq=state.last_seq)
    except nats.js.errors.APIError:
        # The stream is missing or empty.
        return 0
    return int(last.headers[HEADER_POSITION])


# --- refill of a lost stream -----------------------------------------------------------------------


async def refill() -> None:
    """Measure the refill of a deleted stream from the log, while its consumers run."""
    async with whole_hub() as running:
        head = await fill_log(running.addresses["database_url"], payments=REFILLED_PAYMENTS)
        await until_level(running)
        client = await nats.connect(running.addresses["nats_url"])
        await client.jetstream().delete_stream(PAYMENTS_STREAM)
        start = time.perf_counter()

        async def is_whole() -> bool:
            return await stream_at(client) >= head

        await until(is_whole, "the stream is whole", within_s=LEVEL_WITHIN_S, longest_pause_s=MEASURED_TO_S)
        took_s = time.perf_counter() - start
        await client.close()
        row(
            f"refill of a lost stream with {head:,} events, whole hub",
            f"{head / took_s:,.0f} events/s",
            f"in {took_s:.1f} s",
            "at least 30,000/s",
        )


# --- reading over HTTP -----------------------------------------------------------------------------


async def reads() -> None:
    """Measure the most frequent requests of frontends."""
    async with whole_hub() as running:
        listed = [f"/payments/api/pending/?padaria_slug={SLUG}&limit=50"]
        await _created(running, 50, PIX)
        await _read(running, "list of 50 payments without e-mail addresses", listed)
        numbers = await _created(running, 500, PIX_OF_A_PAYER)
        await _read(running, "list of 50 payments with sealed e-mail addresses", listed, goal="at least 2,500/s")
        await _read(running, "check of a payment", [f"/payments/api/check/{number}/" for number in numbers])
        await _read(running, "events of a payment", [f"/payments/api/{number}/events/" for number in numbers])


async def _created(running: WholeHub, count: int, body: bytes) -> list[int]:
    """Create payments one after the other, wait for the read models, and return the payments' numbers."""
    numbers = []
    headers = {"Content-Type": "application/json", **running.headers}
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(count):
            async with session.post(f"{running.url}/payments/pix", data=body) as answer:
                numbers.append((await answer.json())["payment"]["id"])
    await until_level(running)
    return numbers


async def _read(running: WholeHub, what: str, paths: list[str], *, goal: str = "") -> None:
    asked = [request("GET", path, b"", running.headers) for path in paths]
    measured = await load_from_outside(running.port, asked)
    assert set(measured.statuses) == {200}, measured.statuses
    row(f"{what}, over HTTP", f"{measured.per_second:,.0f}/s (p50 {measured.p50_ms:.1f} ms)", "", goal)


# --- watching --------------------------------------------------------------------------------------


async def watching() -> None:
    """Measure the monitor's processor time and memory with many watched payments of many accounts, without changes."""
    accounts = [
        {
            "access_token": f"APP_USR-watched-{number}",
            "collector_id": 500_000 + number,
            "nickname": f"Loja {number}",
            "webhook_secret": "s" * 32,
        }
        for number in range(WATCHED_ACCOUNTS)
    ]
    merchants = [f"loja-{number}" for number in range(WATCHED_ACCOUNTS)]
    async with whole_hub(EXTRATO_SANDBOX_ACCOUNTS=json.dumps(accounts)) as running:
        headers = {"Authorization": f"Bearer {(running.home / 'admin-api-key').read_text().strip()}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for slug, account in zip(merchants, accounts, strict=True):
                wanted = {"slug": slug, "name": account["nickname"], "city": "Recife"}
                async with session.post(f"{running.url}/admin/merchants", json=wanted) as answer:
                    assert answer.status == 201, await answer.text()
                url = f"{running.url}/admin/merchants/{slug}/providers/mercado_pago"
                credential = {name: account[name] for name in ("access_token", "webhook_secret")}
                async with session.put(url, json=credential) as answer:
                    assert answer.status == 200, await answer.text()
        make = functools.partial(watched_payments, merchants=merchants)
        await append_all(running.addresses["database_url"], WATCHED_PAYMENTS, make)
        await until_level(running)
        await asyncio.sleep(SETTLE_S)
        before, started_at = cpu_of(running), time.perf_counter()
        asked_before = await questions(running)
        await asyncio.sleep(HUB_SECONDS)
        took_s = time.perf_counter() - started_at
        used = (cpu_of(running)["monitor"] - before["monitor"]) / took_s / 10_000
        asked = (await questions(running) - asked_before) / took_s
        monitor = next(pid for pid, name in programs(running).items() if name == "monitor")
        pages = int(Path(f"/proc/{monitor}/statm").read_text().split()[1])
        row(
            f"{WATCHED_PAYMENTS:,} watched payments of {WATCHED_ACCOUNTS} accounts, the monitor",
            f"{used:.1f} % of a core, {pages * resource.getpagesize() >> 20} MiB, {asked:,.0f} questions/s",
        )


async def questions(running: WholeHub) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{running.sandbox_url}/_sandbox/stats") as answer:
        return (await answer.json())["requests"]["total"]


# --- sockets ---------------------------------------------------------------------------------------


async def sockets() -> None:
    """Measure creations, and the time from approvals to frames, while many payers' sockets are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, OPEN_SOCKETS + 4096)), hard))
    async with whole_hub() as running, payers_sockets(running, OPEN_SOCKETS):
        await approve(running, f", {OPEN_SOCKETS:,} other sockets open")
        requests = [
            request("POST", "/payments/pix", PIX_OF_A_PAYER, {"Content-Type": "application/json", **running.headers})
        ]
        made = await load_from_outside(running.port, requests)
        assert set(made.statuses) == {201}, made.statuses
        row(
            f"Pix creations with {OPEN_SOCKETS:,} open sockets, whole hub",
            f"{made.per_second:,.0f}/s (p50 {made.p50_ms:.1f} ms, p99 {made.p99_ms:.1f} ms)",
        )


@contextlib.asynccontextmanager
async def payers_sockets(running: WholeHub, count: int):
    """Open sockets of waiting payers from many addresses, and answer the gateway's pings."""
    sessions, listening = [], []
    try:
        for number in range(-(-count // SOCKETS_OF_AN_ADDRESS)):
            local = (f"127.0.1.{number + 1}", 0)
            connector = aiohttp.TCPConnector(limit=0, local_addr=local)
            sessions.append(aiohttp.ClientSession(connector=connector))
        targets = []
        for _ in range(-(-count // SOCKETS_OF_A_PAYER)):
            async with sessions[0].post(
                f"{running.url}/payments/pix", json={"value": 35}, headers=running.headers
            ) as answer:
                made = await answer.json()
            token = made["payment_url"].partition("?t=")[2]
            targets += [f"{running.url}/ws?payment_id={made['payment']['id']}&t={token}"] * SOCKETS_OF_A_PAYER
        for first in range(0, count, 200):
            opened = await asyncio.gather(
                *(
                    sessions[nth // SOCKETS_OF_AN_ADDRESS].ws_connect(targets[nth])
                    for nth in range(first, min(first + 200, count))
                )
            )
            listening += [asyncio.create_task(hear_nothing(socket)) for socket in opened]
        yield
    finally:
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        for session in sessions:
            await session.close()


async def hear_nothing(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for _ in socket:
        continue


async def approval() -> None:
    """Measure the time from approvals at the provider to the frames on a merchant's socket, at 100 a second."""
    async with whole_hub() as running:
        await approve(running)


async def approve(running: WholeHub, beside: str = "") -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        count = int(100 * SECONDS)
        preferences = []
        for _ in range(count):
            body = {"padaria_slug": SLUG, "items": [{"nome": "Pão Francês", "quantidade": 10}]}
            url = f"{running.url}/payments/api/generate-link/"
            async with session.post(url, json=body, headers=running.headers) as answer:
                link = await answer.json()
                preferences.append((link["payment_id"], link["preference_id"]))
        paid: dict[int, float] = {}
        latencies: list[float] = []
        listening = asyncio.create_task(listen(session, running, paid, latencies, count))
        await asyncio.sleep(0.5)
        start = time.perf_counter()
        paying = []
        for number, (payment_id, preference_id) in enumerate(preferences):
            await asyncio.sleep(max(0, start + number / 100 - time.perf_counter()))
            paid[payment_id] = time.perf_counter()
            paying.append(asyncio.create_task(pay(session, running, preference_id)))
        await asyncio.gather(*paying)
        async with asyncio.timeout(20):
            await listening
    latencies.sort()
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    row(
        f"from an approval at the provider to its WebSocket frame, 100/s, whole hub{beside}",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms ({len(latencies)} payments)",
        "from before the request that approves",
        "p50 under 15 ms, p99 under 60 ms",
    )


async def pay(session: aiohttp.ClientSession, running: WholeHub, preference_id: str) -> None:
    body = {"preference_id": preference_id, "outcome": "approved", "method": "visa"}
    async with session.post(f"{running.sandbox_url}/_sandbox/pay", json=body) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()


async def listen(session, running: WholeHub, paid: dict[int, float], latencies: list[float], count: int) -> None:
    async with session.ws_connect(
        f"{running.url}/ws", params={"padaria_slug": SLUG}, headers=running.headers
    ) as socket:
        async for message in socket:
            at = time.perf_counter()
            frame = message.json()
            if frame["type"] == "event" and frame["event"] == "StatusChanged":
                latencies.append(at - paid[frame["payment_id"]])
                if len(latencies) == count:
                    return


# --- start -----------------------------------------------------------------------------------------


async def start() -> None:
    """Measure the time from `make up` to `extrato is ready`, with installed dependencies."""
    with new_home() as home:
        took = []
        for _ in range(4):
            started_at = time.perf_counter()
            child = await start_hub(home, free_port(), free_port())
            took.append(time.perf_counter() - started_at)
            child.terminate()
            await child.wait()
    row("from `make up` to ready, new home", f"{took[0]:.1f} s", "", "under 6 s")
    row("from `make up` to ready, existing home, median of 3", f"{statistics.median(took[1:]):.1f} s", "", "under 6 s")
