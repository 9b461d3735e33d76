"""Benches of the list of payments: a merchant with many payments, and the read models that keep up with the log."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import asyncpg
from msgspec.structs import replace

from extrato.assembly import vault_keys
from extrato.settings import Settings
from extrato.store.event_log import EventLog
from extrato.store.log import READ_PAGE
from extrato.store.migrations import migrate
from extrato.store.page import page_of
from extrato.store.payment_keys import PaymentKeys
from extrato.store.vault import Vault
from services.cli.embedded.postgres import EmbeddedPostgres
from services.projections.read_models.registry import READ_MODELS
from services.projections.rebuild import rebuild_if_stale
from services.projections.runner import Runner
from tests.bench.filling import paid_payments
from tests.bench.one_gateway import one_gateway
from tests.bench.running import row
from tests.bench.shop import NOW, RARE, SEASONAL, YEAR, e2e_id, fill_shop
from tests.homes import new_home

if TYPE_CHECKING:
    from collections.abc import Iterator

PAYMENTS = int(os.environ.get("BENCH_PAYMENTS", "1000000"))
PAGES = 1_000
LOOKED_UP = 300
LIVE_PAYMENTS = int(os.environ.get("BENCH_LIVE", "20000"))

Filters = dict[str, Any]


def _at(days_ago: float) -> str:
    return (NOW - timedelta(days=days_ago)).isoformat().replace("+00:00", "Z")


# The lists with a goal of 8 ms, and those with a goal of 40 ms.
WALKED: list[tuple[str, Filters]] = [
    ("all", {}),
    ("status", {"status": "approved"}),
    ("rare status", {"status": "refunded"}),
    ("method", {"method": "pix"}),
    ("rare method", {"method": "mercado_pago_checkout"}),
    ("provider", {"provider": "mercado_pago"}),
    ("dates of creation", {"created_from": _at(300), "created_to": _at(100)}),
    ("dates of payment", {"paid_from": _at(300), "paid_to": _at(100)}),
    ("a day of payment", {"paid_from": _at(200), "paid_to": _at(199)}),
    ("alert", {"alert": "overpaid"}),
    ("status and method", {"status": "approved", "method": "pix"}),
]
SEARCHED: list[tuple[str, Filters]] = [
    ("frequent word", {"q": "pao"}),
    ("rare word", {"q": RARE}),
    ("word of the oldest", {"q": SEASONAL, "created_to": _at(YEAR.days * 0.75)}),
    ("two words", {"q": f"{RARE} {SEASONAL}"}),
    ("amounts", {"amount_min": 1_000, "amount_max": 5_000}),
    ("few amounts", {"amount_min": 50_000, "amount_max": 50_500}),
    ("the highest amounts", {"amount_min": 100_000}),
]


async def lists() -> None:
    """Measure pages of 50 payments of a merchant with a million, over HTTP, from the first page to page 1,000."""
    async with one_gateway() as (port, api_key, url):
        start = time.perf_counter()
        await _fill(url)
        print(f"filled {PAYMENTS:,} payments in {time.perf_counter() - start:,.0f} s", flush=True)
        await asyncio.to_thread(_measure, port, api_key)


async def _fill(url: str) -> None:
    # The gateway made the key of the vault.
    home = Path(url.partition("host=")[2]).parents[1]
    settings = Settings.from_environment({"EXTRATO_HOME": str(home), "EXTRATO_DATABASE_URL": url})
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool, pool.acquire() as connection:
        await fill_shop(connection, PaymentKeys(pool, Vault(pool, vault_keys(settings))), PAYMENTS)


class _Lists:
    """A client that reads lists over one connection."""

    def __init__(self, port: int, api_key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self.cursor: str | None = None

    def read(self, filters: Filters) -> float:
        """Read a page, note the cursor of the next one, and return how long it took, in milliseconds."""
        query = urlencode({**filters, **({"cursor": self.cursor} if self.cursor else {})})
        start = time.perf_counter()
        self._connection.request("GET", f"/v1/payments?{query}", headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - start) * 1000
        assert answer.status == 200, body
        self.cursor = json.loads(body)["next"]
        return took_ms


def _measure(port: int, api_key: str) -> None:
    lists = _Lists(port, api_key)
    for goal_ms, lists_of in ((8, WALKED), (40, SEARCHED)):
        for name, filters in lists_of:
            lists.cursor = None
            _row(name, _walk(lists, filters), goal_ms)
    for name in ("reference", "e2e_id", "charge_id"):
        lists.cursor = None
        _row(name, [lists.read({name: _value(name, number)}) for number in _some_numbers()], 8)


def _walk(lists: _Lists, filters: Filters) -> list[float]:
    """Read a list to page 1,000 or its end; a list that is shorter is read again."""
    return [lists.read(filters) for _ in range(PAGES)]


def _some_numbers() -> Iterator[int]:
    return (1 + PAYMENTS * place // LOOKED_UP for place in range(LOOKED_UP))


def _value(name: str, number: int) -> str:
    return {"reference": f"PED-{number}", "e2e_id": e2e_id(number), "charge_id": f"charge-{number}"}[name]


def _row(name: str, took_ms: list[float], goal_ms: int) -> None:
    part = len(took_ms) // 10
    first, last = statistics.median(took_ms[:part]), statistics.median(took_ms[-part:])
    ordered = sorted(took_ms)
    p99 = ordered[int(len(ordered) * 0.99)]
    row(
        f"list of 50 of {PAYMENTS:,} payments by {name}, over HTTP (`lists`)",
        f"p50 {statistics.median(ordered):.1f} ms, p99 {p99:.1f} ms; first pages {first:.1f} ms, last {last:.1f} ms",
        "",
        f"p99 at most {goal_ms} ms",
    )


async def projecting() -> None:
    """Measure all read models together on a log in which each payment is paid after two thousand others."""
    with new_home() as home:
        async with (
            EmbeddedPostgres(home) as postgres,
            asyncpg.create_pool(postgres.url, min_size=1, max_size=4) as pool,
        ):
            await migrate(postgres.url)
            log = EventLog(pool)
            for read_model in READ_MODELS:
                await rebuild_if_stale(read_model, database_url=postgres.url, log=log)
            await _append_with_gaps(log)
            runner = Runner(database_url=postgres.url, pool=pool, log=log, bus=None, read_models=READ_MODELS)
            start, position = time.perf_counter(), 0
            while rows := await log.read_rows(position, limit=READ_PAGE):
                page = page_of(rows, after=position)
                await runner.handle(page)
                position = page.position
            took_s = time.perf_counter() - start
            await log.close()
    row("all read models, events applied live (`projecting`)", f"{position / took_s:,.0f}/s", "", "at least 8,000/s")


async def _append_with_gaps(log: EventLog) -> None:
    """Append payments in two parts: opened and charged, then paid."""
    for first in range(1, LIVE_PAYMENTS + 1, 2000):
        made = paid_payments(first, 2000)
        await asyncio.gather(*(log.append(replace(each, events=each.events[:2])) for each in made))
        await asyncio.gather(*(log.append(replace(each, events=each.events[2:], expected_version=2)) for each in made))
