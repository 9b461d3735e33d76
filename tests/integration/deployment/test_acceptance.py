"""A server set up by the commands of docs/deploy.md, lost, and restored by those of docs/backup.md.

The commands are read from the pages. PostgreSQL 15 and nginx are Debian's; each role runs as its own user, with the
command, the environment and the credentials of its unit. The simulated Mercado Pago is elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from services.cli.commands.restored import UNSEEN
from tests.documents import root_commands
from tests.integration.deployment.machine import POSTGRES, Machine
from tests.pace import until, within
from tests.ports import free_port
from tests.running_hub import SANDBOX_TOKEN

DEPLOY, BACKUP = "docs/deploy.md", "docs/backup.md"
OWN_POSTGRES = "With your own PostgreSQL"
DOCUMENTED_TIME = "2026-11-29 14:30:00-03"
MERCHANT = "padaria-da-ana"
WEBHOOK_SECRET = "s" * 32
ROLES = ("gateway", "monitor", "projections")


class Provider:
    """The simulated Mercado Pago, which runs elsewhere, and is not lost with the server."""

    def __init__(self, url, session):
        self.url = url
        self._session = session

    async def pay(self, payment):
        order = {"external_reference": payment["external_reference"], "outcome": "approved"}
        async with self._session.post(f"{self.url}/_sandbox/pay", json=order) as answer:
            assert answer.status == 200, await answer.text()


@contextlib.asynccontextmanager
async def running_provider(folder, *, authority, session):
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.sandbox"),
        cwd=Path(__file__).parents[3],
        env={
            **os.environ,
            "EXTRATO_SANDBOX_PORT": str(port),
            "EXTRATO_SANDBOX_DATA": str(folder),
            "EXTRATO_SANDBOX_DEMO_SECRET": WEBHOOK_SECRET,
            "EXTRATO_LOG_FILE": str(folder.with_suffix(".log")),
            "SSL_CERT_FILE": str(authority),
        },
    )
    try:
        yield Provider(f"http://127.0.0.1:{port}", session)
    finally:
        process.terminate()
        await process.wait()


class Shop:
    """A merchant's backend, which knows the public address only; `admin` is the operator on the server."""

    def __init__(self, machine, session, trusting):
        self.url = f"https://localhost:{machine.https_port}"
        self._admin_url = f"http://127.0.0.1:{machine.ports['8000']}"
        self._session = session
        self._trusting = trusting
        self._headers = {}

    async def register(self, admin_key):
        await self._administer(
            "POST", "/admin/merchants", admin_key, slug=MERCHANT, name="Padaria da Ana", city="Recife"
        )
        path = f"/admin/merchants/{MERCHANT}"
        account = {"access_token": SANDBOX_TOKEN, "webhook_secret": WEBHOOK_SECRET}
        await self._administer("PUT", f"{path}/providers/mercado_pago", admin_key, **account)
        issued = await self._administer("POST", f"{path}/api-keys", admin_key)
        self._headers = {"Authorization": f"Bearer {issued['api_key']}"}
        # The unit's list can be written.
        wanted = {"payer": "ana@example.com", "reason": "payer_request", "dry_run": False}
        await self._administer("POST", f"{path}/forget", admin_key, **wanted)

    async def _administer(self, method, path, key, **body):
        headers = {"Authorization": f"Bearer {key}"}
        async with self._session.request(method, self._admin_url + path, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def create(self):
        body = {"padaria_slug": MERCHANT, "items": [{"nome": "Pão", "quantidade": 10, "preco_unitario": 0.5}]}
        return await self._ask("POST", "/payments/api/generate-link/", json=body)

    async def has_approved(self, payment):
        """Whether the timeline has the approval; to read it asks the provider nothing."""
        timeline = await self._ask("GET", f"/payments/api/{payment['payment_id']}/events/")
        changes = [event["data"]["status"] for event in timeline["events"] if event["type"] == "StatusChanged"]
        return changes == ["approved"]

    async def see_paid(self, payment, provider):
        await provider.pay(payment)
        await until(lambda: self.has_approved(payment))

    async def is_served(self):
        with contextlib.suppress(AssertionError, aiohttp.ClientError):
            await self._ask("GET", f"/payments/api/pending/?padaria_slug={MERCHANT}")
            return True
        return False

    def socket(self, payment):
        query = {"payment_id": payment["payment_id"]}
        return self._session.ws_connect(f"{self.url}/ws", params=query, headers=self._headers, ssl=self._trusting)

    async def _ask(self, method, path, **options):
        async with self._session.request(
            method, self.url + path, headers=self._headers, ssl=self._trusting, **options
        ) as answer:
            assert answer.status in {200, 201}, (answer.status, await answer.text())
            return await answer.json()


class Server:
    """The machine with the commands of the pages, in the order of the pages."""

    def __init__(self, machine):
        self.machine = machine
        self._install, self._secrets, self._copy, self._start, self._proxy, self._first_key = root_commands(
            DEPLOY, "systemd"
        )
        (self._postgres,) = root_commands(DEPLOY, "PostgreSQL")
        (self._nats,) = root_commands(DEPLOY, "NATS")
        self._archive, self._base_backup, *self._restore = root_commands(BACKUP, OWN_POSTGRES)

    @property
    def authority(self):
        return self.machine.path("/root/extrato-secrets/ca.crt")

    async def prepare(self):
        for script in (self._install, self._secrets, self._postgres, self._nats, self._copy):
            await self.machine.run(script)

    async def start(self, **settings):
        """Start everything, and return the first key."""
        change_settings(self.machine, **settings)
        await self.machine.run(f"{self._start}\n{self._proxy}")
        await until(self.are_roles_ready, "every role is ready", within_s=30)
        first_key, *findings = (await self.machine.run(self._first_key)).splitlines()
        assert findings
        assert not [finding for finding in findings if finding.startswith("problem")]
        return first_key

    async def are_roles_ready(self):
        async with aiohttp.ClientSession() as session:
            for role in ROLES:
                unit = self.machine.path(f"/etc/systemd/system/extrato@{role}.service.d/role.conf")
                port = re.search(r"EXTRATO_HEALTH_PORT=(\d+)", unit.read_text())[1]
                try:
                    if (await session.get(f"http://127.0.0.1:{port}/readyz")).status != 200:
                        return False
                except aiohttp.ClientError:
                    return False
        return True

    async def start_archive(self):
        await self.machine.run(self._archive)

    async def back_up(self):
        await self.machine.run(self._base_backup)

    async def archive_what_was_written(self):
        """Wait until the archive has what was written, as it has after a minute at most."""
        switch = "runuser -u postgres -- psql -At --command 'SELECT pg_walfile_name(pg_switch_wal())'"
        name = (await self.machine.run(switch)).strip()
        await until(self.machine.path(f"/mnt/backup/wal/{name}.gz").exists, "the write-ahead log is archived")

    async def lose_everything(self):
        """Only the backup, the secrets and what the installation made remain."""
        self.machine.lose_power()
        shutil.rmtree(self.machine.path("/var/lib/nats"))
        await self.machine.run(self._restore[0])
        shutil.rmtree(self.machine.path("/var/lib/postgresql/15/before-restore"))

    async def restore(self, time):
        """Restore to a time, and return the report of lost payments."""
        _, recover, see_recovery, begin_epoch, list_lost = self._restore
        assert DOCUMENTED_TIME in recover
        await self.machine.run(recover.replace(DOCUMENTED_TIME, time))
        await until(lambda: self._is_writable(see_recovery), "PostgreSQL is writable")
        assert "Epoch 2 of the log" in await self.machine.run(begin_epoch)
        # In the shell of the step before. An operating system starts nginx without being asked.
        (settings,) = (line for line in begin_epoch.splitlines() if line.startswith("set -a"))
        await self.machine.run(f"{settings}\n{list_lost}\nsystemctl start nginx")
        report = (self.machine.checkout / "lost-payments.jsonl").read_text()
        return [json.loads(line) for line in report.splitlines()]

    async def _is_writable(self, see_recovery):
        return (await self.machine.run(see_recovery)).strip() == "f"


@pytest.fixture
async def server(home):
    home.mkdir(mode=0o755)
    async with Machine(home) as machine:
        yield Server(machine)


@pytest.mark.xdist_group("acceptance")
async def test_server_of_the_documents_takes_payments_and_is_restored_after_its_loss(server, tmp_path):
    await server.prepare()
    async with (
        aiohttp.ClientSession() as session,
        running_provider(tmp_path / "provider", authority=server.authority, session=session) as provider,
    ):
        shop = Shop(server.machine, session, ssl.create_default_context(cafile=str(server.authority)))
        await shop.register(await server.start(EXTRATO_PUBLIC_URL=shop.url, EXTRATO_MERCADOPAGO_URL=provider.url))
        users = server.machine.users(POSTGRES, "nats-server.service", *(f"extrato@{role}.service" for role in ROLES))
        assert users == {os.geteuid()} if os.geteuid() else 0 not in users and len(users) == 5

        # The shop and the provider reach the gateway through the proxy only.
        paid = await shop.create()
        async with shop.socket(paid) as socket:
            await provider.pay(paid)
            await approval_of(paid, socket)
        proxy_log = server.machine.path("/var/log/nginx/access.log")
        await until(lambda: f'"POST /webhooks/mercadopago/{MERCHANT}/" 200' in proxy_log.read_text())

        await server.start_archive()
        await until(shop.is_served, "the hub works with the restarted PostgreSQL", within_s=20)
        await server.back_up()
        paid_after_backup, paid_in_lost_time = await shop.create(), await shop.create()
        await shop.see_paid(paid_after_backup, provider)
        time = datetime.now(UTC).isoformat()

        # The restore loses what follows: the approval of a payment that the log keeps, and a whole payment.
        await shop.see_paid(paid_in_lost_time, provider)
        lost = await shop.create()
        await shop.see_paid(lost, provider)
        await server.archive_what_was_written()
        await server.lose_everything()
        assert not await shop.is_served()

        report = await server.restore(time)
        assert [payment["reference"] for payment in report] == [lost["external_reference"]]
        await until(shop.is_served, "the restored hub is served", within_s=30)
        for payment in (paid, paid_after_backup, paid_in_lost_time):
            assert await shop.has_approved(payment)
        assert (await shop.create())["payment_id"] > UNSEEN


def change_settings(machine, **settings):
    """Do what the document leaves to an editor."""
    path = machine.path("/etc/extrato/settings.env")
    text = path.read_text()
    for name, value in settings.items():
        text = re.sub(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
    path.write_text(text)


async def approval_of(payment, socket):
    async with within(15):
        async for message in socket:
            frame = message.json()
            if frame["type"] == "event" and frame["event"] == "StatusChanged":
                assert (frame["payment_id"], frame["data"]["status"]) == (payment["payment_id"], "approved")
                return
    raise AssertionError("the socket was closed before the approval")
