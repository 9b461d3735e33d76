"""A hub with its own database, NATS and simulated Mercado Pago; a simple loop updates the read model."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
import structlog
from aiohttp import web

from contracts.envelope import Cause
from contracts.events import Item, PaymentEvent
from extrato.assembly import open_hub
from extrato.bus.connection import connect
from extrato.domain import merchant as merchant_domain
from extrato.domain.payment.identifiers import stream_id
from extrato.settings import Keep, Settings
from extrato.store.log import LogReader, LogSignal, subscribe
from extrato.store.unavailable import DATABASE_UNAVAILABLE
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.use_cases.payments import LoadedPayment, load_payment
from extrato.use_cases.provider_accounts import connect_provider
from extrato.values import Credential, Payer
from services.monitor.app import Monitor
from services.monitor.backoff import BackOff
from services.monitor.cursors import Cursors
from services.monitor.open_payments import OpenPayments
from services.monitor.sweeps import Sweeps
from services.projections.apply import apply
from services.projections.read_models.open_payments import OPEN_PAYMENTS
from services.sandbox.app import create_app
from services.sandbox.state.accounts import Account
from services.sandbox.state.settings import Settings as SandboxSettings
from tests.pace import running_s, until
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from extrato.use_cases.hub import Hub
    from services.cli.embedded.nats import EmbeddedNats

CODE = Path(__file__).parents[3]
CAUSE = Cause(correlation_id="test", actor="operator")
SLUGS = ("padaria", "mercado", "loja")
ACCOUNTS = {
    slug: Account(
        access_token=f"APP_USR-{slug}", collector_id=100 + nth, nickname=slug, webhook_secret=f"secret-{slug}"
    )
    for nth, slug in enumerate(SLUGS)
}


@dataclass
class Sandbox:
    """The simulated provider, with methods for its control API."""

    url: str
    session: aiohttp.ClientSession

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, f"{self.url}/_sandbox/{path}", json=body) as response:
            body = await response.json()
            assert response.status == 200, body
            return body

    async def pay(self, loaded: LoadedPayment, outcome: str = "approved", **terms: Any) -> dict[str, Any]:
        order = {"external_reference": loaded.payment.intent.external_reference, "outcome": outcome, **terms}
        return await self.control("POST", "pay", order)

    async def faults(self, **change: Any) -> None:
        await self.control("PUT", "faults", change)

    async def request_count(self, route: str = "GET /v1/payments/search") -> int:
        stats = await self.control("GET", "stats")
        return stats["requests"]["by_route"].get(route, 0)


class Faulty:
    """The provider with some methods replaced."""

    def __init__(self, provider: Any, **instead: Any) -> None:
        self._provider = provider
        self._instead = instead

    def __getattr__(self, name: str) -> Any:
        return self._instead.get(name) or getattr(self._provider, name)


async def seconds_until(condition: Callable[[], Awaitable[bool]], what: str, *, within_s: float = 10) -> float:
    """Wait until a condition holds; gives the seconds that it took."""
    began_at_s = running_s()
    await until(condition, what, within_s=within_s)
    return running_s() - began_at_s


@dataclass
class World:
    settings: Settings
    pool: asyncpg.Pool
    hub: Hub
    nats: EmbeddedNats
    sandbox: Sandbox
    monitors: list[asyncio.Task[None]] = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def resume_after(self) -> timedelta:
        return timedelta(seconds=self.settings.timeouts.resume_s)

    async def open(
        self,
        slug: str = "padaria",
        *,
        provider: str = "mercado_pago",
        method: str = "checkout",
        payer: Payer | None = None,
        lifetime: timedelta = timedelta(hours=1),
        hub: Hub | None = None,
        unit_price_centavos: int = 350,
    ) -> LoadedPayment:
        """Open a payment of 35.00, charge it, and wait until it is in the read model."""
        merchant = await MerchantDirectory(self.hub.log).get(slug)
        wanted = NewPayment(
            provider=provider,
            method=method,
            amount_centavos=3500,
            title="Pedido",
            description="10x Pão",
            items=(Item(name="Pão", quantity=10, unit_price_centavos=unit_price_centavos),),
            payer=payer or Payer(),
            lifetime=lifetime,
        )
        created = await create_payment(hub or self.hub, merchant, wanted, idempotency_key=None, cause=CAUSE)
        await self.wait_until_projected(created.loaded.payment_id)
        return created.loaded

    async def wait_until_projected(self, payment_id: int) -> None:
        head = await self.hub.log.head()
        await until(lambda: self._is_projected(head), f"payment {payment_id} is in the read model")

    async def _is_projected(self, head: int) -> bool:
        query = "SELECT position >= $1 FROM checkpoints WHERE read_model = 'open_payments'"
        return bool(await self.pool.fetchval(query, head))

    async def wait_for_searches(self, times: int) -> float:
        """Wait until the provider has got so many searches, and return the seconds that it took."""

        async def is_reached() -> bool:
            return await self.sandbox.request_count() >= times

        return await seconds_until(is_reached, f"the provider has got {times} searches")

    async def status(self, loaded: LoadedPayment) -> str:
        return (await load_payment(self.hub, loaded.payment_id)).payment.status

    async def events(self, loaded: LoadedPayment, *kinds: type[PaymentEvent]) -> list[Any]:
        history = await self.hub.log.read_stream(stream_id(loaded.payment_id))
        return [envelope for envelope in history if not kinds or isinstance(envelope.event, kinds)]

    async def wait_for_status(self, loaded: LoadedPayment, status: str, *, within_s: float = 10) -> float:
        """Wait until the payment has the status, and return the seconds that it took."""

        async def is_reached() -> bool:
            return await self.status(loaded) == status

        return await seconds_until(is_reached, f"payment {loaded.payment_id} is {status}", within_s=within_s)

    def sweeps(self, hub: Hub | None = None) -> Sweeps:
        """A monitor's sweeps without timers."""
        hub = hub or self.hub
        return Sweeps(
            hub=hub,
            open_payments=OpenPayments(self.pool),
            cursors=Cursors(self.pool),
            pauses=BackOff[str](hub.now),
        )

    async def monitor(self) -> asyncio.Task[None]:
        """Run a monitor in this process, with its own connection to NATS."""
        subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def run() -> None:
            bus = await connect(self.nats.url, name="monitor")
            try:
                monitor = Monitor(hub=self.hub, pool=self.pool, bus=bus, resume_after=self.resume_after, keep=Keep())
                async with asyncio.TaskGroup() as group:
                    group.create_task(monitor.reconciler.run())
                    group.create_task(monitor.dispatcher.run())
                    await monitor.dispatcher.subscribed.wait()
                    subscribed.set_result(None)
            finally:
                await bus.close()

        task = asyncio.create_task(run())
        self.monitors.append(task)
        await asyncio.wait((task, subscribed), return_when=asyncio.FIRST_COMPLETED)
        return task

    async def monitor_process(self, **environment: str) -> asyncio.subprocess.Process:
        """Run `python -m services.monitor` and wait until it is ready."""
        ready = self.settings.home / f"monitor-{len(self.processes)}.ready"
        process = await self.spawn(ready, **environment)

        async def is_ready() -> bool:
            return ready.exists() or process.returncode is not None

        await until(is_ready, "the monitor is ready")
        assert process.returncode is None
        return process

    async def spawn(self, ready: Path, **environment: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.monitor",
            cwd=CODE,
            stderr=asyncio.subprocess.PIPE,
            env={
                "PATH": os.environ["PATH"],
                "EXTRATO_DATABASE_URL": self.settings.database_url,
                "EXTRATO_NATS_URL": self.settings.nats_url,
                "EXTRATO_MERCADOPAGO_URL": self.settings.mercado_pago_url,
                "EXTRATO_HOME": str(self.settings.home),
                "EXTRATO_READY_FILE": str(ready),
                **environment,
            },
        )
        self.processes.append(process)
        return process

    async def end(self) -> None:
        for task in self.monitors:
            while not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=0.3)
        for process in self.processes:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.communicate()


