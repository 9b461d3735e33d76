"""A key is used once: repetitions of the request find it used, and other requests are refused."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from extrato.domain.errors import Refused
from extrato.domain.payment.commands import ConfirmByBank, ResolveAlert
from extrato.use_cases.idempotency import IdempotencyKey, payment_of_key, use_key
from extrato.use_cases.payments import change_payment, load_payment
from extrato.use_cases.resolve_alert import resolve_alert
from tests.integration.monitor.conftest import CAUSE

if TYPE_CHECKING:
    from extrato.use_cases.payments import LoadedPayment, Outcome
    from tests.integration.monitor.conftest import World

KEY = IdempotencyKey(key="v1\npedido-15", request_digest="ab" * 32)


async def test_one_of_many_requests_at_once_uses_the_key(world: World):
    used = await asyncio.gather(*(use_key(world.hub, "padaria", KEY, payment_id=15, cause=CAUSE) for _ in range(20)))
    assert used.count(False) == 1
    assert await payment_of_key(world.hub, "padaria", KEY) == 15


async def test_key_of_another_request_is_refused(world: World):
    await use_key(world.hub, "padaria", KEY, payment_id=15, cause=CAUSE)
    with pytest.raises(Refused) as refused:
        await use_key(world.hub, "padaria", replace(KEY, request_digest="cd" * 32), payment_id=15, cause=CAUSE)
    assert refused.value.code == "idempotency_key_reused"


async def test_keys_of_merchants_are_separate(world: World):
    await use_key(world.hub, "padaria", KEY, payment_id=15, cause=CAUSE)
    assert await use_key(world.hub, "outra", KEY, payment_id=16, cause=CAUSE) is False


async def test_request_without_a_key_is_never_repeated(world: World):
    assert await use_key(world.hub, "padaria", None, payment_id=15, cause=CAUSE) is False


# --- an alert is resolved once ----------------------------------------------------------------------

RESOLVE = ResolveAlert(alert="late_payment", reason="Falei com a cliente")


async def receive_late(world: World, opened: LoadedPayment, transfer: str) -> None:
    late_at = opened.opened_at + timedelta(days=2)
    confirmation = ConfirmByBank(
        amount_centavos=3500,
        end_to_end_id=transfer,
        received_at=late_at,
        paid_at=late_at,
        grace=timedelta(0),
        evidence=None,
    )
    await change_payment(world.hub, opened.payment_id, [confirmation], cause=CAUSE)


async def resolve(world: World, opened: LoadedPayment, key: IdempotencyKey | None = KEY) -> Outcome:
    loaded = await load_payment(world.hub, opened.payment_id)
    return await resolve_alert(world.hub, loaded, RESOLVE, idempotency_key=key, cause=CAUSE)


async def test_repetition_resolves_no_later_occurrence(world: World):
    opened = await world.open()
    await receive_late(world, opened, "E1")
    first = await resolve(world, opened)
    assert (first.is_repeated, first.loaded.payment.alerts) == (False, ())
    await receive_late(world, opened, "E2")
    again = await resolve(world, opened)
    assert again.is_repeated
    assert "late_payment" in again.loaded.payment.alerts
    assert "late_payment" not in (await resolve(world, opened, None)).loaded.payment.alerts


async def test_request_about_a_closed_alert_uses_its_key_too(world: World):
    opened = await world.open()
    await receive_late(world, opened, "E1")
    await resolve(world, opened, None)
    assert [(await resolve(world, opened)).is_repeated for _ in range(2)] == [False, True]
    await receive_late(world, opened, "E2")
    assert "late_payment" in (await resolve(world, opened)).loaded.payment.alerts


async def test_one_of_many_requests_at_once_resolves(world: World):
    opened = await world.open()
    await receive_late(world, opened, "E1")
    outcomes = await asyncio.gather(*(resolve(world, opened) for _ in range(10)))
    assert [outcome.is_repeated for outcome in outcomes].count(False) == 1
    with pytest.raises(Refused) as refused:
        await resolve(world, opened, replace(KEY, request_digest="cd" * 32))
    assert refused.value.code == "idempotency_key_reused"
