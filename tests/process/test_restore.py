"""A restore from a base backup to a time before the newest payments.

Each payment at the provider is then either in the log or in the report, with the same amounts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from contracts.envelope import Cause
from contracts.events import Item, PaymentOpened
from extrato.assembly import open_hub
from extrato.domain.merchant import Register
from extrato.process import CannotStart, open_database
from extrato.settings import Settings
from extrato.store.migrations import migrate
from extrato.store.vault_keys import InvalidVaultKey
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.forget_payer import forget_payers, plan_forgetting
from extrato.use_cases.payments import load_payment
from extrato.use_cases.provider_accounts import connect_provider
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.use_cases.refund_payment import RefundWish, refund_payment
from extrato.values import Credential, Payer
from services.cli.commands.backup import backup
from services.cli.commands.forget import forgotten
from services.cli.commands.restore import restore
from services.cli.commands.restored import UNSEEN, report
from services.cli.embedded.postgres import EmbeddedPostgres
from services.monitor.forgettings import Forgettings
from services.sandbox.app import create_app
from services.sandbox.state.accounts import Account
from services.sandbox.state.settings import Settings as SandboxSettings
from tests.homes import put_database_in
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import ChargedPayment

CAUSE = Cause(correlation_id="drill", actor="operator")
ACCOUNT = Account(access_token="APP_USR-drill", collector_id=100, nickname="Padaria", webhook_secret="s" * 32)


class SimulatedProvider:
    """The simulated Mercado Pago in this process. It keeps its payments when the hub is destroyed."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def pay(self, charged: ChargedPayment, outcome: str = "approved") -> None:
        order = {"external_reference": charged.payment.intent.external_reference, "outcome": outcome}
        async with self._session.post(f"{self.url}/_sandbox/pay", json=order) as answer:
            assert answer.status == 200, await answer.text()

    async def payments_held(self) -> dict[str, tuple[str, int, int]]:
        """Status, amount and refunded amount of every payment, by the provider's id."""
        async with self._session.get(f"{self.url}/_sandbox/money") as answer:
            rows = (await answer.json())["payments"]
        return {row["payment_id"]: (row["status"], row["amount_centavos"], row["refunded_centavos"]) for row in rows}


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[SimulatedProvider]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = SandboxSettings(port=port, public_url=url, data=tmp_path / "sandbox", accounts=(ACCOUNT,))
    runner = web.AppRunner(create_app(settings), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession() as session, session.put(f"{url}/_sandbox/faults", json={"webhooks": False}):
        yield SimulatedProvider(url, session)
    await runner.cleanup()


@contextlib.asynccontextmanager
async def running(home: Path, environment: dict[str, str]) -> AsyncIterator[Hub]:
    """The embedded PostgreSQL of `extrato up`, with a hub in this process in place of the services."""
    settings = Settings.from_environment(environment)
    async with EmbeddedPostgres(home, archive=settings.archive) as postgres:
        await migrate(postgres.url, services_url=postgres.services_url)
        addresses = {
            "database_url": postgres.services_url,
            "mercado_pago_url": settings.mercado_pago_url,
            "nats_url": "nats://127.0.0.1:1",
            "gateway_url": settings.public_url,
        }
        file = home / "run" / "addresses.json"
        file.write_text(json.dumps(addresses))
        file.chmod(0o600)
        settings = Settings.from_environment({**environment, "EXTRATO_DATABASE_URL": postgres.services_url})
        async with open_database(settings, connections=4) as pool, open_hub(settings, pool=pool, bus=None) as hub:
            yield hub


async def test_each_provider_payment_is_in_the_restored_log_or_the_report(home, provider, capsys):
    archive = home.parent / "archive"
    environment = {
        "EXTRATO_HOME": str(home),
        "EXTRATO_ARCHIVE": str(archive),
        "EXTRATO_MERCADOPAGO_URL": provider.url,
        "EXTRATO_FORGOTTEN_FILE": str(home / "forgotten.jsonl"),
    }
    other_list = home.parent / "forgotten-elsewhere.jsonl"
    await asyncio.to_thread(put_database_in, home)
    async with running(home, environment) as hub:
        await register(hub)
        paid, open_one = await create(hub), await create(hub)
        await pay(hub, provider, paid)
        await backup(Namespace(), environment)
        paid_later = await create(hub)
        await pay(hub, provider, paid_later)
        until = datetime.now(UTC)

        # The restore loses everything from here on.
        await refund(hub, paid, 200)
        await pay(hub, provider, open_one)
        lost, lost_and_refunded, lost_and_open = [await create(hub) for _ in range(3)]
        await pay(hub, provider, lost)
        await pay(hub, provider, lost_and_refunded)
        await refund(hub, lost_and_refunded, None)
        await provider.pay(lost_and_open, "pending")
        assert await shown_email(hub, paid_later)
        planned = await plan_forgetting(hub, [paid_later.payment_id])
        await forget_payers(hub, planned, reason="payer_request", cause=CAUSE)
        await forgotten(Namespace(export=other_list), environment)
    destroy(home)

    # The other home has no vault's key; in the third try, the home already has a database.
    with pytest.raises(InvalidVaultKey, match="does not exist"):
        await restore(
            Namespace(archive=archive, until=until, forgotten=[other_list]),
            environment | {"EXTRATO_HOME": str(home / "other")},
        )
    await restore(Namespace(archive=archive, until=until, forgotten=[other_list]), environment)
    with pytest.raises(CannotStart, match="has a database"):
        await restore(Namespace(archive=archive, until=until, forgotten=[other_list]), environment)
    async with running(home, environment) as hub:
        assert await shown_email(hub, paid_later) is None
        assert await shown_email(hub, paid)
        await Forgettings(hub=hub).run_once()
        assert (await load_payment(hub, paid_later.payment_id)).payment.is_forgotten
        assert not (await load_payment(hub, paid.payment_id)).payment.is_forgotten
        known = {payment.payment_id for payment in (paid, open_one, paid_later)}
        in_log = [envelope async for envelope in hub.log.read_all(0) if isinstance(envelope.event, PaymentOpened)]
        assert {envelope.payment_id for envelope in in_log} == known
        assert await hub.payment_ids.next_payment_id() > UNSEEN
        capsys.readouterr()
        await report(Namespace(since=None), environment)
        listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        recorded = await attempts_of(hub, known)

    assert sorted((each["status"], each["amount_centavos"], each["refunded_centavos"]) for each in listed) == [
        ("approved", 500, 0),
        ("pending", 500, 0),
        ("refunded", 500, 500),
    ]
    at_provider = await provider.payments_held()
    # Three payments before `until` are in the log; three after it are in the report.
    assert (len(recorded), len(listed), len(at_provider)) == (3, 3, 6)
    for each in listed:
        recorded[each["provider_payment_id"]] = (each["status"], each["amount_centavos"], each["refunded_centavos"])
    assert recorded == at_provider
    # PostgreSQL begins another timeline of its WAL at the restore; it is archived too.
    assert (archive / "wal" / "00000002.history.gz").exists()


def destroy(home: Path) -> None:
    """Delete everything except the vault's key, of which the operator has a separate copy."""
    key = (home / "secret.key").read_bytes()
    shutil.rmtree(home)
    home.mkdir(mode=0o711)
    (home / "secret.key").write_bytes(key)
    (home / "secret.key").chmod(0o600)


async def shown_email(hub: Hub, charged: ChargedPayment) -> str | None:
    loaded = await load_payment(hub, charged.payment_id)
    return await hub.personal_data.open(charged.payment_id, loaded.payment.payer_email)


async def register(hub: Hub) -> None:
    await change_merchant(hub, "padaria", [Register(slug="padaria", name="Padaria", city="Recife")], cause=CAUSE)
    credential = Credential(
        access_token=ACCOUNT.access_token, webhook_secret=ACCOUNT.webhook_secret, account_id=str(ACCOUNT.collector_id)
    )
    await connect_provider(hub, "padaria", "mercado_pago", credential, cause=CAUSE)


async def create(hub: Hub) -> ChargedPayment:
    """Create a payment of 5.00 with a link."""
    wanted = NewPayment(
        provider="mercado_pago",
        method="checkout",
        amount_centavos=500,
        title="Pedido",
        description="10x Pão",
        items=(Item(name="Pão", quantity=10, unit_price_centavos=50),),
        payer=Payer(),
        lifetime=timedelta(hours=1),
    )
    merchant = await hub.merchants.get("padaria")
    return (await create_payment(hub, merchant, wanted, idempotency_key=None, cause=CAUSE)).loaded


async def pay(hub: Hub, provider: SimulatedProvider, charged: ChargedPayment) -> None:
    await provider.pay(charged)
    assert (await refresh_payment(hub, charged.payment_id, cause=CAUSE)).after.payment.status == "approved"


async def refund(hub: Hub, charged: ChargedPayment, amount_centavos: int | None) -> None:
    wish = RefundWish(wish_id=f"refund-{charged.payment_id}", amount_centavos=amount_centavos)
    loaded = (await refund_payment(hub, charged.payment_id, wish, cause=CAUSE)).loaded
    assert [each.state for each in loaded.payment.refunds.values()] == ["made"]


async def attempts_of(hub: Hub, payment_ids: set[int]) -> dict[str, tuple[str, int, int]]:
    """Status, amount and refunded amount of every attempt in the log, by the provider's id."""
    payments = [(await load_payment(hub, payment_id)).payment for payment_id in payment_ids]
    return {
        name: (each.status, each.amount_centavos, each.refunded_centavos)
        for payment in payments
        for name, each in payment.attempts.items()
    }
