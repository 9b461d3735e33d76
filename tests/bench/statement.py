"""The bench of a statement: a day with 100,000 payments of one merchant."""

from __future__ import annotations

import asyncio
import functools
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import aiohttp
import psutil

from tests.bench.filling import paid_payments
from tests.bench.one_gateway import one_gateway
from tests.bench.running import ROOT, append_all, row
from tests.pace import until

PAYMENTS = 100_000
DAY = (datetime.now(UTC) - timedelta(days=1)).date()


def paid_at(number: int) -> datetime:
    """Spread the payments evenly over the day."""
    begin = datetime.combine(DAY, datetime.min.time(), UTC)
    return begin + timedelta(days=1) * (number % PAYMENTS / PAYMENTS)


async def statement() -> None:
    """Measure the sums and the lines of one day over HTTP, and the memory of the gateway meanwhile."""
    async with one_gateway() as (port, api_key, database_url):
        events = await append_all(database_url, PAYMENTS, functools.partial(paid_payments, paid_at=paid_at))
        start = time.perf_counter()
        environment = {**os.environ, "EXTRATO_DATABASE_URL": database_url}
        words = ("-m", "services.projections", "rebuild", "statement")
        subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True, capture_output=True)
        rebuilt_s = time.perf_counter() - start
        row(f"rebuilding statement from {events:,} events, whole process", f"{events / rebuilt_s:,.0f} events/s")
        [gateway] = [each for each in psutil.Process().children() if "services.gateway" in each.cmdline()]
        address = f"http://127.0.0.1:{port}/v1/statement?from={DAY}&to={DAY}&timezone=UTC"
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {api_key}"}) as session:
            await until(lambda: _answers(session, address + "&group_by=day"), "the statement answers", within_s=60)
            totals = [(await _read(session, address + "&group_by=day", gateway))[0] for _ in range(20)]
            row(
                f"statement of a day of {PAYMENTS:,} payments: totals, over HTTP",
                f"p50 {statistics.median(totals) * 1000:.1f} ms, the slowest of 20 {max(totals) * 1000:.1f} ms",
                "",
                "at most 100 ms",
            )
            for what, more in (("CSV", "&format=csv&locale=pt-BR"), ("JSON", "")):
                read = [await _read(session, address + more, gateway) for _ in range(5)]
                assert {each[1] for each in read} == {read[0][1]}
                row(
                    f"the same: {PAYMENTS:,} lines as {what}, {read[0][1] / 1e6:.0f} MB",
                    f"p50 {statistics.median(each[0] for each in read):.2f} s, "
                    f"{max(each[2] for each in read) / 2**20:+.1f} MiB of the gateway",
                    "",
                    "at most 0.8 s, + 16 MiB" if what == "CSV" else "",
                )


async def _answers(session: aiohttp.ClientSession, address: str) -> bool:
    async with session.get(address) as answer:
        return answer.status == 200


async def _read(session: aiohttp.ClientSession, address: str, gateway: psutil.Process) -> tuple[float, int, int]:
    """Return the seconds and bytes of an answer, and how much the gateway's memory grew at the most."""
    before = highest = gateway.memory_info().rss
    start, size, measured_at = time.perf_counter(), 0, 0.0
    async with session.get(address) as answer:
        assert answer.status == 200, await answer.text()
        async for chunk in answer.content.iter_chunked(1 << 16):
            size += len(chunk)
            if time.perf_counter() - measured_at > 0.02:
                measured_at = time.perf_counter()
                highest = max(highest, gateway.memory_info().rss)
            await asyncio.sleep(0)
    return time.perf_counter() - start, size, highest - before
