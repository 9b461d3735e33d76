"""A key is used once: repetitions of the request find it used, and other requests are refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from extrato.domain.errors import Refused
from extrato.use_cases.idempotency import IdempotencyKey, payment_of_key, use_key
from tests.integration.monitor.conftest import CAUSE

if TYPE_CHECKING:
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
