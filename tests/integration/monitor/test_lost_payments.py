"""After a restore, known payments at the provider are observed, and lost ones are listed."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest

from contracts.events import StatusChanged
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.sweep_lanes import QUIET
from extrato.errors import ProviderUnavailable
from extrato.process import CannotStart
from extrato.providers.mercado_pago import adapter
from extrato.providers.port import Providers
from extrato.store.vault import ConnectedAccount
from extrato.use_cases import lost_payments
from extrato.use_cases.lost_payments import find_lost_payments
from services.cli.commands.restored import UNSEEN, begin_epoch, report
from tests.integration.monitor.conftest import CAUSE, Faulty, World

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment

PADARIA = ConnectedAccount(provider="mercado_pago", account_id="100", merchants=("padaria",))
HOUR = timedelta(hours=1)


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests publish nothing, so the shared server is enough."""
    return SimpleNamespace(url=nats_url)


async def lose(world: World, *payments: LoadedPayment) -> None:
    """Delete payments from the log, as a restore to a time before them does."""
    for payment in payments:
        await world.pool.execute("DELETE FROM stored_events WHERE originator_id = $1", stream_id(payment.payment_id))


async def find(world: World, account: ConnectedAccount = PADARIA) -> lost_payments.AccountSearch:
    return await find_lost_payments(world.hub, account, since=world.hub.now() - HOUR, cause=CAUSE)


async def test_known_payments_are_observed_and_lost_ones_are_listed(world: World):
    known, lost = await world.open(), await world.open()
    await world.sandbox.pay(known)
    at_provider = await world.sandbox.pay(lost)
    await lose(world, lost)
    found = await find(world)
    assert await world.status(known) == "approved"
    (listed,) = found.lost
    assert (listed.reference, listed.provider_payment_id) == (
        lost.payment.intent.external_reference,
        str(at_provider["id"]),
    )
    assert (listed.status, listed.amount_centavos, listed.refunded_centavos) == ("approved", 3500, 0)
    assert listed.merchants == ("padaria",)
    assert (found.change_count, found.moved_count) == (2, 1)


async def test_repeated_search_lists_the_same_and_records_nothing(world: World):
    known, lost = await world.open(), await world.open()
    await world.sandbox.pay(known)
    await world.sandbox.pay(lost)
    await lose(world, lost)
    first, head = await find(world), await world.hub.log.head()
    again = await find(world)
    assert (again.lost, again.moved_count) == (first.lost, 0)
    assert await world.hub.log.head() == head


async def test_lost_payment_is_listed_when_another_has_its_id(world: World):
    lost = await world.open()
    await world.sandbox.pay(lost)
    await lose(world, lost)
    await world.pool.execute("SELECT setval('payment_numbers', $1, false)", lost.payment_id)
    await world.pool.execute("DELETE FROM open_payments")
    other = await world.open()
    assert other.payment_id == lost.payment_id
    (listed,) = (await find(world)).lost
    assert listed.reference == lost.payment.intent.external_reference
    assert await world.status(other) == "pending"


async def test_search_reads_every_page_of_changes(world: World, monkeypatch: pytest.MonkeyPatch):
    payments = [await world.open() for _ in range(7)]
    for payment in payments:
        await world.sandbox.pay(payment)
    await lose(world, *payments)
    monkeypatch.setattr(adapter, "SEARCH_LIMIT", 2)
    references = [each.reference for each in (await find(world)).lost]
    assert sorted(references) == sorted(payment.payment.intent.external_reference for payment in payments)


async def test_search_retries_when_the_provider_does_not_answer(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lost_payments, "FIRST_PAUSE_S", 0.01)
    payment = await world.open()
    await world.sandbox.pay(payment)
    provider, failures = world.hub.providers.remote["mercado_pago"], [1, 2]

    async def fails_twice(**question):
        if failures:
            failures.pop()
            raise ProviderUnavailable("mercado_pago", retry_after_s=0.01)
        return await provider.observe_changes(**question)

    remote = Faulty(provider, observe_changes=fails_twice, name="mercado_pago")
    hub = dataclasses.replace(world.hub, providers=Providers.of(remote=[remote]))
    assert (await find_lost_payments(hub, PADARIA, since=hub.now() - HOUR, cause=CAUSE)).moved_count == 1


async def test_account_of_two_merchants_is_searched_with_a_valid_credential(world: World):
    payment = await world.open()
    await world.sandbox.pay(payment)
    await lose(world, payment)
    await world.hub.vault.remove("mercado", "mercado_pago")
    shared = msgspec.structs.replace(PADARIA, merchants=("mercado", "padaria"))
    (listed,) = (await find(world, shared)).lost
    assert listed.merchants == ("mercado", "padaria")


async def test_sweep_records_lost_observations_again_after_a_restore(world: World):
    payment = await world.open()
    await world.sandbox.pay(payment)
    sweeps = world.sweeps()
    await sweeps.run_once(QUIET, "padaria.mercado_pago")
    (changed,) = await world.events(payment, StatusChanged)
    await world.pool.execute("DELETE FROM stored_events WHERE notification_id >= $1", changed.position - 1)
    await sweeps.run_once(QUIET, "padaria.mercado_pago")
    assert await world.status(payment) == "pending"
    sweeps.forget()
    await sweeps.run_once(QUIET, "padaria.mercado_pago")
    assert await world.status(payment) == "approved"


async def test_report_prints_lost_payments_and_fails_when_an_account_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.setattr(lost_payments, "TRIES", 1)
    payment = await world.open()
    await world.sandbox.pay(payment)
    environment = {
        "EXTRATO_HOME": str(world.settings.home),
        "EXTRATO_DATABASE_URL": world.settings.database_url,
        "EXTRATO_NATS_URL": world.settings.nats_url,
        "EXTRATO_MERCADOPAGO_URL": world.sandbox.url,
    }
    with pytest.raises(CannotStart, match="was not restored within 30 days: add --since"):
        await report(Namespace(since=None), environment)
    epoch = await begin_epoch(environment)
    # NATS has no lost event, so it may have been lost too.
    assert (epoch.lost, epoch.payment_id > UNSEEN, epoch.position > UNSEEN) == (0, True, True)
    await lose(world, payment)
    capsys.readouterr()
    await report(Namespace(since=None), environment)
    (line,) = capsys.readouterr().out.splitlines()
    assert msgspec.json.decode(line)["reference"] == payment.payment.intent.external_reference

    await world.sandbox.faults(error_rate=1)
    with pytest.raises(CannotStart, match="The list is incomplete"):
        await report(Namespace(since=world.hub.now() - HOUR), environment)
    said = capsys.readouterr()
    assert said.out == ""
    assert "Account 100 of mercado_pago (padaria) does not answer" in said.err
