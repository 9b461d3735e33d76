"""A simulated Mercado Pago for every test, a shop that receives its webhooks, and the official clients."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
import mercadopago
import pytest
from aiohttp import web
from mercadopago.http import HttpClient

from services.sandbox.app import create_app
from services.sandbox.state.accounts import DEMO_ACCOUNT, Account
from services.sandbox.state.settings import Settings
from tests.pace import within
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

PATIENCE_S = 5.0
OTHER_ACCOUNT = Account(
    access_token="APP_USR-other", collector_id=200, nickname="Loja ao Lado", webhook_secret="other-secret"
)
BREAD = {"title": "Pão francês", "quantity": 10, "unit_price": 0.75, "currency_id": "BRL"}


def pix_order(*, amount: str = "7.50", payment: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The body of an order paid by Pix; `payment` changes its one payment, other keywords the root."""
    pix = {"amount": amount, "payment_method": {"id": "pix", "type": "bank_transfer"}, **(payment or {})}
    return {
        "type": "online",
        "processing_mode": "automatic",
        "total_amount": amount,
        "external_reference": "PED-1",
        "payer": {"email": "ana@example.com"},
        "transactions": {"payments": [pix]},
        **changes,
    }


class SandboxHttpClient(HttpClient):
    """Sends the requests of the official Python SDK to the sandbox, through the SDK's own extension point."""

    def __init__(self, url: str) -> None:
        self._url = url

    def request(self, method, url, maxretries=None, **kwargs):
        return super().request(method, url.replace("https://api.mercadopago.com", self._url, 1), maxretries, **kwargs)


@dataclass
class Sandbox:
    """A running sandbox, with methods for its requests."""

    settings: Settings
    session: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return self.settings.public_url

    @property
    def sdk(self) -> mercadopago.SDK:
        return self.sdk_of(DEMO_ACCOUNT)

    def sdk_of(self, account: Account) -> mercadopago.SDK:
        return mercadopago.SDK(account.access_token, http_client=SandboxHttpClient(self.url))

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        account: Account = DEMO_ACCOUNT,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Send one provider request, and return the status and the decoded body (`None` when empty)."""
        headers = {"Authorization": f"Bearer {account.access_token}", **(headers or {})}
        if key is not None:
            headers["X-Idempotency-Key"] = key
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            raw = await response.read()
            return response.status, await response.json() if raw else None

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        body = {} if body is None and method != "GET" else body
        async with self.session.request(method, f"{self.url}/_sandbox/{path}", json=body) as response:
            return response.status, await response.json()

    async def pay(self, **order: Any) -> dict[str, Any]:
        status, body = await self.control("POST", "pay", order)
        assert status == 200, body
        return body

    async def end_refund(self, refund_id: int | str, status: str) -> dict[str, Any]:
        """End a refund in process or reverse an approved one, and return the payment."""
        answered, body = await self.control("POST", f"refunds/{refund_id}", {"status": status})
        assert answered == 200, body
        return body

    async def money(self, external_reference: str) -> dict[str, Any]:
        status, body = await self.control("GET", f"money?external_reference={external_reference}")
        assert status == 200, body
        return body

    async def faults(self, **change: Any) -> None:
        status, body = await self.control("PUT", "faults", change)
        assert status == 200, body

    async def preference(self, **terms: Any) -> dict[str, Any]:
        status, body = await self.call("POST", "/checkout/preferences", {"items": [BREAD], **terms})
        assert status == 201, body
        return body

    async def pix(self, *, key: str = "pix", **terms: Any) -> dict[str, Any]:
        order = {
            "transaction_amount": 7.5,
            "payment_method_id": "pix",
            "payer": {"email": "ana@example.com"},
            **terms,
        }
        status, body = await self.call("POST", "/v1/payments", order, key=key)
        assert status == 201, body
        return body

    async def order(self, *, key: str = "order", account: Account = DEMO_ACCOUNT, **changes: Any) -> dict[str, Any]:
        status, body = await self.call("POST", "/v1/orders", pix_order(**changes), key=key, account=account)
        assert status == 201, body
        return body

    async def shown_order(self, order_id: str) -> dict[str, Any]:
        status, body = await self.call("GET", f"/v1/orders/{order_id}")
        assert status == 200, body
        return body

    async def panel(self, **settings: Any) -> None:
        status, body = await self.control("PUT", f"accounts/{DEMO_ACCOUNT.collector_id}", settings)
        assert status == 200, body

    async def stats(self) -> dict[str, Any]:
        _, body = await self.control("GET", "stats")
        return body

    async def payment(self, payment_id: int) -> dict[str, Any]:
        status, body = await self.call("GET", f"/v1/payments/{payment_id}")
        assert status == 200, body
        return body


@dataclass
class ReceivedWebhook:
    """One webhook as received."""

    query: dict[str, str]
    headers: Any
    body: dict[str, Any]

    @property
    def format(self) -> str:
        return self.headers["User-Agent"].removeprefix("MercadoPago ")


@dataclass
class Shop:
    """A merchant's server, which stores webhooks and answers as configured."""

    url: str = ""
    answer: Callable[[int], Awaitable[int]] | None = None
    webhooks: list[ReceivedWebhook] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def receive(self, request: web.Request) -> web.Response:
        self.webhooks.append(ReceivedWebhook(dict(request.query), request.headers, await request.json()))
        count = len(self.webhooks)
        async with self.changed:
            self.changed.notify_all()
        status = 200 if self.answer is None else await self.answer(count)
        return web.Response(status=status)

    async def wait_for_webhooks(self, count: int) -> list[ReceivedWebhook]:
        """Wait until so many webhooks have arrived, and return all."""
        async with within(PATIENCE_S), self.changed:
            await self.changed.wait_for(lambda: len(self.webhooks) >= count)
        return self.webhooks


@asynccontextmanager
async def serving(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Sandbox]:
    async with serving(create_app(settings), settings.port), aiohttp.ClientSession() as session:
        yield Sandbox(settings, session)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    port = free_port()
    return Settings(
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        data=tmp_path / "sandbox",
        accounts=(DEMO_ACCOUNT, OTHER_ACCOUNT),
    )


@pytest.fixture
def order_terms() -> Callable[..., dict[str, Any]]:
    return pix_order


@pytest.fixture
def other_account() -> Account:
    return OTHER_ACCOUNT


@pytest.fixture
def start(settings: Settings) -> Callable[..., Any]:
    """Start sandboxes with changed settings; `async with start(...)` also ends them, for a restart."""

    def with_settings(**changes: Any):
        return running(replace(settings, **changes))

    return with_settings


@pytest.fixture
async def sandbox(settings: Settings) -> AsyncIterator[Sandbox]:
    async with running(settings) as sandbox:
        yield sandbox


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    app = web.Application()
    app.router.add_post("/hook", shop.receive)
    port = free_port()
    shop.url = f"http://127.0.0.1:{port}/hook"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving(app, port))
        yield shop
