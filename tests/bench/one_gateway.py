"""Benches of one gateway alone, on PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import itertools
import json
import operator
import statistics
import time
from typing import NamedTuple

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.process import open_database
from extrato.providers.mercado_pago.webhook import _sign, manifest
from extrato.settings import Settings
from extrato.store.migrations import migrate
from services.cli.demo import ACCOUNT_ID, SLUG, prepare_demo
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres import EmbeddedPostgres
from tests.bench.load import Connection, request
from tests.bench.running import (
    PIX,
    PIX_OF_A_PAYER,
    SECONDS,
    UNLIMITED,
    V1_PIX,
    V1_PIX_OF_A_PAYER,
    echo_rate,
    load_from_outside,
    of_library,
    process,
    query,
    row,
    until_server_answers,
)
from tests.homes import new_home
from tests.ports import free_port

# Enough for the time of a load and its warm-up.
NOTIFICATIONS = int(10_000 * (SECONDS + 2))


SECRET = "s" * 64

TURNS = 5
TURN_S = SECONDS / 4


class Beside(NamedTuple):
    """A goal: a ratio of at least `part` of another kind's, less `apart`."""

    which: str
    part: float = 1.0
    apart: float = 0.0

    def least_beside(self, ratios: dict[str, float]) -> float:
        return ratios[self.which] * self.part - self.apart


PLAIN, SEALED = "without personal data", "with the payer's e-mail address, sealed"
# What it is, the route, the body, and the goal.
CREATIONS: list[tuple[str, str, bytes, str | Beside]] = [
    (PLAIN, "/payments/pix", PIX, "a ratio of at least 0.3"),
    (f"{PLAIN}, through `/v1`", "/v1/payments", V1_PIX, Beside(PLAIN, apart=0.02)),
    (SEALED, "/payments/pix", PIX_OF_A_PAYER, Beside(PLAIN, part=0.95)),
    (f"{SEALED}, through `/v1`", "/v1/payments", V1_PIX_OF_A_PAYER, Beside(SEALED, apart=0.02)),
]


@contextlib.asynccontextmanager
async def one_gateway(provider_port: int | None = None):
    """A gateway alone on PostgreSQL (fsync on) and NATS; without `provider_port` there is no provider."""
    port = free_port()
    with new_home() as home:
        async with EmbeddedPostgres(home) as postgres, EmbeddedNats(home) as nats:
            environment = {
                "EXTRATO_HOME": str(home),
                **UNLIMITED,
                "EXTRATO_PORT": str(port),
                "EXTRATO_DATABASE_URL": postgres.url,
                "EXTRATO_NATS_URL": nats.url,
                "EXTRATO_DRAIN_S": "0",
                "EXTRATO_MERCADOPAGO_URL": f"http://127.0.0.1:{provider_port or free_port()}",
            }
            await migrate(postgres.url)
            settings, cause = Settings.from_environment(environment), Cause(correlation_id="bench", actor="operator")
            async with open_database(settings, connections=2) as pool, open_hub(settings, pool=pool, bus=None) as hub:
                demo = await prepare_demo(hub, settings, given_secret=SECRET, cause=cause)
                api_key = demo.key_file.read_text().strip()
            with process("-m", "services.gateway", log=home / "gateway.log", **environment):
                await until_server_answers(f"http://127.0.0.1:{port}/readyz")
                yield port, api_key, postgres.url


async def creations() -> None:
    """Measure durable Pix creations through HTTP, an echo, and the library's own application."""
    async with one_gateway() as (port, api_key, url):
        rates = await _in_turns(port, api_key)
        count = await query(url, "SELECT count(*) FROM stored_events WHERE topic LIKE 'PaymentOpened.%'")
    assert count >= sum(rates["created"])
    echoes = rates["echo"]
    ratios = {which: statistics.median(map(operator.truediv, rates[which], echoes)) for which, *_ in CREATIONS}
    for which, _, _, goal in CREATIONS:
        row(
            f"durable Pix creations {which}; one gateway process, fsync on",
            f"{statistics.median(rates[which]):,.0f}/s, ratio {ratios[which]:.2f}",
            f"echo {min(echoes):,.0f} to {max(echoes):,.0f}/s",
            goal if isinstance(goal, str) else f"a ratio of at least {goal.least_beside(ratios):.2f}",
        )
    # One aggregate at a time through its Application on its own PostgreSQL recorder.
    saves = await of_library("saves")
    row("the library's Application.save, one payment at a time", f"{saves:,.0f}/s", "", "none: a baseline")


