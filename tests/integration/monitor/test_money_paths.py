"""Unusual paths of money: unclear refunds, lost webhooks, late attempts, early ends."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from contracts.events import (
    CancellationRequested,
    ChargeCreated,
    DuplicatePaymentObserved,
    PaymentCancelled,
    PaymentExpired,
    RefundMade,
    RefundRefused,
)
from extrato.domain.payment.state import Charged
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW
from extrato.errors import (
    ExtratoError,
    ProviderMisunderstood,
    ProviderNotConnected,
    ProviderRefused,
    ProviderUnavailable,
)
from extrato.providers.port import Providers, RefundSeen
from extrato.use_cases.cancel_payment import cancel_payment, complete_cancellation
from extrato.use_cases.handle_delivery import handle_delivery
from extrato.use_cases.payments import load_payment
from extrato.use_cases.provider_accounts import connect_provider, disconnect_provider
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.use_cases.refund_payment import RefundWish, complete_refund, refund_payment, refunds_of
from extrato.values import Payer
from services.gateway.workers.provider_checks import ProviderChecks
from services.monitor.backoff import BackOff
from services.monitor.expiry import Expiry
from services.monitor.open_payments import Account, OpenPayments, UnchargedPayment
from tests.compatibility.claim import claim
from tests.integration.monitor.conftest import CAUSE, Faulty
from tests.integration.monitor.test_jobs import charges_of, delivery_of, handled, kinds, open_without_charge

if TYPE_CHECKING:
    from extrato.use_cases.hub import Hub
    from extrato.use_cases.payments import LoadedPayment
    from tests.integration.monitor.conftest import Clock, World

ACCOUNT = "padaria.mercado_pago"


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


def hub_with(world: World, **instead: Any) -> Hub:
    provider = Faulty(world.hub.providers.remote["mercado_pago"], **instead)
    return dataclasses.replace(world.hub, providers=Providers.of(remote=[provider]))


def raising(error: Exception) -> Any:
    async def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


async def paid(world: World) -> LoadedPayment:
    loaded = await world.open()
    await world.sandbox.pay(loaded)
    await world.sweeps().run_once(FAST, ACCOUNT)
    assert await world.status(loaded) == "approved"
    return loaded


async def refunded_at_provider(world: World, loaded: LoadedPayment) -> int:
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    return (await load_payment(world.hub, loaded.payment_id)).payment.ledger.total.refunded


async def request_refund(hub: Hub, loaded: LoadedPayment, wish_id: str, amount_centavos: int) -> str:
    """Request a refund, retry after a conflict, and return the refund's state."""
    wish = RefundWish(wish_id=wish_id, amount_centavos=amount_centavos)
    for _ in range(5):
        with contextlib.suppress(ExtratoError):
            await refund_payment(hub, loaded.payment_id, wish, cause=CAUSE)
        known = refunds_of(await load_payment(hub, loaded.payment_id), wish_id)
        if known:
            [refund] = known.values()
            return refund.state
    raise AssertionError(f"refund request {wish_id} was never recorded")


async def refund_id(world: World, loaded: LoadedPayment, wish_id: str) -> str:
    [name] = refunds_of(await load_payment(world.hub, loaded.payment_id), wish_id)
    return name


# --- refunds ------------------------------------------------------------------------------------


async def test_refused_refund_is_not_mistaken_for_one_in_the_panel(world: World):
    loaded = await paid(world)
    await world.sandbox.pay(loaded, "refunded", amount=4)
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    refusing = hub_with(world, refund_attempt=raising(ProviderRefused(words="400: not enough balance")))
    # The refund in the panel is too old to be this one.
    clock_later = dataclasses.replace(refusing, now=lambda: world.hub.now() + timedelta(minutes=5))
    assert await request_refund(clock_later, loaded, "r1", 400) == "refused"
    assert await request_refund(refusing, loaded, "r2", 300) == "refused"
    assert await world.events(loaded, RefundMade) == []
    assert len(await world.events(loaded, RefundRefused)) == 2


