"""A real browser in a payer's hands, before the whole hub. Everything here lives in the session's event loop."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from contracts.envelope import Cause
from contracts.events import Item
from extrato.assembly import open_hub
from extrato.errors import ProviderUnavailable
from extrato.ports import Payer
from extrato.process import open_bus, open_database
from extrato.settings import Settings
from extrato.use_cases.merchants import MerchantDirectory
from extrato.use_cases.open_payment import NewPayment, open_payment
from services.gateway.http.context import PAYER_TOKENS, PayerTokens
from tests.running_hub import MERCHANT, NO_FAULTS, RunningHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = {"width": 390, "height": 760}
# Longer than a page that asks every five seconds takes, on a machine that has much else to do.
PATIENCE_MS = 20_000


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, without a window and with a profile that is thrown away."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def hub(shared_hub: RunningHub) -> AsyncIterator[RunningHub]:
    """The shared hub with no fault set, in the loop of the browser."""
    async with aiohttp.ClientSession() as session:
        fresh = RunningHub(shared_hub.home, shared_hub.url, shared_hub.sandbox_url, session)
        await fresh.faults(**NO_FAULTS)
        yield fresh
        await fresh.faults(**NO_FAULTS)


class Visit:
    """What a browser did that no page of ours may make it do: complain, or speak to somebody else."""

    def __init__(self, context: BrowserContext, hub_url: str, provider_url: str) -> None:
        self.context = context
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        self._ours = urlsplit(hub_url).netloc
        self._provider = urlsplit(provider_url).netloc
        context.on("request", self._note_request)
        context.on("response", lambda response: self._note_exchange(response.request))
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    async def page(self) -> Page:
        page = await self.context.new_page()
        page.on("websocket", lambda socket: self._note_address(socket.url, may_be_provider=False))
        return page

    def _note_request(self, request: Request) -> None:
        # A redirect that a script does not follow is told of by the browser, and is not sent.
        if request.redirected_from is None or request.is_navigation_request():
            self._note_exchange(request)

    def _note_exchange(self, request: Request) -> None:
        # Only a person who goes to the provider's checkout speaks to the provider.
        may_be_provider = request.is_navigation_request() or self._provider in request.frame.url
        self._note_address(request.url, may_be_provider=may_be_provider)

    def _note_address(self, address: str, *, may_be_provider: bool) -> None:
        place = urlsplit(address).netloc
        if place != self._ours and not (may_be_provider and place == self._provider):
            self.strangers.append(address)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # A browser tells of every page whose status is an error; that is how the page is meant.
        told_of_page = "Failed to load resource" in message.text and message.page is not None
        if told_of_page and message.location["url"] == message.page.url:
            return
        self.complaints.append(f"{message.location['url']}: {message.text}")


@pytest_asyncio.fixture(loop_scope="session")
async def browse(chromium: Browser, hub: RunningHub) -> AsyncIterator[Any]:
    """A function that opens a page on a phone of its own; at the end of the test none of them has complained."""
    visits = []

    async def open_page(**options: Any) -> Page:
        context = await chromium.new_context(**{"viewport": PHONE, "locale": "pt-BR", **options})
        visits.append(Visit(context, hub.url, hub.sandbox_url))
        return await visits[-1].page()

    yield open_page
    for visit in visits:
        await visit.context.close()
    assert [visit.complaints for visit in visits if visit.complaints] == []
    assert [visit.strangers for visit in visits if visit.strangers] == []


NEWEST = "SELECT max((convert_from(state, 'UTF8')::json ->> 'payment_id')::bigint) FROM stored_events"


class Brief:
    """Opens payments as the interface does not, such as some that live for seconds, in the hub's own log."""

    def __init__(self, hub: Any, settings: Settings, running: RunningHub) -> None:
        self._hub = hub
        self._settings = settings
        self._running = running

    async def open(self, *, method: str, lifetime_s: float, provider: str | None = None) -> str:
        """Open a payment of the demo merchant and give the address for its payer."""
        merchant = await MerchantDirectory(self._hub.log).get(MERCHANT)
        wanted = NewPayment(
            provider=provider or ("pix" if method == "pix" else "mercado_pago"),
            method=method,
            amount_centavos=700,
            title="Pedido",
            description="1x Pão Francês",
            items=(Item(name="Pão Francês", quantity=1, unit_price_centavos=700),),
            payer=Payer(email="cliente@example.com"),
            lifetime=timedelta(seconds=lifetime_s),
        )
        cause = Cause(correlation_id="tests", actor="operator")
        loaded = await open_payment(self._hub, merchant, wanted, idempotency_key=None, cause=cause)
        return await self._address(loaded.payment_id, method)

    async def open_without_charge(self, *, method: str) -> str:
        """Open a payment of a provider that is away: the intent is there, the charge is yet to be made."""
        await self._running.faults(error_rate=1)
        with pytest.raises(ProviderUnavailable):
            await self.open(method=method, lifetime_s=600, provider="mercado_pago")
        [(number,)] = await self._running.rows(NEWEST)
        return await self._address(number, method)

    async def _address(self, number: int, method: str) -> str:
        token = PayerTokens(await self._hub.vault.secret(PAYER_TOKENS)).make(number)
        path = f"/payments/pix/{number}" if method == "pix" else f"/payments/mp/pay/{number}/"
        return f"{self._settings.public_url}{path}?t={token}"


@pytest_asyncio.fixture(loop_scope="session")
async def brief(hub: RunningHub) -> AsyncIterator[Brief]:
    settings = Settings.from_environment(
        {
            "EXTRATO_HOME": str(hub.home),
            "EXTRATO_DATABASE_URL": hub.addresses["database_url"],
            "EXTRATO_NATS_URL": hub.addresses["nats_url"],
            "EXTRATO_MERCADOPAGO_URL": hub.sandbox_url,
            "EXTRATO_PUBLIC_URL": hub.url,
        }
    )
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(open_database(settings, connections=2))
        bus = await parts.enter_async_context(open_bus(settings, name="tests"))
        yield Brief(await parts.enter_async_context(open_hub(settings, pool=pool, bus=bus)), settings, hub)