@dataclass
class Clock:
    """A clock that a test moves, and that otherwise goes on until the test stops it."""

    ahead: timedelta = timedelta(0)
    stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stopped_at or datetime.now(UTC)) + self.ahead

    def stop(self) -> None:
        """From now on only the test moves the clock."""
        self.stopped_at = datetime.now(UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = SandboxSettings(port=port, public_url=url, data=tmp_path / "sandbox", accounts=tuple(ACCOUNTS.values()))
    runner = web.AppRunner(create_app(settings), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession() as session:
        sandbox = Sandbox(url, session)
        await sandbox.faults(webhooks=False)
        yield sandbox
    await runner.cleanup()


@pytest.fixture
async def world(
    home: Path, database_url: str, nats_server: EmbeddedNats, sandbox: Sandbox, clock: Clock
) -> AsyncIterator[World]:
    home.mkdir(mode=0o711, exist_ok=True)
    settings = Settings.from_environment(
        {
            "EXTRATO_HOME": str(home),
            "EXTRATO_DATABASE_URL": database_url,
            "EXTRATO_NATS_URL": nats_server.url,
            "EXTRATO_MERCADOPAGO_URL": sandbox.url,
        }
    )
    async with contextlib.AsyncExitStack() as parts:
        pool = await parts.enter_async_context(asyncpg.create_pool(database_url, min_size=2, max_size=12))
        bus = await connect(nats_server.url, name="world")
        parts.push_async_callback(bus.close)
        hub = await parts.enter_async_context(open_hub(settings, pool=pool, bus=bus))
        hub = dataclasses.replace(hub, now=clock)
        for slug, account in ACCOUNTS.items():
            register = merchant_domain.Register(slug=slug, name=slug.title(), city="Sao Paulo")
            await change_merchant(hub, slug, [register], cause=CAUSE)
            credential = Credential(
                access_token=account.access_token,
                webhook_secret=account.webhook_secret,
                account_id=str(account.collector_id),
            )
            await connect_provider(hub, slug, "mercado_pago", credential, cause=CAUSE)
        await parts.enter_async_context(_updated_read_model(pool, database_url))
        world = World(settings, pool, hub, nats_server, sandbox)
        parts.push_async_callback(world.end)
        yield world


@contextlib.asynccontextmanager
async def _updated_read_model(pool: asyncpg.Pool, database_url: str) -> AsyncIterator[None]:
    await pool.execute(OPEN_PAYMENTS.create.format(table="open_payments"))
    await pool.execute("INSERT INTO checkpoints VALUES ('open_payments', 1, 0)")

    async def follow(appended: LogSignal) -> None:
        after = await pool.fetchval("SELECT position FROM checkpoints")
        async for envelope in subscribe(LogReader(pool), appended, after=after):
            async with pool.acquire() as connection, connection.transaction():
                await apply(connection, OPEN_PAYMENTS, [envelope], table="open_payments")
                await connection.execute("UPDATE checkpoints SET position = $1", envelope.position)

    async def run() -> None:
        async with LogSignal(database_url) as appended:
            while True:
                with contextlib.suppress(*DATABASE_UNAVAILABLE):
                    await follow(appended)
                # During an outage of the database, retry after a pause.
                await asyncio.sleep(0.1)

    follower = asyncio.create_task(run())
    try:
        yield
    finally:
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """The log lines so far, filtered by event name."""
    captured: list[dict[str, Any]] = []

    def keep(_logger: object, _method: str, fact: dict[str, Any]) -> dict[str, Any]:
        captured.append(dict(fact))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.add_log_level, keep], cache_logger_on_first_use=False)

    def named(*names: str) -> list[dict[str, Any]]:
        return [fact for fact in captured if fact["event"] in names]

    yield named
    structlog.reset_defaults()