async def test_refund_with_lost_answer_is_found_despite_later_refusal(world: World):
    loaded = await paid(world)
    real = world.hub.providers.remote["mercado_pago"].refund_attempt

    async def lose_the_answer(*asked: Any) -> None:
        await real(*asked)
        raise ProviderUnavailable(words="The line broke.")

    assert await request_refund(hub_with(world, refund_attempt=lose_the_answer), loaded, "r1", 400) == "requested"
    refusing = hub_with(world, refund_attempt=raising(ProviderRefused(words="400: 2063")))
    await complete_refund(refusing, loaded.payment_id, await refund_id(world, loaded, "r1"), cause=CAUSE)
    [made] = await world.events(loaded, RefundMade)
    assert made.event.provider_refund_id
    assert await refunded_at_provider(world, loaded) == 400


async def test_two_unclear_refunds_are_told_apart(world: World):
    loaded = await paid(world)
    away = hub_with(world, refund_attempt=raising(ProviderUnavailable(words="away")))
    assert [await request_refund(away, loaded, name, 300) for name in ("r1", "r2")] == ["requested"] * 2
    real, first = world.hub.providers.remote["mercado_pago"].refund_attempt, await refund_id(world, loaded, "r1")

    async def refuse_the_first(request: Any, credential: Any) -> Any:
        if request.refund_id == first:
            raise ProviderRefused(words="400: 2084")
        return await real(request, credential)

    half = hub_with(world, refund_attempt=refuse_the_first)
    await complete_refund(half, loaded.payment_id, await refund_id(world, loaded, "r2"), cause=CAUSE)
    with pytest.raises(ProviderRefused):
        await complete_refund(half, loaded.payment_id, await refund_id(world, loaded, "r1"), cause=CAUSE)
    refunds = (await load_payment(world.hub, loaded.payment_id)).payment.refunds
    assert {refund.wish_id: refund.state for refund in refunds.values()} == {"r1": "refused", "r2": "made"}


async def test_ambiguous_refund_leaves_both_requests_open(world: World):
    loaded = await paid(world)
    away = hub_with(world, refund_attempt=raising(ProviderUnavailable(words="away")))
    assert [await request_refund(away, loaded, name, 300) for name in ("r1", "r2")] == ["requested"] * 2
    await world.sandbox.pay(loaded, "refunded", amount=3)
    refusing = hub_with(world, refund_attempt=raising(ProviderRefused(words="400: 2084")))
    with pytest.raises(ProviderUnavailable):
        await complete_refund(refusing, loaded.payment_id, await refund_id(world, loaded, "r1"), cause=CAUSE)
    assert await world.events(loaded, RefundMade, RefundRefused) == []


@pytest.mark.parametrize("state", ["pending", "refused"])
async def test_refund_is_made_only_with_approved_answer(world: World, state):
    loaded = await paid(world)

    async def answer(request: Any, _: Any) -> RefundSeen:
        return RefundSeen(refund_id="77", amount_centavos=request.amount_centavos, state=state, asked_at=None)

    stands = await request_refund(hub_with(world, refund_attempt=answer), loaded, "r1", 400)
    assert stands == {"pending": "in_process", "refused": "refused"}[state]
    assert await world.events(loaded, RefundMade) == []


async def test_unclear_answer_does_not_fail_a_refund(world: World):
    loaded = await paid(world)
    misreading = hub_with(world, refund_attempt=raising(ProviderMisunderstood(status=301)))
    assert await request_refund(misreading, loaded, "r1", 400) == "requested"
    await complete_refund(world.hub, loaded.payment_id, await refund_id(world, loaded, "r1"), cause=CAUSE)
    assert await refunded_at_provider(world, loaded) == 400


