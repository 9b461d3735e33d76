"""The whole hub, as `make up` starts it, for tests that use only its public interfaces."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import msgspec
import nats
import pytest
import pytest_asyncio

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.process import open_bus, open_database
from extrato.settings import Settings
from services.sandbox.state.faults import Faults
from tests import pace
from tests.homes import new_home, put_database_in
from tests.pace import within
from tests.ports import free_port
from tests.promised import JSON, hold_to_promise, holding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from extrato.use_cases.hub import Hub

ROOT = Path(__file__).parents[1]
MERCHANT = "padaria-do-marcos"
SANDBOX_TOKEN = "APP_USR-0000000000000001-112300-0123456789abcdef0123456789abcdef-174087000"
LOG_ROWS = """
    SELECT notification_id AS position, topic, convert_from(state, 'UTF8')::json -> 'cause' ->> 'actor' AS actor
    FROM stored_events ORDER BY notification_id
"""
# The simulated provider knows another account than the demo merchant's.
SECOND_ACCOUNT = {
    "access_token": "APP_USR-second",
    "collector_id": 200,
    "nickname": "Outra Loja",
    "webhook_secret": "s" * 32,
}
# Short time-outs for tests; tests/unit/test_settings.py checks the defaults.
IMPATIENT = {
    "EXTRATO_HEAD_TIMEOUT_S": "2",
    "EXTRATO_BODY_TIMEOUT_S": "2",
    "EXTRATO_SOCKET_TIMEOUT_S": "1",
    "EXTRATO_CHECK_AGAIN_AFTER_S": "2",
    "EXTRATO_RESUME_AFTER_S": "1",
}
CAUSE = Cause(correlation_id="tests", actor="operator")
WEBHOOK_SECRET = "a-webhook-secret-that-tests-know"


class RunningHub:
    """A hub in separate processes, and an HTTP session that acts as the demo merchant's backend.

    The session fails a test if an answer does not fit `openapi.json`.
    """

    def __init__(self, home: Path, url: str, sandbox_url: str, session: aiohttp.ClientSession) -> None:
        self.home = home
        self.url = url
        self.sandbox_url = sandbox_url
        self.session = session
        self.api_key = (home / "demo-api-key").read_text().strip()
        self.admin_key = (home / "admin-api-key").read_text().strip()
        self.addresses = json.loads((home / "run" / "addresses.json").read_text())
        self.merchant = MERCHANT
        self.webhooks_failed_before: int | None = None

    def acting_for(self, merchant: str, api_key: str) -> RunningHub:
        """The same hub, with the key of another merchant."""
        other = copy.copy(self)
        other.merchant, other.api_key = merchant, api_key
        return other

    @property
    def owners_database_url(self) -> str:
        """The database's URL with the role that owns it and runs the migrations."""
        return self.addresses["database_url"].replace("extrato_services@", "extrato@")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}

    async def get(self, path: str, **kw: Any) -> tuple[int, Any]:
        async with self.session.get(self.url + path, headers=self.headers, **kw) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        headers = {**self.headers, **(headers or {})}
        async with self.session.post(self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def raw(
        self, method: str, path: str, *headers: tuple[str, str | bytes], body: bytes = b"{}", sized: bool = True
    ) -> tuple[int, bytes]:
        """Send a request over a bare socket, as no client library would, and return the status and the body.

        The request has the session's headers, and with `sized` a Content-Length.
        """
        lines = [("Host", "127.0.0.1"), ("Connection", "close"), *self.session.headers.items(), *headers]
        lines += [("Content-Length", str(len(body)))] * sized
        written = [f"{method} {path} HTTP/1.1".encode()]
        written += [name.encode() + b": " + (v if isinstance(v, bytes) else v.encode()) for name, v in lines]
        reader, writer = await asyncio.open_connection("127.0.0.1", int(self.url.rsplit(":", 1)[1]))
        writer.write(b"\r\n".join(written) + b"\r\n\r\n" + body)
        head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        status, kind = int(head.split(b" ", 2)[1]), JSON if b"Content-Type: application/json" in head else ""
        hold_to_promise(method, path.partition("?")[0], status, kind, answer)
        return status, answer

    async def administer(
        self, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Call an administrative route, by default with the hub's own key."""
        headers = {"Authorization": f"Bearer {key or self.admin_key}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def connect(self, slug: str) -> int:
        """Connect a merchant to the demo merchant's account, and return the HTTP status."""
        credential = {"access_token": SANDBOX_TOKEN, "webhook_secret": WEBHOOK_SECRET}
        status, _ = await self.administer("PUT", f"/admin/merchants/{slug}/providers/mercado_pago", credential)
        return status

    async def sandbox(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, self.sandbox_url + path, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def webhooks(self) -> dict[str, int]:
        """The sandbox's counts of its webhooks."""
        return (await self.sandbox("GET", "/_sandbox/stats"))["webhooks"]

    async def asked(self, route: str) -> int:
        """The number of calls of one route of the provider, such as `GET /v1/payments/{payment_id}`."""
        count: int = (await self.sandbox("GET", "/_sandbox/stats"))["requests"]["by_route"].get(route, 0)
        return count

    async def faults(self, **faults: Any) -> None:
        await self.sandbox("PUT", "/_sandbox/faults", faults)

    async def link(self, **more: Any) -> dict[str, Any]:
        body = {"padaria_slug": self.merchant, "items": [{"nome": "Pão Francês", "quantidade": 10}], **more}
        status, answer = await self.post("/payments/api/generate-link/", body)
        assert status == 200, answer
        return answer

    async def pay_as_a_person(self, checkout_url: str) -> None:
        """Open the provider's checkout page and press the button of its first way to pay."""
        async with self.session.get(checkout_url) as page:
            assert page.status == 200
            assert "R$" in await page.text()
        async with self.session.post(checkout_url, data=PAY_BY_CARD, allow_redirects=False) as answer:
            assert answer.status in {302, 303}, await answer.text()

    async def check(self, payment_id: int) -> dict[str, Any]:
        status, answer = await self.get(f"/payments/api/check/{payment_id}/")
        assert status == 200, answer
        return answer

    async def until_checked(self, payment_id: int, **facts: Any) -> dict[str, Any]:
        """Wait until a check of a payment tells these facts, and give all that it tells."""

        async def is_so() -> dict[str, Any] | None:
            checked = await self.check(payment_id)
            return checked if facts.items() <= checked.items() else None

        return await pace.until(is_so, f"payment {payment_id} is {facts}")

    async def events(self, payment_id: int) -> list[dict[str, Any]]:
        status, answer = await self.get(f"/payments/api/{payment_id}/events/")
        assert status == 200, answer
        return answer["events"]

    async def status_changes(self, payment_id: int) -> list[tuple[str, str]]:
        return [
            (event["data"]["previous"], event["data"]["status"])
            for event in await self.events(payment_id)
            if event["type"] == "StatusChanged"
        ]

    def pid(self, name: str) -> int:
        return json.loads((self.home / "run" / "processes.json").read_text())[name]

    def kill(self, name: str) -> int:
        """Kill a process with SIGKILL, and return its id."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self, name: str) -> int:
        """End a process with SIGTERM, and return its id."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGTERM)
        return pid

    async def until_restarted(self, until: Until, name: str, old_pid: int) -> None:
        await until(lambda: self.is_up_again(name, old_pid), f"{name} is back", within_s=25)

    @contextlib.asynccontextmanager
    async def socket(self, **query: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        async with self.session.ws_connect(f"{self.url}/ws", params=query, headers=self.headers) as socket:
            yield socket

    @contextlib.asynccontextmanager
    async def jetstream(self) -> AsyncIterator[Any]:
        client = await nats.connect(self.addresses["nats_url"])
        try:
            yield client.jetstream()
        finally:
            await client.close()

    async def metrics(self) -> str:
        headers = {"Authorization": f"Bearer {self.admin_key}"}
        async with self.session.get(f"{self.url}/metrics", headers=headers) as answer:
            assert answer.status == 200
            return await answer.text()

    async def metric(self, name: str) -> float:
        lines = (await self.metrics()).splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " "))

    async def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self.addresses["database_url"])
        try:
            return [tuple(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def count_events(self) -> int:
        ((count,),) = await self.rows("SELECT count(*) FROM stored_events")
        return count

    async def count_requested_events(self) -> int:
        """Count the events that a request caused, without those of the hub's background work."""
        rows = await self.log_rows()
        return sum(row["actor"] not in {"clock", "sweep", "webhook"} for row in rows)

    async def topics(self, merchant: str, *, of: str) -> list[str]:
        """The events of a merchant whose names begin with `of`, in order."""
        query = """
            SELECT topic FROM stored_events
            WHERE convert_from(state, 'utf8')::json ->> 'merchant' = $1 AND starts_with(topic, $2)
            ORDER BY notification_id
        """
        return [topic for (topic,) in await self.rows(query, merchant, of)]

    @property
    def settings(self) -> Settings:
        """The settings of this hub's processes, as far as they are visible from outside."""
        return Settings.from_environment(
            {
                "EXTRATO_HOME": str(self.home),
                "EXTRATO_DATABASE_URL": self.addresses["database_url"],
                "EXTRATO_NATS_URL": self.addresses["nats_url"],
                "EXTRATO_MERCADOPAGO_URL": self.sandbox_url,
                "EXTRATO_PUBLIC_URL": self.url,
            }
        )

    @contextlib.asynccontextmanager
    async def inside(self) -> AsyncIterator[Hub]:
        """A `Hub` in this process, on the running hub's database and bus, for actions that no interface offers."""
        async with (
            open_database(self.settings, connections=2) as pool,
            open_bus(self.settings, name="tests") as bus,
            open_hub(self.settings, pool=pool, bus=bus) as hub,
        ):
            yield hub

    def logs(self) -> str:
        """The text of all log files."""
        return "".join(file.read_text(errors="replace") for file in (self.home / "logs").iterdir())

    async def log_rows(self) -> list[dict[str, Any]]:
        """Every event in the log: its position, its topic and its actor."""
        connection = await asyncpg.connect(self.addresses["database_url"])
        try:
            rows = await connection.fetch(LOG_ROWS)
        finally:
            await connection.close()
        return [dict(row) for row in rows]

    async def until_webhooks_are_delivered(self, until: Until) -> None:
        """Wait until the sandbox has sent all its webhooks; it repeats failed ones much later."""

        async def is_quiet() -> bool:
            webhooks = await self.webhooks()
            assert webhooks["failed"] == self.webhooks_failed_before
            return webhooks["pending"] == webhooks["retrying"]

        await until(is_quiet, "every webhook is delivered")

    async def is_served(self) -> bool:
        """Return whether the hub answers a list; readiness may be a second old."""
        status, _ = await self.get(f"/payments/api/pending/?padaria_slug={MERCHANT}")
        return status == 200

    async def is_up_again(self, name: str, old_pid: int) -> bool:
        with contextlib.suppress(KeyError, json.JSONDecodeError, FileNotFoundError):
            if self.pid(name) == old_pid:
                return False
            with contextlib.suppress(aiohttp.ClientError):
                async with self.session.get(self.url + "/readyz") as answer:
                    is_ready = answer.status == 200
                return is_ready and await self.is_served()
        return False


# The form of the checkout page for an approved card payment.
PAY_BY_CARD = {"choice": "card"}


Until = type(pace.until)


@pytest.fixture
def until() -> Until:
    """The function that waits for a condition."""
    return pace.until


@contextlib.asynccontextmanager
async def running_hub(home: Path, *, code: Path = ROOT, **environment: str) -> AsyncIterator[RunningHub]:
    """Run a hub in `home` with these settings. It creates a database if the home has none.

    `code` may be another checkout; its answers need not fit this `openapi.json`.
    """
    port, sandbox_port = free_port(), free_port()
    await asyncio.to_thread(put_database_in, home)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.cli",
        "up",
        cwd=code,
        env={
            **os.environ,
            "EXTRATO_PORT": str(port),
            "EXTRATO_SANDBOX_PORT": str(sandbox_port),
            "EXTRATO_HOME": str(home),
            "EXTRATO_SANDBOX_ACCOUNTS": json.dumps([SECOND_ACCOUNT]),
            "EXTRATO_SANDBOX_DEMO_SECRET": WEBHOOK_SECRET,
            **IMPATIENT,
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    lines = []
    try:
        async with within(40):
            async for line in process.stdout:
                lines.append(line.decode())
                if "extrato is ready" in lines[-1]:
                    break
        assert lines, "nothing was said"
        assert "extrato is ready" in lines[-1], "".join(lines)
        drain = asyncio.create_task(process.stdout.read())
        url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(trace_configs=[holding(url)] if code == ROOT else []) as session:
            yield RunningHub(home, url, f"http://127.0.0.1:{sandbox_port}", session)
        process.send_signal(signal.SIGINT)
        async with within(10):
            assert await process.wait() == 0, (await drain).decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def start_hub() -> Callable[..., contextlib.AbstractAsyncContextManager[RunningHub]]:
    """A function that runs a hub for one test."""
    return running_hub


@contextlib.asynccontextmanager
async def _hub_of_worker(**environment: str) -> AsyncIterator[RunningHub]:
    with new_home() as home:
        async with running_hub(home, **environment) as hub:
            yield hub


@contextlib.asynccontextmanager
async def in_good_order(shared: RunningHub) -> AsyncIterator[RunningHub]:
    """A shared hub without faults, with an HTTP session of this test."""
    async with aiohttp.ClientSession(trace_configs=[holding(shared.url)]) as session:
        fresh = RunningHub(shared.home, shared.url, shared.sandbox_url, session)
        await fresh.faults(**NO_FAULTS)
        fresh.webhooks_failed_before = (await fresh.webhooks())["failed"]
        yield fresh
        await fresh.faults(**NO_FAULTS)


# Each of these hubs runs once for each worker, and each test leaves it working. Tests that need another one than the
# first are in one group, so that only one worker starts it.


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_hub() -> AsyncIterator[RunningHub]:
    async with _hub_of_worker() as hub:
        yield hub


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_harmed_hub() -> AsyncIterator[RunningHub]:
    """A hub for tests that kill its processes, so that other tests need not wait for its recovery."""
    async with _hub_of_worker() as hub:
        yield hub


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_keyless_hub() -> AsyncIterator[RunningHub]:
    """A hub in open mode."""
    async with _hub_of_worker(EXTRATO_AUTH="open") as hub:
        yield hub


@pytest.fixture
async def hub(shared_hub: RunningHub) -> AsyncIterator[RunningHub]:
    async with in_good_order(shared_hub) as hub:
        yield hub


@pytest.fixture
async def harmed_hub(shared_harmed_hub: RunningHub) -> AsyncIterator[RunningHub]:
    """`shared_harmed_hub`, recovered from the test before. Its tests are in the group `crashes`."""
    async with in_good_order(shared_harmed_hub) as hub:
        await pace.until(hub.is_served, "the hub has recovered", within_s=25)
        yield hub


@pytest.fixture
async def keyless_hub(shared_keyless_hub: RunningHub) -> AsyncIterator[RunningHub]:
    async with in_good_order(shared_keyless_hub) as hub:
        yield hub


NO_FAULTS = msgspec.to_builtins(Faults())
