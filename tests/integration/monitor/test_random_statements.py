"""Random histories over several days: each day's books equal those of the provider, and the sum of the payments.

A failure prints the seed of its history. EXTRATO_STORIES sets the number of seeds.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from extrato.domain.payment.ledger import NOTHING
from extrato.store.log import LogReader
from extrato.use_cases.payments import load_payment
from services.gateway.v1.periods import period_of
from services.gateway.v1.statement_queries import Balance, LinePages, read_books
from services.projections.read_models.statement import STATEMENT
from services.projections.rebuild import rebuild
from services.sandbox.state.clock import Clock as SandboxClock
from tests.integration.monitor.test_random_histories import STORIES, RandomHistory

if TYPE_CHECKING:
    from services.gateway.v1.periods import Period
    from tests.integration.monitor.conftest import Clock, World

DAYS = 3
PAYMENTS = 3
MERCHANT = "padaria"


@pytest.fixture
def nats_server(nats_url: str) -> SimpleNamespace:
    """These tests set no timers, so the session's server is enough."""
    return SimpleNamespace(url=nats_url)


@pytest.fixture
def sandbox_clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's clock goes with the hub's."""
    monkeypatch.setattr(SandboxClock, "now_ms", lambda _: round(clock().timestamp() * 1000))


def zone_of_noon() -> str:
    """A time zone in which it is about noon, so that the days of the test have no end while it runs."""
    hours = datetime.now(UTC).hour - 12
    return f"Etc/GMT{hours:+d}"


async def totals_of(histories: list[RandomHistory]) -> Balance:
    """What the provider holds and has in dispute, in the currency of the charges."""
    rows = [row for each in histories for row in (await each.rows())["payments"] if row["currency"] == "BRL"]
    return Balance(sum(row["held_centavos"] for row in rows), sum(row["disputed_centavos"] for row in rows))


async def every_line(world: World, period: Period, basis: Any, *, as_of: int) -> list[Any]:
    pages, lines = LinePages(world.pool, MERCHANT, period, basis, as_of=as_of), []
    while page := await pages.next():
        lines += page
    return lines


@pytest.mark.usefixtures("sandbox_clock")
@pytest.mark.parametrize("seed", range(max(1, STORIES // 3)))
async def test_books_of_each_day_equal_those_of_the_provider(world: World, clock: Clock, seed: int):
    chance, zone = random.Random(f"statement {seed}"), zone_of_noon()
    histories = [
        RandomHistory(world, await world.open(lifetime=timedelta(days=2)), random.Random(f"statement {seed}/{number}"))
        for number in range(PAYMENTS)
    ]
    first = world.hub.now()
    ends: list[tuple[int, Balance]] = []
    for _ in range(DAYS):
        chance.shuffle(histories)
        for history in histories:
            await history.run()
            await history.settle()
        ends.append((await world.hub.log.head(), await totals_of(histories)))
        clock.ahead += timedelta(days=1)
    await rebuild(STATEMENT, database_url=world.settings.database_url, log=LogReader(world.pool))
    told = seed, [history.steps_taken for history in histories]

    begin = first.astimezone(ZoneInfo(zone)).date()
    period = period_of(begin, begin + timedelta(days=DAYS - 1), zone)
    for basis in ("moved", "recorded"):
        books = await read_books(world.pool, MERCHANT, period, basis, as_of=None)
        assert books.opening == Balance(0, 0), told
        balance = books.opening
        for nth, (_, provider) in enumerate(ends):
            balance = balance.after([each for each in books.sums if each.day == nth])
            assert balance == provider, (basis, nth, *told)
        lines = await every_line(world, period, basis, as_of=books.as_of)
        summed = [line for line in lines if line["is_summed"]]
        assert sum(line["amount_centavos"] for line in summed) == balance.held, (basis, *told)
        assert len(summed) == sum(each.lines for each in books.sums)
    for position, provider in ends:
        books = await read_books(world.pool, MERCHANT, period, "moved", as_of=position)
        assert (books.as_of, books.closing) == (position, provider), told
    payments = [(await load_payment(world.hub, history.number)).payment.ledger.total for history in histories]
    total = sum(payments, NOTHING)
    assert Balance(total.held, total.disputed) == ends[-1][1], told
