"""Creating payments with the merchant's own reference, metadata and return address."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from contracts.events import IdempotencyKeyUsed, Item, PaymentOpened, ReferenceTaken
from extrato.domain.errors import Refused
from extrato.domain.merchant import SetPixKey
from extrato.domain.origins import SetOrigins
from extrato.errors import ProviderUnavailable
from extrato.use_cases.cancel_payment import cancel_payment
from extrato.use_cases.change_merchant import change_merchant
from extrato.use_cases.create_payment import NewPayment, create_payment
from extrato.use_cases.expire_payment import expire_payment
from extrato.use_cases.export_person import export_person
from extrato.use_cases.forget_payer import forget_payers, plan_forgetting
from extrato.use_cases.forgetting_proof import prove_forgettings
from extrato.use_cases.idempotency import IdempotencyKey
from extrato.use_cases.merchant_directory import MerchantDirectory
from extrato.use_cases.payments import load_payment
from extrato.use_cases.refresh_payment import refresh_payment
from extrato.use_cases.refund_payment import RefundWish, refund_payment
from extrato.values import Payer
from tests.integration.monitor.conftest import CAUSE

if TYPE_CHECKING:
    from pathlib import Path

    from extrato.use_cases.create_payment import Created
    from extrato.use_cases.payments import LoadedPayment
    from tests.integration.monitor.conftest import Clock, World

ORDER = NewPayment(
    provider="mercado_pago",
    method="checkout",
    amount_centavos=3500,
    title="Pedido",
    description="10x Pão",
    items=(Item(name="Pão", quantity=10, unit_price_centavos=350),),
    payer=Payer(email="ana.lima@example.com"),
    lifetime=timedelta(minutes=30),
    reference="pedido-2041",
    unique_reference=True,
)
KEY = IdempotencyKey(key="v1\norder-2041", request_digest="ab" * 32)
OTHER_KEY = IdempotencyKey(key="v1\nanother", request_digest="cd" * 32)
METADATA = {"mesa": "12", "cliente": "Ana Lima de Alencar"}


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


async def create(world: World, *, slug: str = "padaria", key: IdempotencyKey | None = None, **changes: Any) -> Created:
    merchant = await MerchantDirectory(world.hub.log).get(slug)
    return await create_payment(world.hub, merchant, replace(ORDER, **changes), idempotency_key=key, cause=CAUSE)


async def opened(world: World, **changes: Any) -> LoadedPayment:
    return (await create(world, **changes)).loaded


async def refused_with(world: World, code: str, **changes: Any) -> Refused:
    """Create in vain, and check that nothing was recorded."""
    before = await world.hub.log.head()
    with pytest.raises(Refused) as refusal:
        await create(world, **changes)
    assert refusal.value.code == code
    assert await world.hub.log.head() == before
    return refusal.value


async def taken(world: World) -> list[ReferenceTaken]:
    topics = ["ReferenceTaken.v1"]
    return [each.event async for each in world.hub.log.read_all(0, topics=topics)]  # type: ignore[misc]


# --- the merchant's reference ---------------------------------------------------------------------


async def test_second_payment_with_a_unique_reference_is_refused_and_names_the_first(world: World):
    first = await opened(world)

    refusal = await refused_with(world, "reference_taken", payer=Payer(email="ana@example.com", cpf="52998224725"))

    assert refusal.message == f"Payment {first.payment_id} has this reference."
    assert await taken(world) == [
        ReferenceTaken(reference="pedido-2041", payment_id=first.payment_id, previous_payment_id=None)
    ]
    assert await world.pool.fetchval("SELECT count(*) FROM payers") == 0


async def test_of_concurrent_payments_with_one_reference_one_is_created(world: World):
    outcomes = await asyncio.gather(*(create(world) for _ in range(8)), return_exceptions=True)

    refused = [each for each in outcomes if isinstance(each, Refused)]
    assert [each.code for each in refused] == ["reference_taken"] * 7
    assert len(await taken(world)) == 1


async def test_reference_without_the_demand_may_occur_twice(world: World):
    first = await opened(world, unique_reference=False)
    second = await opened(world, unique_reference=False)

    assert {first.payment.intent.reference, second.payment.intent.reference} == {"pedido-2041"}
    assert await taken(world) == []


async def test_reference_of_another_merchant_is_another_reference(world: World):
    await opened(world)
    await opened(world, slug="mercado")

    assert len(await taken(world)) == 2


async def cancelled(world: World, loaded: LoadedPayment, _: Clock) -> None:
    await cancel_payment(world.hub, loaded.payment_id, cause=CAUSE)


async def expired(world: World, loaded: LoadedPayment, clock: Clock) -> None:
    clock.ahead = timedelta(minutes=31)
    await expire_payment(world.hub, loaded.payment_id, cause=CAUSE)


@pytest.mark.parametrize("close", [cancelled, expired])
async def test_payment_closed_unpaid_frees_its_reference(world: World, clock: Clock, close):
    first = await opened(world)
    await close(world, first, clock)

    second = await opened(world)

    assert [(each.payment_id, each.previous_payment_id) for each in await taken(world)] == [
        (first.payment_id, None),
        (second.payment_id, first.payment_id),
    ]
    assert (await refused_with(world, "reference_taken")).facts["payment_id"] == second.payment_id


async def test_refused_charge_frees_its_reference(world: World):
    # The provider rejects an item with the price 0.
    with pytest.raises(Exception, match="unit_price"):
        await create(world, items=(Item(name="Pão", quantity=10, unit_price_centavos=0),))

    await opened(world)
    assert len(await taken(world)) == 2


async def test_paid_payment_keeps_its_reference_also_after_its_refund(world: World):
    loaded = await opened(world)
    await world.sandbox.pay(loaded)
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    await refused_with(world, "reference_taken")

    wish = RefundWish(wish_id="w", attempt_id=None, amount_centavos=None, reason=None)
    await refund_payment(world.hub, loaded.payment_id, wish, cause=CAUSE)

    await refused_with(world, "reference_taken")


async def test_money_that_comes_late_keeps_the_reference(world: World, clock: Clock):
    loaded = await opened(world)
    await expired(world, loaded, clock)
    await world.sandbox.pay(loaded)
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)

    await refused_with(world, "reference_taken")


async def test_money_that_comes_after_another_payment_took_the_reference_keeps_it(world: World, clock: Clock):
    first = await opened(world)
    await expired(world, first, clock)
    second = await opened(world)
    await world.sandbox.pay(first)
    await refresh_payment(world.hub, first.payment_id, cause=CAUSE)
    assert (await refused_with(world, "reference_taken")).facts["payment_id"] == second.payment_id
    await cancelled(world, second, clock)

    assert (await refused_with(world, "reference_taken")).facts["payment_id"] == first.payment_id


async def test_payment_without_a_charge_keeps_its_reference_and_a_repetition_completes_it(world: World):
    await world.sandbox.faults(error_rate=1)
    with pytest.raises(ProviderUnavailable):
        await create(world, key=KEY)
    (first,) = await taken(world)
    await refused_with(world, "reference_taken", key=OTHER_KEY)
    await world.sandbox.faults(error_rate=0)

    created = await create(world, key=KEY)

    assert (created.loaded.payment_id, created.is_repeated) == (first.payment_id, True)


async def test_repeated_creation_with_a_reference_returns_the_first_payment(world: World):
    first = await create(world, key=KEY)
    again = await asyncio.gather(*(create(world, key=KEY) for _ in range(4)))

    assert not first.is_repeated
    assert {(each.loaded.payment_id, each.is_repeated) for each in again} == {(first.loaded.payment_id, True)}
    topics = ["IdempotencyKeyUsed.v1"]
    used = [each.event async for each in world.hub.log.read_all(0, topics=topics)]
    assert [type(each) for each in used] == [IdempotencyKeyUsed]


async def test_repetitions_keep_no_details_of_the_payer(world: World):
    """A row of a payment that never exists would outlive a forgetting: no payment leads to it."""
    payer = Payer(email="ana.lima@example.com", name="Ana Lima", cpf="52998224725")
    await asyncio.gather(*(create(world, method="pix", payer=payer, key=KEY) for _ in range(5)))
    await create(world, method="pix", payer=payer, key=KEY)
    assert await world.pool.fetchval("SELECT count(*) FROM payers") == 0


# --- the return address ---------------------------------------------------------------------------


REFUSED_ADDRESSES = (
    "https://other.example/obrigado",
    "http://loja.example/obrigado",
    "https://loja.example:8443/obrigado",
    "https://loja.example@other.example/",
    "https://ana:secret@loja.example/obrigado",
    "https://loja.example.other.example/",
    "https://sub.loja.example/",
    "https:/loja.example/",
    "//loja.example/obrigado",
    "javascript:alert(1)",
    "https://loja.example\\@other.example/",
    "https://loja.example/ obrigado",
    "https://loja.example/obrigado\n",
    "https://loja.example/" + "a" * 2000,
    "",
)


async def test_return_address_of_an_origin_that_is_not_registered_is_refused(world: World):
    await change_merchant(world.hub, "padaria", [SetOrigins(return_origins=("https://loja.example",))], cause=CAUSE)

    for address in REFUSED_ADDRESSES:
        await refused_with(world, "return_url_not_allowed", return_url=address)


async def test_return_address_of_a_registered_origin_is_recorded(world: World):
    await change_merchant(world.hub, "padaria", [SetOrigins(return_origins=("https://loja.example",))], cause=CAUSE)

    loaded = await opened(world, return_url="HTTPS://Loja.example:443/obrigado?a=1#fim")

    assert loaded.payment.intent.return_url == "HTTPS://Loja.example:443/obrigado?a=1#fim"


# --- metadata -------------------------------------------------------------------------------------


async def a_pix(world: World) -> LoadedPayment:
    await change_merchant(world.hub, "padaria", [SetPixKey(kind="email", key="padaria@example.com")], cause=CAUSE)
    return await opened(world, provider="pix", method="pix", metadata=METADATA)


async def test_metadata_is_sealed_with_the_key_of_the_payment(world: World):
    loaded = await a_pix(world)
    other = await opened(world, reference="other", metadata=METADATA)
    data, sealed = world.hub.personal_data, loaded.payment.intent.metadata

    assert await data.open_metadata(loaded.payment_id, sealed) == METADATA
    assert await data.open_metadata(other.payment_id, sealed) == {}
    states = await world.pool.fetch("SELECT convert_from(state, 'UTF8') AS state FROM stored_events")
    assert not [row["state"] for row in states if "Alencar" in row["state"]]


async def test_metadata_is_forgotten_with_the_payer(world: World, clock: Clock, tmp_path: Path):
    world.hub.forgotten_list._file = tmp_path / "forgotten.jsonl"
    loaded = await a_pix(world)
    await expired(world, loaded, clock)
    (held,) = (await export_person(world.hub, "ana.lima@example.com", evidence_kept=timedelta(days=1))).payments
    assert held.metadata == METADATA
    planned = await plan_forgetting(world.hub, [loaded.payment_id])
    assert (planned[0].emails, planned[0].metadata) == (1, 1)

    await forget_payers(world.hub, planned, reason="payer_request", cause=CAUSE)

    now = await load_payment(world.hub, loaded.payment_id)
    assert now.payment.intent.metadata is None
    events = await world.events(loaded, PaymentOpened)
    assert await world.hub.personal_data.open_metadata(loaded.payment_id, events[0].event.metadata) == {}
    proof = await prove_forgettings(world.hub, payment_id=loaded.payment_id, since=None)
    assert [each.field for each in proof.payments[0].fields] == ["payer_email", "metadata"]


async def test_export_has_the_merchants_text_that_may_name_the_payer(world: World):
    await change_merchant(world.hub, "padaria", [SetOrigins(return_origins=("https://loja.example",))], cause=CAUSE)
    address, reason = "https://loja.example/obrigado?cliente=Ana+Lima", "Ana Lima desistiu"
    loaded = await opened(world, return_url=address)
    await world.sandbox.pay(loaded)
    await refresh_payment(world.hub, loaded.payment_id, cause=CAUSE)
    wish = RefundWish(wish_id="w", attempt_id=None, amount_centavos=None, reason=reason)
    await refund_payment(world.hub, loaded.payment_id, wish, cause=CAUSE)

    (held,) = (await export_person(world.hub, "ana.lima@example.com", evidence_kept=timedelta(days=1))).payments

    assert (held.reference, held.return_url, held.reasons) == ("pedido-2041", address, [reason])


async def test_payment_without_metadata_has_none(world: World):
    assert (await opened(world)).payment.intent.metadata is None