async def _in_turns(port: int, api_key: str) -> dict[str, list[float]]:
    """Return the rates of each kind of creation and of the echo, by turn, and under `created` how many were made.

    All take turns, because the speed of the machine changes by half within minutes.
    """
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {api_key}"}
    rates: dict[str, list[float]] = collections.defaultdict(list)
    for _ in range(TURNS):
        rates["echo"].append(await echo_rate(PIX, seconds=TURN_S))
        for which, path, body, _ in CREATIONS:
            made = await load_from_outside(port, [request("POST", path, body, headers)], seconds=TURN_S)
            assert set(made.statuses) == {201}, made.statuses
            rates[which].append(made.per_second)
            rates["created"].append(sum(made.statuses.values()))
    return rates


async def webhooks() -> None:
    """Measure webhooks that are verified and stored before the answer, and an echo."""
    body = notification_body(10_000_000_000)
    async with one_gateway() as (port, _, url):
        # Each webhook is different, because the gateway stores a repetition only once.
        requests = list(itertools.islice(signed_notifications(), NOTIFICATIONS))
        before = await echo_rate(body)
        taken = await load_from_outside(port, requests)
        after = await echo_rate(body)
        assert set(taken.statuses) == {200}, taken.statuses
        stored = await query(url, "SELECT count(*) FROM webhook_deliveries WHERE verdict = 'verified'")
        assert stored >= sum(taken.statuses.values())
        row(
            "webhooks verified and durable before the answer, without the provider",
            f"{taken.per_second:,.0f}/s (p50 {taken.p50_ms:.1f} ms, p99 {taken.p99_ms:.1f} ms)",
            f"echo {before:,.0f} and {after:,.0f}/s: ratio {taken.per_second / ((before + after) / 2):.2f}",
            "at least 0.25",
        )


async def slow_provider() -> None:
    """Measure the time to answer a webhook while the provider accepts every request and answers none."""

    async def hang(reader, writer) -> None:
        await reader.read()
        writer.close()

    provider = await asyncio.start_server(hang, "127.0.0.1", 0)
    async with one_gateway(provider.sockets[0].getsockname()[1]) as (port, _, _url):
        requests = itertools.islice(signed_notifications(), int(200 * SECONDS))
        answered = await paced(port, list(requests), per_second=200)
    provider.close()
    row(
        "from a webhook to its answer at 200/s, while the provider does not answer",
        f"p50 {answered[len(answered) // 2] * 1000:.1f} ms, p99 {answered[int(len(answered) * 0.99)] * 1000:.1f} ms",
        "",
        "p99 under 50 ms",
    )


async def paced(port: int, requests: list[bytes], *, per_second: float) -> list[float]:
    """Send requests at a steady rate, and return the sorted latencies in seconds."""
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


def notification_body(number: int) -> bytes:
    """Return Mercado Pago's description of a payment."""
    return json.dumps(
        {
            "action": "payment.updated",
            "api_version": "v1",
            "data": {"id": str(number)},
            "date_created": "2026-11-23T12:00:00Z",
            "id": 1,
            "live_mode": True,
            "type": "payment",
            "user_id": ACCOUNT_ID,
        }
    ).encode()


def signed_notifications():
    """Webhooks, each about another payment, with the provider's signature."""
    for number in itertools.count(10_000_000_000):
        ts = str(int(time.time()))
        request_id = f"bench-{number}"
        signature = _sign(SECRET, manifest(data_id=str(number), request_id=request_id, ts=ts))
        yield request(
            "POST",
            f"/webhooks/mercadopago/{SLUG}/?data.id={number}&type=payment",
            notification_body(number),
            {
                "Content-Type": "application/json",
                "x-signature": f"ts={ts},v1={signature}",
                "x-request-id": request_id,
            },
        )
