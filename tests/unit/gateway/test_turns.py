"""Turns are bounded together and for each holder."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from services.gateway.turns import Turns


async def takes_a_turn(turns: Turns, holder: str) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.05), turns.take(holder):
            return True
    return False


async def test_one_holder_leaves_turns_to_the_others():
    turns = Turns(together=3, of_one=2)
    async with turns.take("padaria"), turns.take("padaria"):
        assert not await takes_a_turn(turns, "padaria")
        async with turns.take("outra"):
            assert not await takes_a_turn(turns, "terceira")
        assert await takes_a_turn(turns, "terceira")
    assert await takes_a_turn(turns, "padaria")


async def test_waiting_holder_has_no_turn_of_the_others():
    turns = Turns(together=2, of_one=1)
    async with turns.take("padaria"):
        waiting = [asyncio.create_task(takes_a_turn(turns, "padaria")) for _ in range(5)]
        await asyncio.sleep(0)
        assert await takes_a_turn(turns, "outra")
        assert not any(await asyncio.gather(*waiting))


async def test_failed_turn_ends():
    turns = Turns(together=1, of_one=1)
    with pytest.raises(ValueError, match="cut"):
        async with turns.take("padaria"):
            raise ValueError("cut")
    assert await takes_a_turn(turns, "outra")