async def test_concurrent_refunds_are_each_made_once(world: World):
    loaded = await paid(world)
    states = await asyncio.gather(*(request_refund(world.hub, loaded, f"r{n}", 100) for n in range(12)))
    assert set(states) <= {"made", "requested"}
    for name, state in zip((f"r{n}" for n in range(12)), states, strict=True):
        if state == "requested":
            await complete_refund(world.hub, loaded.payment_id, await refund_id(world, loaded, name), cause=CAUSE)
    assert await refunded_at_provider(world, loaded) == 1200
    refund_ids = {made.event.provider_refund_id for made in await world.events(loaded, RefundMade)}
    assert len(refund_ids) == 12


async def test_equal_panel_refund_does_not_complete_a_refused_one(world: World):
    loaded = await paid(world)
    await world.sandbox.pay(loaded, "refunded", amount=20)
    assert await request_refund(world.hub, loaded, "w1", 2000) == "refused"
    assert await world.events(loaded, RefundMade) == []
    assert await refunded_at_provider(world, loaded) == 2000


async def test_two_unknown_refunds_do_not_complete_a_refused_one(world: World):
    loaded = await paid(world)

    async def refuse(*_: Any) -> None:
        for _ in range(2):
            await world.sandbox.pay(loaded, "refunded", amount=4)
        raise ProviderRefused(words="400: 2084")

    assert await request_refund(hub_with(world, refund_attempt=refuse), loaded, "w1", 400) == "requested"


@pytest.mark.parametrize(("ends", "state", "left"), [("approved", "made", 3100), ("rejected", "refused", 3500)])
async def test_processing_refund_of_order_follows_the_list(world: World, ends, state, left):
    """Until it ends, the hub neither repeats the refund nor counts it as made, and its amount stays reserved."""
    await world.sandbox.control("PUT", "accounts/100", {"is_test_user": True})
    loaded = await world.open(method="pix", payer=Payer(email="ana@testuser.com"))
    await world.sandbox.pay(loaded)
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    await world.sandbox.faults(order_refunds="processing")
    assert await request_refund(world.hub, loaded, "w1", 400) == "in_process"
    name = await refund_id(world, loaded, "w1")
    with pytest.raises(ProviderUnavailable):
        await complete_refund(world.hub, loaded.payment_id, name, cause=CAUSE)
    known = (await load_payment(world.hub, loaded.payment_id)).payment
    [attempt] = known.attempts
    assert known.ledger.refundable_centavos(attempt) == 3100
    await world.sandbox.control("POST", f"refunds/{known.refunds[name].provider_refund_id}", {"status": ends})
    with contextlib.suppress(ProviderRefused):
        await complete_refund(world.hub, loaded.payment_id, name, cause=CAUSE)
    known = (await load_payment(world.hub, loaded.payment_id)).payment
    assert (known.refunds[name].state, known.ledger.refundable_centavos(attempt)) == (state, left)


# --- lost webhooks and late attempts --------------------------------------------------------------


async def test_dispute_is_found_without_webhook_or_open_payment(world: World, clock: Clock):
    loaded = await paid(world)
    await world.wait_until_projected(loaded.payment_id)
    await world.sandbox.pay(loaded, "charged_back")
    clock.ahead = timedelta(minutes=20)
    await world.sweeps().run_once(QUIET, ACCOUNT)
    assert await world.status(loaded) == "charged_back"


async def test_change_in_quiet_account_is_found_by_next_sweep(world: World, clock: Clock):
    loaded = await paid(world)
    await world.wait_until_projected(loaded.payment_id)
    await world.sandbox.pay(loaded, "charged_back")
    clock.ahead = timedelta(minutes=10)
    await world.open()
    await world.sweeps().run_once(FAST, ACCOUNT)
    assert await world.status(loaded) == "charged_back"


async def test_pending_attempt_beside_a_paid_one_is_watched(world: World):
    loaded = await world.open()
    preference = {"preference_id": charge_of(loaded).charge_id}
    waiting = await world.sandbox.control("POST", "pay", {**preference, "outcome": "pending"})
    card = await world.sandbox.control("POST", "pay", {**preference, "outcome": "in_process"})
    await world.sandbox.control("POST", "pay", {"payment_id": card["id"], "outcome": "approved"})
    await world.sweeps().run_once(FAST, ACCOUNT)
    assert await world.status(loaded) == "approved"
    await world.wait_until_projected(loaded.payment_id)
    await world.sandbox.control("POST", "pay", {"payment_id": waiting["id"], "outcome": "approved"})
    for lane in (FAST, SLOW):
        await world.sweeps().run_once(lane, ACCOUNT)
    assert len(await world.events(loaded, DuplicatePaymentObserved)) == 1


