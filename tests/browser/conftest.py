"""A real browser as the payer's, with the whole hub. Everything here runs in the session's event loop."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from contracts.events import Item
from extrato.errors import ProviderUnavailable
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.use_cases.payments import load_payment
from extrato.values import Payer
from services.gateway.http.payer_tokens import payer_tokens
from tests.running_hub import CAUSE, MERCHANT, RunningHub, in_good_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from extrato.use_cases.hub import Hub

PHONE = {"width": 390, "height": 760}


@pytest_asyncio.fixture(loop_scope="session")
async def hub(shared_hub: RunningHub) -> AsyncIterator[RunningHub]:
    """The worker's hub, in the event loop of the browser."""
    async with in_good_order(shared_hub) as hub:
        yield hub


@pytest_asyncio.fixture(loop_scope="session")
async def keyless_hub(shared_keyless_hub: RunningHub) -> AsyncIterator[RunningHub]:
    """The worker's hub in open mode, in the event loop of the browser."""
    async with in_good_order(shared_keyless_hub) as hub:
        yield hub


class Visit:
    """Errors in the browser, and requests to other hosts, which no page may cause."""

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
        # The browser reports a redirect that a script does not follow, without sending it.
        if request.redirected_from is None or request.is_navigation_request():
            self._note_exchange(request)

    def _note_exchange(self, request: Request) -> None:
        # Only a navigation to the checkout may reach the provider.
        may_be_provider = request.is_navigation_request() or self._provider in request.frame.url
        self._note_address(request.url, may_be_provider=may_be_provider)

    def _note_address(self, address: str, *, may_be_provider: bool) -> None:
        place = urlsplit(address).netloc
        if place != self._ours and not (may_be_provider and place == self._provider):
            self.strangers.append(address)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        # The browser reports each page with an error status, which is intended.
        told_of_page = "Failed to load resource" in message.text and message.page is not None
        if told_of_page and message.location["url"] == message.page.url:
            return
        self.complaints.append(f"{message.location['url']}: {message.text}")


@pytest_asyncio.fixture(loop_scope="session")
async def browse(chromium: Browser, hub: RunningHub) -> AsyncIterator[Any]:
    """Return a function that opens a page on a new phone; at the end, no page may have reported an error."""
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


class LogWriter:
    """Opens payments in the hub's log that the interface cannot create, such as payments that last seconds."""

    def __init__(self, hub: Hub, running: RunningHub) -> None:
        self._hub = hub
        self._running = running

    async def open(self, *, method: str, lifetime_s: float, provider: str | None = None) -> str:
        """Open a payment of the demo merchant, and return its payer link."""
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
        created = await create_payment(self._hub, merchant, wanted, idempotency_key=None, cause=CAUSE)
        return await self._address(created.loaded.payment_id, method)

    async def open_without_charge(self, *, method: str) -> str:
        """Open a payment while the provider does not answer: the intent is recorded, the charge is missing."""
        await self._running.faults(error_rate=1)
        with pytest.raises(ProviderUnavailable):
            await self.open(method=method, lifetime_s=600, provider="mercado_pago")
        [(number,)] = await self._running.rows(NEWEST)
        return await self._address(number, method)

    async def bank_payment_id(self, address: str) -> str:
        """Return the bank_payment_id of the payment at this address."""
        number = int(urlsplit(address).path.rstrip("/").rpartition("/")[2])
        return (await load_payment(self._hub, number)).payment.intent.bank_payment_id

    async def _address(self, number: int, method: str) -> str:
        async with asyncpg.create_pool(self._running.addresses["database_url"], min_size=1) as pool:
            tokens = await payer_tokens(self._hub.vault, pool)
        token = tokens.make(await load_payment(self._hub, number))
        path = f"/payments/pix/{number}" if method == "pix" else f"/payments/mp/pay/{number}/"
        return f"{self._running.url}{path}?t={token}"


@pytest_asyncio.fixture(loop_scope="session")
async def log_writer(hub: RunningHub) -> AsyncIterator[LogWriter]:
    async with hub.inside() as inside:
        yield LogWriter(inside, hub)
