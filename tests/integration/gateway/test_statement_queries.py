"""Sums and lines of the statement equal a count by hand, in zones whose clocks change and as of any position."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from contracts.envelope import Cause
from contracts.events import ObservationRecorded
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.store.event_log import EventLog
from services.gateway.v1 import statement_queries
from services.gateway.v1.periods import period_of
from services.gateway.v1.statement_queries import LinePages, read_books
from services.projections.read_models.statement import STATEMENT
from services.projections.rebuild import rebuild
from tests.unit.projections import history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAYMENTS = 80
MERCHANTS = ("padaria-do-marcos", "mercado")
PERIODS = [
    ("2026-10-31", "2026-11-02", "America/New_York"),
    ("2026-03-07", "2026-03-09", "America/New_York"),
    ("2018-11-03", "2018-11-05", "America/Sao_Paulo"),
    ("2026-04-04", "2026-04-06", "Australia/Lord_Howe"),
    ("2026-11-28", "2026-11-30", "Asia/Kathmandu"),
    ("2011-12-29", "2011-12-31", "Pacific/Apia"),
]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        yield pool


class Paid:
    """One payment that was paid and perhaps refunded, as the test knows it."""

    def __init__(self, number: int, merchant: str, chance: random.Random, begin: datetime) -> None:
        self.number, self.merchant = number, merchant
        self.paid_at = begin + timedelta(seconds=chance.randrange(6 * 24 * 3600))
        self.recorded_at = self.paid_at + timedelta(seconds=chance.choice([0, 1, 90_000]))
        self.amount = chance.randrange(1, 5000)
        self.position = 0

    def events(self) -> list[NewEvent]:
        seen = ObservationRecorded(
            attempt_id=f"a{self.number}",
            status="approved",
            status_detail=None,
            amount_centavos=self.amount,
            currency="BRL",
            refunded_centavos=0,
            observed_at=self.paid_at,
            paid_at=self.paid_at,
            payer_email=None,
            evidence=None,
        )
        return [
            NewEvent(
                event_id=uuid4(),
                merchant=self.merchant,
                payment_id=self.number,
                occurred_at=self.paid_at,
                recorded_at=self.recorded_at,
                cause=Cause(correlation_id="test", actor="webhook"),
                event=event,
            )
            for event in (history.opened(amount_centavos=self.amount), seen)
        ]


def counted(paid: list[Paid], zone: str, basis: str, days: tuple[date, ...]) -> list[int]:
    """The sum of each day, by the local date of each payment."""
    found = dict.fromkeys(days, 0)
    for each in paid:
        at = each.paid_at if basis == "moved" else each.recorded_at
        local = at.astimezone(ZoneInfo(zone)).date()
        if local in found:
            found[local] += each.amount
    return list(found.values())


@pytest.mark.parametrize(("first", "last", "zone"), PERIODS)
async def test_books_equal_a_count_by_hand(
    database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, first: str, last: str, zone: str
):
    monkeypatch.setattr(statement_queries, "LINES_AT_ONCE", 7)
    chance = random.Random(zone)
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC) - timedelta(days=2)
    paid = [Paid(number, chance.choice(MERCHANTS), chance, begin) for number in range(1, PAYMENTS + 1)]
    log = EventLog(pool)
    for each in paid:
        append = StreamAppend(stream_id=history.stream_of(each.number), expected_version=0, events=each.events())
        each.position = (await log.append(append))[-1]
    await rebuild(STATEMENT, database_url=database_url, log=log)
    period = period_of(date.fromisoformat(first), date.fromisoformat(last), zone)
    for basis in ("moved", "recorded"):
        for as_of in (None, paid[PAYMENTS // 2].position, 1):
            ours = [each for each in paid if each.merchant == MERCHANTS[0] and each.position <= (as_of or 10**9)]
            books = await read_books(pool, MERCHANTS[0], period, basis, as_of=as_of)
            sums = [0] * len(period.days)
            for each in books.sums:
                sums[each.day] += each.amount_centavos
            assert sums == counted(ours, zone, basis, period.days)
            before = [each for each in ours if _at(each, basis) < period.start]
            assert books.opening.held == sum(each.amount for each in before)
            lines = await _lines(pool, period, basis, as_of=books.as_of)
            inside = [each for each in ours if period.start <= _at(each, basis) < period.end]
            inside.sort(key=lambda each: (_at(each, basis), each.number))
            assert [line["payment_id"] for line in lines] == [each.number for each in inside]
            assert books.closing.held == books.opening.held + sum(line["amount_centavos"] for line in lines)
    await log.close()


def _at(paid: Paid, basis: str) -> datetime:
    return paid.paid_at if basis == "moved" else paid.recorded_at


async def _lines(pool: asyncpg.Pool, period: Any, basis: Any, *, as_of: int) -> list[Any]:
    pages, lines = LinePages(pool, MERCHANTS[0], period, basis, as_of=as_of), []
    while page := await pages.next():
        lines += page
    return lines