@pytest.mark.parametrize("kind", ["policy", "invalid_access_token", "html"])
async def test_webhook_stays_open_when_provider_fails(world: World, kind):
    loaded = await paid(world)
    disputed = await world.sandbox.pay(loaded, "charged_back")
    delivery = delivery_of(world, disputed["id"])
    await world.hub.inbox.store(delivery)
    await world.sandbox.faults(error_rate=1, error_kind=kind)
    with pytest.raises(ExtratoError):
        await handle_delivery(world.hub, delivery)
    await world.sandbox.faults(error_rate=0)
    assert (await handled(world, delivery))[0] is False
    assert await handle_delivery(world.hub, delivery) == "recorded"
    assert (await handled(world, delivery))[0] is True


@pytest.mark.parametrize("kind", ["payment", "topic_merchant_order_wh"])
async def test_webhook_to_shared_account_finds_other_merchants_payment(world: World, kind):
    shared = await world.hub.vault.get("padaria", "mercado_pago")
    assert shared is not None
    await disconnect_provider(world.hub, "mercado", "mercado_pago", cause=CAUSE)
    await connect_provider(world.hub, "mercado", "mercado_pago", shared, cause=CAUSE)
    loaded = await world.open("mercado")
    paid_attempt = await world.sandbox.pay(loaded)
    named = paid_attempt["id"] if kind == "payment" else paid_attempt["order"]["id"]
    delivery = msgspec.structs.replace(delivery_of(world, named), kind=kind)
    await world.hub.inbox.store(delivery)
    assert await handle_delivery(world.hub, delivery) == "recorded"
    assert await world.status(loaded) == "approved"


async def test_webhook_of_another_account_finds_no_payment(world: World):
    loaded = await world.open("mercado")
    paid_attempt = await world.sandbox.pay(loaded)
    provider = world.hub.providers.remote["mercado_pago"]
    credential = await world.hub.vault.get("mercado", "mercado_pago")
    seen = await provider.observe_attempt(str(paid_attempt["id"]), credential)

    async def as_the_padaria_sees_it(*_: Any) -> Any:
        return seen

    delivery = delivery_of(world, paid_attempt["id"])
    await world.hub.inbox.store(delivery)
    hub = hub_with(world, observe_attempt=as_the_padaria_sees_it)
    assert await handle_delivery(hub, delivery) == "unknown_payment"
    assert await world.status(loaded) == "pending"


async def test_webhook_stays_open_while_provider_shows_nothing(world: World):
    loaded = await world.open()
    paid_attempt = await world.sandbox.pay(loaded)

    async def nothing_yet(*_: Any) -> None:
        return None

    delivery = delivery_of(world, paid_attempt["id"])
    await world.hub.inbox.store(delivery)
    with pytest.raises(ProviderUnavailable):
        await handle_delivery(hub_with(world, observe_attempt=nothing_yet), delivery)
    assert (await handled(world, delivery))[0] is False


async def test_unreadable_attempt_hides_no_other(world: World):
    loaded = await world.open()
    preference = {"preference_id": charge_of(loaded).charge_id}
    odd = await world.sandbox.control("POST", "pay", {**preference, "outcome": "in_process"})
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    await world.sandbox.control("POST", "pay", {**preference, "outcome": "approved"})
    real = world.hub.providers.remote["mercado_pago"].observe_attempt

    async def understand_the_rest(attempt_id: str, credential: Any) -> Any:
        if attempt_id == str(odd["id"]):
            raise ProviderMisunderstood(why="amount_decimals")
        return await real(attempt_id, credential)

    with pytest.raises(ProviderMisunderstood):
        await refresh_payment(hub_with(world, observe_attempt=understand_the_rest), loaded.payment_id, cause=CAUSE)
    assert await world.status(loaded) == "approved"


