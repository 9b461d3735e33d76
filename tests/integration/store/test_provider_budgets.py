"""The budget of an account is shared by processes, keeps a reserve for checks, and survives what may break."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from extrato.errors import BudgetUsedUp
from extrato.store import provider_budgets as module
from extrato.store.provider_budgets import ProviderBudgets
from tests.integration.store.budget_clock import NOW, stop_budget_clock
from tests.pace import within

if TYPE_CHECKING:
    import asyncpg

PROVIDER, NAME = "mercado_pago", "aa"


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    return emptied_database_url


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_budget_clock(monkeypatch)


def process(pool: asyncpg.Pool, per_minute: int = 60) -> ProviderBudgets:
    """The budgets as one process sees them."""
    return ProviderBudgets(pool, per_minute=per_minute)


async def calls(budgets: ProviderBudgets, purpose: str, *, name: str = NAME, at_most: int = 1000) -> int:
    """Call until the budget refuses; returns the number of calls."""
    for count in range(at_most):
        try:
            await budgets.take(PROVIDER, name, purpose)
        except BudgetUsedUp:
            return count
    return at_most


async def test_background_leaves_a_reserve_that_checks_may_use(pool: asyncpg.Pool, monkeypatch):
    monkeypatch.setattr(module, "ASK_AGAIN_AFTER_S", 60.0)
    budgets = process(pool)
    assert await calls(budgets, "background") == 48
    assert await calls(budgets, "check") == 12
    assert await calls(budgets, "payment", at_most=100) == 100


async def test_checks_of_payers_leave_calls_to_sweeps_and_webhooks(pool: asyncpg.Pool, monkeypatch):
    monkeypatch.setattr(module, "ASK_AGAIN_AFTER_S", 60.0)
    budgets = process(pool)
    # Payers can keep the payments of a whole shop open in many windows.
    assert await calls(budgets, "payer") == 36
    assert await calls(budgets, "background") == 12
    assert await calls(budgets, "check") == 12


async def test_payers_use_no_tokens_of_other_purposes(pool: asyncpg.Pool):
    budgets = process(pool, 6000)
    await budgets.take(PROVIDER, NAME, "background")
    await pool.execute("UPDATE provider_budgets SET tokens = 2000")
    assert await calls(budgets, "payer") == 0
    assert await calls(budgets, "background", at_most=50) == 50


async def test_two_processes_share_one_budget(pool: asyncpg.Pool, monkeypatch):
    monkeypatch.setattr(module, "ASK_AGAIN_AFTER_S", 60.0)
    gateways = [process(pool, 600) for _ in range(3)]
    counts = await asyncio.gather(*(calls(each, "check") for each in gateways))
    assert sum(counts) == 600
    assert await calls(gateways[0], "check", name="bb") == 600


async def test_a_portion_costs_one_statement(pool: asyncpg.Pool, monkeypatch):
    statements = 0
    settle = ProviderBudgets._settle

    async def counted(*args, **options):
        nonlocal statements
        statements += 1
        return await settle(*args, **options)

    monkeypatch.setattr(ProviderBudgets, "_settle", counted)
    budgets = process(pool, 6000)
    await asyncio.gather(*(budgets.take(PROVIDER, NAME, "check") for _ in range(1000)))
    assert statements == 10
    await asyncio.gather(*(budgets.take(PROVIDER, NAME, "payment") for _ in range(1000)))
    assert statements == 10


async def test_refusals_ask_postgresql_only_now_and_then(pool: asyncpg.Pool, monkeypatch):
    monkeypatch.setattr(module, "ASK_AGAIN_AFTER_S", 60.0)
    budgets = process(pool, 5)
    await calls(budgets, "check")
    monkeypatch.setattr(ProviderBudgets, "_settle", None)
    for _ in range(100):
        with pytest.raises(BudgetUsedUp) as refused:
            await budgets.take(PROVIDER, NAME, "check")
        assert 0 < refused.value.retry_after_s <= 60


async def test_creations_are_counted_and_use_up_the_budget(pool: asyncpg.Pool):
    budgets = process(pool, 600)
    assert (await budgets.left([NAME]))[NAME].left == 600
    await calls(budgets, "payment", at_most=500)
    await budgets.report()
    left = (await budgets.left([NAME]))[NAME]
    assert (left.left, left.used_last_minute) == (100, 500)
    assert (await budgets.lowest_ratios(timeout_s=10))[PROVIDER] == pytest.approx(1 / 6)


async def test_unused_tokens_return(pool: asyncpg.Pool):
    budgets = process(pool, 6000)
    await budgets.take(PROVIDER, NAME, "check")
    await budgets.report()
    assert (await budgets.left([NAME]))[NAME].used_last_minute == 100
    await budgets.report(unused_after_s=0.0)
    left = (await budgets.left([NAME]))[NAME]
    assert (left.used_last_minute, left.left) == (1, 5999)


async def test_tokens_of_a_killed_process_are_earned_again(pool: asyncpg.Pool):
    killed = process(pool, 6000)
    await killed.take(PROVIDER, NAME, "check")
    del killed
    await pool.execute("UPDATE provider_budgets SET counted_at = counted_at - interval '2 seconds'")
    assert (await process(pool, 6000).left([NAME]))[NAME].left == 6000


@pytest.mark.parametrize("step", ["1 hour", "-1 hour"])
async def test_wrong_clock_neither_blocks_nor_opens_the_budget(pool: asyncpg.Pool, step, monkeypatch):
    monkeypatch.setattr(module, "ASK_AGAIN_AFTER_S", 0.0)
    budgets = process(pool, 600)
    await calls(budgets, "check")
    # The row was counted with a clock that was ahead, or behind.
    await pool.execute("UPDATE provider_budgets SET counted_at = counted_at + $1::text::interval", step)
    assert await calls(process(pool, 600), "check") == (0 if step == "1 hour" else 600)
    # One minute later, by the same clock, the bucket is full again and not fuller.
    await pool.execute(f"UPDATE provider_budgets SET counted_at = {NOW} - interval '1 minute'")
    assert await calls(process(pool, 600), "check") == 600


async def test_calls_do_not_wait_one_after_another_for_postgresql(pool: asyncpg.Pool, monkeypatch):
    """While PostgreSQL does not answer, the first call waits for the time-out, and those behind it go on with it."""
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)
    budgets = process(pool, 6000)
    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE provider_budgets")
        # One after another, they would wait for half a minute.
        async with within(10):
            await asyncio.gather(*(budgets.take(PROVIDER, NAME, "check") for _ in range(99)))
    await budgets.report()
    assert (await budgets.left([NAME]))[NAME].used_last_minute == 99


async def test_without_postgresql_a_process_counts_alone(pool: asyncpg.Pool):
    budgets = process(pool, 60)
    await pool.execute("ALTER TABLE provider_budgets RENAME TO gone")
    try:
        assert await calls(budgets, "background") == 60
        await calls(budgets, "payment", at_most=5)
        await budgets.report()
    finally:
        await pool.execute("ALTER TABLE gone RENAME TO provider_budgets")
    await budgets.report()
    assert (await budgets.left([NAME]))[NAME].used_last_minute == 65
