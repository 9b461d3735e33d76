"""The jobs of the lane `clock`: expiry, missing charges, webhooks, retention."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from contracts.events import ChargeCreated, ChargeRefused, PaymentExpired, PaymentOpened, WatchStarted
from extrato.domain import merchant as merchant_domain
from extrato.domain.payment.identifiers import stream_id
from extrato.domain.payment.state import Charged
from extrato.domain.sweep_lanes import FAST, QUIET
from extrato.errors import ProviderUnavailable, StoreUnavailable
from extrato.providers.port import Providers
from extrato.settings import Keep
from extrato.store.inbox import FIRST_RETRY_S, MAX_ATTEMPTS, Delivery
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.values import Payer
from services.monitor.backoff import BackOff
from services.monitor.charges import Charges
from services.monitor.deliveries import Deliveries
from services.monitor.expiry import Expiry
from services.monitor.open_payments import OpenPayments
from services.monitor.retention import Retention
from services.monitor.second_look import SecondLook
from services.projections.apply import apply
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import CAUSE, Faulty

if TYPE_CHECKING:
    from tests.integration.monitor.conftest import Clock, World


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


# --- expiry -------------------------------------------------------------------------------------


def expiry_of(world: World) -> Expiry:
    return Expiry(
        hub=world.hub, open_payments=OpenPayments(world.pool), pauses=BackOff(world.hub.now), providers=["mercado_pago"]
    )


async def test_overdue_payment_expires_once(world: World, clock: Clock):
    overdue = await world.open(lifetime=timedelta(minutes=5))
    other = await world.open(lifetime=timedelta(minutes=50))
    clock.ahead = timedelta(minutes=6)
    # Two monitors that do not know of each other.
    await asyncio.gather(expiry_of(world).run_once(), expiry_of(world).run_once())
    await expiry_of(world).run_once()
    (expired,) = await world.events(overdue, PaymentExpired)
    assert expired.cause.actor == "clock"
    assert await world.status(overdue) == "cancelled"
    assert await world.status(other) == "pending"


@claim("status.in-process")
async def test_payment_in_flight_does_not_expire_or_block_others(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.monitor.expiry.BATCH", 1)
    in_flight = await world.open(lifetime=timedelta(minutes=5))
    await world.sandbox.pay(in_flight, "pending")
    await world.sweeps().run_once(FAST, "padaria.mercado_pago")
    overdue = await world.open(lifetime=timedelta(minutes=5, seconds=1))
    await world.wait_until_projected(in_flight.payment_id)
    clock.ahead = timedelta(minutes=6)
    expiry = expiry_of(world)
    await expiry.run_once()
    await expiry.run_once()
    assert await world.events(in_flight, PaymentExpired) == []
    assert len(await world.events(overdue, PaymentExpired)) == 1


# --- charges ------------------------------------------------------------------------------------


async def open_without_charge(world: World, slug: str = "padaria", *, unit_price_centavos: int = 350) -> int:
    """Open a payment as a process does that is killed before it asks the provider."""
    provider = world.hub.providers.remote["mercado_pago"]

    class Away:
        name = provider.name

        async def create_charge(self, _request: object) -> None:
            raise ProviderUnavailable(words="The process is killed here.")

    hub = dataclasses.replace(world.hub, providers=Providers.of(remote=[Away()]))
    with pytest.raises(ProviderUnavailable):
        await world.open(slug, hub=hub, unit_price_centavos=unit_price_centavos)
    payment_id: int = await world.pool.fetchval("SELECT last_value FROM payment_numbers")
    await world.wait_until_projected(payment_id)
    return payment_id


def charges_of(world: World, *, open_payments: Any = None) -> Charges:
    return Charges(
        hub=world.hub,
        merchants=MerchantDirectory(world.hub.log),
        open_payments=open_payments or OpenPayments(world.pool),
        pauses=BackOff[str](world.hub.now),
        resume_after=world.resume_after,
    )


async def kinds(world: World, payment_id: int) -> list[str]:
    history = await world.hub.log.read_stream(stream_id(payment_id))
    return [type(envelope.event).__name__ for envelope in history]


async def test_missing_charge_is_created_after_ten_seconds(world: World, clock: Clock):
    clock.stop()
    payment_id = await open_without_charge(world)
    charges = charges_of(world)
    clock.ahead = timedelta(seconds=9.9)
    await charges.run_once()
    assert await kinds(world, payment_id) == [PaymentOpened.__name__]
    clock.ahead = timedelta(seconds=10.1)
    await charges.run_once()
    assert await kinds(world, payment_id) == [
        PaymentOpened.__name__,
        ChargeCreated.__name__,
        WatchStarted.__name__,
    ]
    await world.wait_until_projected(payment_id)
    await charges.run_once()
    assert await world.sandbox.request_count("POST /checkout/preferences") == 1


async def test_provider_payment_opens_without_its_charge(world: World):
    payment = await world.open()
    opened, charged, _ = [envelope.event for envelope in await world.events(payment)]
    assert opened.charge is None
    assert charged == payment.payment.charge


async def test_direct_pix_opens_with_its_only_charge(world: World, clock: Clock):
    set_key = merchant_domain.SetPixKey(kind="email", key="padaria@example.com")
    await change_merchant(world.hub, "padaria", [set_key], cause=CAUSE)
    payment = await world.open(provider="pix", method="pix")
    assert isinstance(payment.payment, Charged)
    assert await load_payment(world.hub, payment.payment_id) == payment
    clock.ahead = timedelta(seconds=11)
    await charges_of(world).run_once()
    assert await kinds(world, payment.payment_id) == [PaymentOpened.__name__]


async def test_unconnected_merchant_does_not_block_others(world: World, clock: Clock):
    unconnected = [await open_without_charge(world, "loja") for _ in range(3)]
    connected = await open_without_charge(world, "padaria")
    await world.pool.execute("DELETE FROM credentials WHERE merchant = 'loja'")
    world.hub.vault._remembered.clear()
    clock.ahead = timedelta(seconds=11)
    await charges_of(world).run_once()
    assert ChargeCreated.__name__ in await kinds(world, connected)
    for payment_id in unconnected:
        assert await kinds(world, payment_id) == [PaymentOpened.__name__]


async def test_unavailable_provider_is_not_asked_for_every_charge(world: World, clock: Clock):
    intents = [await open_without_charge(world) for _ in range(20)]
    clock.ahead = timedelta(seconds=11)
    charges = charges_of(world)
    await world.sandbox.faults(error_rate=1)
    for _ in range(5):
        await charges.run_once()
    assert await world.sandbox.request_count("POST /checkout/preferences") <= 2 * 8
    await world.sandbox.faults(error_rate=0)
    clock.ahead = timedelta(minutes=2)
    await charges.run_once()
    assert all([ChargeCreated.__name__ in await kinds(world, payment_id) for payment_id in intents])


async def test_refused_charge_is_not_requested_again(world: World, clock: Clock):
    # The provider rejects an item with the price 0.
    payment_id = await open_without_charge(world, unit_price_centavos=0)
    clock.ahead = timedelta(seconds=11)
    charges = charges_of(world)
    await charges.run_once()
    await world.wait_until_projected(payment_id)
    clock.ahead = timedelta(minutes=2)
    await charges.run_once()
    assert ChargeRefused.__name__ in await kinds(world, payment_id)
    assert await world.sandbox.request_count("POST /checkout/preferences") == 1


async def test_charge_waits_for_an_accepted_credential(world: World, clock: Clock):
    payment_id = await open_without_charge(world)
    good = await world.hub.vault.get("padaria", "mercado_pago")
    assert good is not None
    await world.hub.vault.put("padaria", "mercado_pago", msgspec.structs.replace(good, access_token="APP_USR-nobody"))
    charges = charges_of(world)
    clock.ahead = timedelta(seconds=11)
    await charges.run_once()
    assert await kinds(world, payment_id) == [PaymentOpened.__name__]
    await world.hub.vault.put("padaria", "mercado_pago", good)
    clock.ahead = timedelta(minutes=2)
    await charges.run_once()
    assert ChargeCreated.__name__ in await kinds(world, payment_id)


async def test_overdue_payment_without_charge_expires(world: World, clock: Clock):
    payment_id = await open_without_charge(world)
    clock.ahead = timedelta(hours=2)
    await charges_of(world).run_once()
    await expiry_of(world).run_once()
    assert ChargeCreated.__name__ not in await kinds(world, payment_id)
    assert PaymentExpired.__name__ in await kinds(world, payment_id)


# --- deliveries ---------------------------------------------------------------------------------


def delivery_of(world: World, attempt_id: int, *, verdict: str = "verified") -> Delivery:
    return Delivery(
        delivery_id=uuid.uuid4(),
        merchant="padaria",
        provider="mercado_pago",
        kind="payment",
        resource_id=str(attempt_id),
        verdict=verdict,
        raw=b"{}",
        correlation_id="delivery",
        received_at=world.hub.now(),
    )


async def handled(world: World, delivery: Delivery) -> tuple[bool, str | None, int]:
    row = await world.pool.fetchrow(
        "SELECT handled_at, outcome, attempts FROM webhook_deliveries WHERE delivery_id = $1",
        delivery.delivery_id,
    )
    return row["handled_at"] is not None, row["outcome"], row["attempts"]


async def test_unfinished_webhook_is_handled_when_due(world: World, clock: Clock):
    payment = await world.open()
    paid = await world.sandbox.pay(payment)
    delivery = delivery_of(world, paid["id"])
    await world.hub.inbox.store(delivery)
    deliveries = Deliveries(hub=world.hub)
    await deliveries.run_once()
    assert await world.status(payment) == "pending"
    clock.ahead = timedelta(seconds=FIRST_RETRY_S + 1)
    await deliveries.run_once()
    assert await world.status(payment) == "approved"
    assert await handled(world, delivery) == (True, "recorded", 1)


async def test_webhook_is_given_up_after_last_attempt(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("extrato.providers.mercado_pago.client.RETRY_WAIT_S", 0.01)
    payment = await world.open()
    paid = await world.sandbox.pay(payment)
    delivery = delivery_of(world, paid["id"])
    await world.hub.inbox.store(delivery)
    await world.sandbox.faults(error_rate=1)
    await world.pool.execute("UPDATE webhook_deliveries SET attempts = $1", MAX_ATTEMPTS - 2)
    deliveries = Deliveries(hub=world.hub)
    clock.ahead = timedelta(seconds=FIRST_RETRY_S + 1)
    await deliveries.run_once()
    assert await handled(world, delivery) == (False, None, MAX_ATTEMPTS - 1)
    clock.ahead += timedelta(hours=1)
    await deliveries.run_once()
    assert await handled(world, delivery) == (True, "given_up", MAX_ATTEMPTS)


async def test_concurrent_monitors_handle_each_webhook_once(world: World, clock: Clock):
    payment = await world.open()
    paid = await world.sandbox.pay(payment)
    for _ in range(20):
        await world.hub.inbox.store(delivery_of(world, paid["id"]))
    clock.ahead = timedelta(seconds=FIRST_RETRY_S + 1)
    await asyncio.gather(*(Deliveries(hub=world.hub).run_once() for _ in range(3)))
    assert await world.sandbox.request_count("GET /v1/payments/{payment_id}") == 20


# --- a second look ------------------------------------------------------------------------------


async def build_payment_details(world: World) -> None:
    """Build the read model of payments from the whole log."""
    await world.pool.execute(PAYMENT_DETAILS.create.format(table="payment_details"))
    async with world.pool.acquire() as connection, connection.transaction():
        history = [envelope async for envelope in world.hub.log.read_all(0)]
        await apply(connection, PAYMENT_DETAILS, history, table="payment_details")
        await connection.execute("INSERT INTO checkpoints VALUES ('payment_details', $1, 0)", PAYMENT_DETAILS.version)


async def test_every_payment_with_an_alert_is_read_once_more(world: World, clock: Clock):
    alerted, other, quiet = [await world.open(slug) for slug in ("padaria", "mercado", "padaria")]
    for payment in (alerted, other, quiet):
        await world.sandbox.pay(payment, amount=35 if payment is quiet else 15)
    for slug in ("padaria", "mercado"):
        await world.sweeps().run_once(FAST, f"{slug}.mercado_pago")
    look = SecondLook(hub=world.hub, pool=world.pool, providers=["mercado_pago"])
    with pytest.raises(StoreUnavailable):
        await look.run_once()
    await build_payment_details(world)
    for payment in (alerted, other):
        assert isinstance(payment.payment, Charged)
        rest = {"preference_id": payment.payment.charge.charge_id, "new_attempt": True, "amount": 20}
        await world.sandbox.control("POST", "pay", {"outcome": "approved", **rest})
    real = world.hub.providers.remote["mercado_pago"]

    async def for_the_other_only(reference: str, credential: Any) -> Any:
        if reference == alerted.payment.intent.external_reference:
            raise ProviderUnavailable(words="away")
        return await real.observe_reference(reference, credential)

    partly_failing = dataclasses.replace(
        world.hub, providers=Providers.of(remote=[Faulty(real, observe_reference=for_the_other_only)])
    )
    assert (await SecondLook(hub=partly_failing, pool=world.pool, providers=["mercado_pago"]).run_once()).delay_s < 600
    assert (await world.status(alerted), await world.status(other)) == ("pending", "approved")
    clock.ahead = timedelta(minutes=2)
    assert (await look.run_once()).delay_s > 3600
    assert await world.status(alerted) == "approved"
    asked = await world.sandbox.request_count()
    assert (await look.run_once()).delay_s > 3600
    assert await world.sandbox.request_count() == asked


# --- retention ----------------------------------------------------------------------------------


async def test_retention_deletes_old_rows_in_batches(world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.monitor.retention.BATCH", 3)
    payment = await world.open()
    await world.sandbox.pay(payment)
    await world.sweeps().run_once(FAST, "padaria.mercado_pago")
    for _ in range(5):
        await world.hub.inbox.store(delivery_of(world, 1))
    retention = Retention(pool=world.pool, now=world.hub.now, keep=Keep())
    assert (await retention.run_once()).delay_s == 3600
    clock.ahead = timedelta(days=91)
    assert (await retention.run_once()).delay_s < 60
    assert (await retention.run_once()).delay_s == 3600
    assert await world.pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
    assert await world.pool.fetchval("SELECT array_agg(kind) FROM evidence") == ["provider/payment"]
    clock.ahead = timedelta(days=401)
    await retention.run_once()
    assert await world.pool.fetchval("SELECT count(*) FROM evidence") == 0


async def test_answer_is_deleted_after_a_sweep_has_taken_its_place(world: World, clock: Clock):
    payment = await world.open()
    await refresh_payment(world.hub, payment.payment_id, cause=CAUSE)
    retention = Retention(pool=world.pool, now=world.hub.now, keep=Keep())
    clock.ahead = timedelta(days=2)
    for left in (1, 1, 0):
        await retention.run_once()
        assert await world.pool.fetchval("SELECT count(*) FROM provider_answers") == left
        await world.sweeps().run_once(QUIET, "padaria.mercado_pago")
        clock.ahead += timedelta(minutes=1)


async def test_unverified_webhook_and_evidence_are_deleted_after_seven_days(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.monitor.retention.BATCH", 3)
    for number, verdict in enumerate(("verified", "mismatched", "unverifiable", "outdated", "missing")):
        delivery = delivery_of(world, number, verdict=verdict)
        await world.hub.inbox.store(msgspec.structs.replace(delivery, raw=verdict.encode()))
    # Evidence of an older version, which had one kind for all webhooks, verified ones included.
    older = msgspec.structs.replace(delivery_of(world, 9, verdict="mismatched"), raw=b"older")
    await world.hub.inbox.store(older)
    await world.pool.execute(
        """
        UPDATE evidence SET kind = 'mercado_pago/webhook', body = 'older', sealed_by = NULL
        WHERE digest = (SELECT evidence FROM webhook_deliveries WHERE delivery_id = $1)
        """,
        older.delivery_id,
    )
    retention = Retention(pool=world.pool, now=world.hub.now, keep=Keep())
    clock.ahead = timedelta(days=6, hours=23)
    await retention.run_once()
    assert await world.pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 6
    clock.ahead = timedelta(days=7, hours=1)
    assert (await retention.run_once()).delay_s < 60
    assert (await retention.run_once()).delay_s == 3600
    assert await world.pool.fetchval("SELECT array_agg(verdict) FROM webhook_deliveries") == ["verified"]
    rows = await world.pool.fetch("SELECT digest, body FROM evidence ORDER BY sealed_by NULLS FIRST")
    seal = await world.hub.personal_data.body_seal()
    assert [rows[0]["body"], seal.open_body(*rows[1])] == [b"older", b"verified"]


async def test_each_kind_of_row_is_kept_as_long_as_its_setting_says(world: World, clock: Clock):
    payment = await world.open()
    await world.sandbox.pay(payment)
    await world.sweeps().run_once(FAST, "padaria.mercado_pago")
    for verdict in ("verified", "mismatched"):
        delivery = delivery_of(world, 1, verdict=verdict)
        await world.hub.inbox.store(msgspec.structs.replace(delivery, raw=verdict.encode()))
    await world.hub.payers.keep(payment.payment_id, Payer(name="Ana"))
    keep = Keep(evidence_days=800, deliveries_days=500, unverified_days=20, payer_days=10)
    retention = Retention(pool=world.pool, now=world.hub.now, keep=keep)
    counted = """
        SELECT (SELECT count(*) FROM payers), (SELECT count(*) FROM webhook_deliveries WHERE verdict <> 'verified'),
            (SELECT count(*) FROM webhook_deliveries WHERE verdict = 'verified'), (SELECT count(*) FROM evidence)
    """
    left = {}
    for days in (9, 11, 19, 21, 499, 501, 799, 801):
        clock.ahead = timedelta(days=days)
        await retention.run_once()
        left[days] = tuple(await world.pool.fetchrow(counted))
    assert left == {
        9: (1, 1, 1, 3),
        11: (0, 1, 1, 3),
        19: (0, 1, 1, 3),
        21: (0, 0, 1, 2),
        499: (0, 0, 1, 2),
        501: (0, 0, 0, 1),
        799: (0, 0, 0, 1),
        801: (0, 0, 0, 0),
    }