# --- ends ---------------------------------------------------------------------------------------


def charge_of(loaded: LoadedPayment) -> ChargeCreated:
    assert isinstance(loaded.payment, Charged)
    return loaded.payment.charge


def expiry_of(world: World, hub: Hub | None = None) -> Expiry:
    return Expiry(
        hub=hub or world.hub,
        open_payments=OpenPayments(world.pool),
        pauses=BackOff(world.hub.now),
        providers=["mercado_pago"],
    )


async def test_payment_paid_in_time_does_not_expire(world: World, clock: Clock):
    loaded = await world.open(lifetime=timedelta(minutes=5))
    await world.sandbox.pay(loaded)
    clock.ahead = timedelta(minutes=5, seconds=1)
    await expiry_of(world).run_once()
    assert await world.status(loaded) == "approved"
    assert await world.events(loaded, PaymentExpired) == []


async def test_expiry_waits_up_to_a_day_for_the_provider(world: World, clock: Clock):
    loaded = await world.open(lifetime=timedelta(minutes=5))
    clock.ahead = timedelta(minutes=6)
    await world.sandbox.faults(error_rate=1)
    await expiry_of(world).run_once()
    assert await world.events(loaded, PaymentExpired) == []
    clock.ahead = timedelta(days=1, minutes=6)
    await expiry_of(world).run_once()
    assert len(await world.events(loaded, PaymentExpired)) == 1
    # A later answer of the provider is recorded as well.
    await world.sandbox.faults(error_rate=0)


async def test_unreachable_account_does_not_block_expiry_of_others(world: World, clock: Clock):
    stuck, other = (
        await world.open("mercado", lifetime=timedelta(minutes=5)),
        await world.open(lifetime=timedelta(minutes=5)),
    )
    clock.ahead = timedelta(minutes=6)
    real = world.hub.vault.get

    async def no_credential(slug: str, provider: str) -> Any:
        return None if slug == "mercado" else await real(slug, provider)

    hub = dataclasses.replace(world.hub, vault=Faulty(world.hub.vault, get=no_credential))
    await expiry_of(world, hub).run_once()
    assert await world.events(stuck, PaymentExpired) == []
    assert len(await world.events(other, PaymentExpired)) == 1


async def test_attempt_found_after_cancellation_is_cancelled_too(world: World):
    loaded = await world.open()
    await world.sandbox.faults(search_lag_ms=120_000)
    waiting = await world.sandbox.pay(loaded, "pending")
    await cancel_payment(world.hub, loaded.payment_id, cause=CAUSE)
    assert len(await world.events(loaded, PaymentCancelled)) == 1
    delivery = delivery_of(world, waiting["id"])
    await world.hub.inbox.store(delivery)
    await handle_delivery(world.hub, delivery)
    assert len(await world.events(loaded, CancellationRequested)) == 2
    await complete_cancellation(world.hub, loaded.payment_id, cause=CAUSE)
    order = {"payment_id": waiting["id"], "outcome": "approved"}
    async with world.sandbox.session.post(f"{world.sandbox.url}/_sandbox/pay", json=order) as paying:
        assert paying.status == 409
    assert await world.status(loaded) == "cancelled"


async def test_cancellation_with_unclear_answer_is_completed_later(world: World):
    loaded = await world.open()
    misreading = hub_with(world, cancel_charge=raising(ProviderMisunderstood(status=301)))
    with pytest.raises(ProviderUnavailable):
        await cancel_payment(misreading, loaded.payment_id, cause=CAUSE)
    await complete_cancellation(world.hub, loaded.payment_id, cause=CAUSE)
    assert await world.status(loaded) == "cancelled"


