"""The three roles of a hub and a simulated Mercado Pago in this process, and the spans that they record."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from extrato import tracing
from extrato.assembly import open_hub
from extrato.bus.connection import connect
from extrato.domain import merchant as merchant_domain
from extrato.domain.products import PriceProduct
from extrato.health import RoleHealth
from extrato.open_telemetry import OpenTelemetry, traceparent_of
from extrato.settings import Settings
from extrato.use_cases.change_merchant import DEFAULT_SCOPES, change_merchant, new_api_key
from extrato.use_cases.provider_accounts import connect_provider
from extrato.values import Credential
from services.gateway.app import serve as serve_gateway
from services.monitor.app import serve as serve_monitor
from services.projections.app import serve as serve_projections
from services.sandbox.webhooks.signature import signature_header
from tests.integration.bus.running import running
from tests.integration.monitor.conftest import ACCOUNTS, CAUSE, Sandbox, sandbox  # noqa: F401 - a fixture
from tests.pace import until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

    from services.cli.embedded.nats import EmbeddedNats

SLUG = "padaria"
LINK = {
    "padaria_slug": SLUG,
    "items": [{"nome": "Pão", "quantidade": 10}],
    "payer_email": "maria@example.com",
}


class Spans:
    """The ended spans of this process."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer = OpenTelemetry("extrato-tests", exporter=self.exporter)

    def all(self) -> tuple[ReadableSpan, ...]:
        self.tracer._provider.force_flush()
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    async def wait_for(self, name: str, *, linked_to: ReadableSpan) -> ReadableSpan:
        """Wait for a span with a link to another one."""
        wanted = context_of(linked_to)
        found: list[ReadableSpan] = []

        async def is_found() -> bool:
            spans = self.named(name)
            found[:] = [span for span in spans if wanted in {traceparent_of(link.context) for link in span.links}]
            return bool(found)

        await until(is_found, f"a span {name!r}")
        return found[0]


def context_of(span: ReadableSpan) -> str:
    """The `traceparent` of a span."""
    assert span.context is not None
    return traceparent_of(span.context)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    spans = Spans()
    monkeypatch.setattr(tracing, "_tracer", spans.tracer)
    yield spans
    spans.tracer.shut_down(within_s=5)


@dataclass
class RunningHub:
    """A hub and a client with the key of its merchant."""

    url: str
    nats: EmbeddedNats
    pool: asyncpg.Pool
    session: aiohttp.ClientSession
    api_key: str

    async def send_webhook(self, number: str) -> None:
        """Send a signed notice about a payment of Mercado Pago."""
        secret, ts = ACCOUNTS[SLUG].webhook_secret, str(int(time.time()))
        signature = signature_header(secret=secret, data_id=number, request_id="a-request", ts=ts)
        headers = {"x-signature": signature, "x-request-id": "a-request"}
        url = f"{self.url}/webhooks/mercadopago/{SLUG}/?type=payment&data.id={number}"
        async with self.session.post(url, data=b"{}", headers=headers) as response:
            assert response.status == 200

    async def create_link(self, **headers: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.api_key}", **headers}
        url = f"{self.url}/payments/api/generate-link/"
        async with self.session.post(url, json=LINK, headers=headers) as response:
            body = await response.json()
            assert response.status == 200, body
            return body


@contextlib.asynccontextmanager
async def running_hub(
    home: Path,
    database_url: str,
    nats: EmbeddedNats,
    sandbox: Sandbox,  # noqa: F811 - as above
) -> AsyncIterator[RunningHub]:
    home.mkdir(mode=0o711, exist_ok=True)
    settings = Settings.from_environment(
        {
            "EXTRATO_HOME": str(home),
            "EXTRATO_PORT": str(free_port()),
            "EXTRATO_DATABASE_URL": database_url,
            "EXTRATO_NATS_URL": nats.url,
            "EXTRATO_MERCADOPAGO_URL": sandbox.url,
            "EXTRATO_FINISH_TIMEOUT_S": "1",
        }
    )
    url = f"http://127.0.0.1:{settings.port}"
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(asyncpg.create_pool(database_url, min_size=1, max_size=4))
        bus = await connect(nats.url, name="tests")
        parts.push_async_callback(bus.close)
        hub = await parts.enter_async_context(open_hub(settings, pool=pool, bus=bus))
        register = merchant_domain.Register(slug=SLUG, name="Padaria", city="Sao Paulo")
        api_key, issue = new_api_key(SLUG, DEFAULT_SCOPES)
        price = PriceProduct(name="Pão", price_centavos=350)
        await change_merchant(hub, SLUG, [register, issue, price], cause=CAUSE)
        account = ACCOUNTS[SLUG]
        credential = Credential(
            access_token=account.access_token,
            webhook_secret=account.webhook_secret,
            account_id=str(account.collector_id),
        )
        await connect_provider(hub, SLUG, "mercado_pago", credential, cause=CAUSE)
        session = await parts.enter_async_context(aiohttp.ClientSession())
        health = RoleHealth(), RoleHealth(), RoleHealth()
        await parts.enter_async_context(
            running(
                serve_gateway(settings, health[0]),
                serve_projections(settings, health[1]),
                serve_monitor(settings, health[2]),
            )
        )

        async def is_ready() -> bool:
            return all(each.has_started for each in health)

        await until(is_ready, "the roles are ready")
        yield RunningHub(url, nats, pool, session, api_key)