async def test_late_charged_pix_ends_when_the_provider_ends_it(world: World, clock: Clock):
    number = await a_late_pix(world, clock)
    clock.ahead = timedelta(minutes=30, seconds=1)
    await expiry_of(world).run_once()
    assert "PaymentExpired" not in await kinds(world, number)
    cancelled = await cancel_payment(world.hub, number, cause=CAUSE)
    assert cancelled.payment.status == "cancelled"
    order = {"external_reference": cancelled.payment.intent.external_reference, "outcome": "approved"}
    async with world.sandbox.session.post(f"{world.sandbox.url}/_sandbox/pay", json=order) as paying:
        assert paying.status == 409


async def a_late_pix(world: World, clock: Clock) -> int:
    """Open a Pix during an outage of the provider, and charge it a minute before it expires."""
    await world.sandbox.faults(error_rate=1)
    with pytest.raises(ExtratoError):
        await world.open(method="pix", payer=Payer(email="a@testuser.com"), lifetime=timedelta(minutes=30))
    number: int = await world.pool.fetchval("SELECT last_value FROM payment_numbers")
    await world.sandbox.faults(error_rate=0)
    await world.wait_until_projected(number)
    clock.ahead = timedelta(minutes=29)
    await charges_of(world).run_once()
    await world.wait_until_projected(number)
    assert "ChargeCreated" in await kinds(world, number)
    return number


async def test_ended_payment_does_not_block_other_charges(world: World):
    gone, other = await open_without_charge(world), await open_without_charge(world)
    await cancel_payment(world.hub, gone, cause=CAUSE)

    class Lagging:
        """A read model that lags."""

        async def uncharged(self, **_: Any) -> list[UnchargedPayment]:
            account = Account.named(ACCOUNT)
            return [UnchargedPayment(payment_id=number, account=account) for number in (gone, other)]

    await charges_of(world, open_payments=Lagging()).run_once()
    assert "ChargeCreated" in await kinds(world, other)


async def test_charge_with_refused_credential_is_not_created_later(world: World):
    await world.sandbox.faults(error_rate=1, error_kind="invalid_access_token")
    with pytest.raises(ProviderNotConnected):
        await world.open()
    await world.sandbox.faults(error_rate=0)
    number = await world.pool.fetchval("SELECT last_value FROM payment_numbers")
    assert await kinds(world, number) == ["PaymentOpened", "ChargeRefused", "StatusChanged"]


# --- checks ------------------------------------------------------------------------------------


async def test_check_without_provider_answers_known_status(world: World):
    loaded = await world.open()
    paid_attempt = await world.sandbox.pay(loaded)
    release = asyncio.Event()

    async def fail_in_the_end(*_: Any) -> None:
        await release.wait()
        raise ProviderUnavailable(words="away")

    checks = ProviderChecks(hub_with(world, observe_reference=fail_in_the_end), fresh_s=world.settings.timeouts.fresh_s)
    first = asyncio.create_task(checks.check(loaded, cause=CAUSE))
    await asyncio.sleep(0)
    await handle_delivery(world.hub, delivery_of(world, paid_attempt["id"]))
    second = asyncio.create_task(checks.check(await load_payment(world.hub, loaded.payment_id), cause=CAUSE))
    await asyncio.sleep(0)
    release.set()
    for checked in (await first, await second):
        assert (checked.loaded.payment.status, checked.synced_at) == ("approved", None)


@claim("check.asks")
async def test_verified_check_is_repeated_after_three_seconds(
    world: World,
):
    now_s = 1000.0
    loaded = await world.open()
    checks = ProviderChecks(world.hub, fresh_s=world.settings.timeouts.fresh_s, time_s=lambda: now_s)
    before = await world.sandbox.request_count()

    first = await checks.check(loaded, cause=CAUSE)
    now_s = 1002.9
    again = await checks.check(loaded, cause=CAUSE)
    assert (again.synced_at, again.changed) == (first.synced_at, False)
    assert await world.sandbox.request_count() - before == 1

    now_s = 1003.1
    later = await checks.check(loaded, cause=CAUSE)
    assert later.synced_at != first.synced_at
    assert await world.sandbox.request_count() - before == 2
