"""A list counts only the questions to a provider whose findings its read model shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.v1.payment_queries import Moment, Wanted
from services.gateway.v1.payment_search import find_payments
from services.projections.apply import apply
from services.projections.read_models.open_payments import OPEN_PAYMENTS
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from tests.unit.projections.history import enveloped, opened

MERCHANT = "padaria"
ACCOUNT = f"{MERCHANT}.mercado_pago"
LAST = datetime(2026, 11, 29, 12, tzinfo=UTC)
EARLIER = LAST - timedelta(seconds=5)
MOMENT = Moment([ACCOUNT], LAST)
TABLES = (PAYMENT_DETAILS, OPEN_PAYMENTS)


@pytest.fixture(autouse=True)
async def _swept(pool):
    """The account was swept at the positions 10 and 20, and the provider answered about payment 1 at position 15."""
    async with pool.acquire() as connection:
        for read_model in TABLES:
            await connection.execute(read_model.create.format(table=read_model.name))
        happened = [enveloped(opened(), payment_id=number, merchant=MERCHANT) for number in (1, 2)]
        await apply(connection, PAYMENT_DETAILS, happened, table=PAYMENT_DETAILS.name)
    await pool.execute("INSERT INTO sweep_cursors VALUES ($1, $2, $2, 20, $3, 10)", ACCOUNT, LAST, EARLIER)
    await pool.execute("INSERT INTO provider_answers VALUES (1, $1, $2, 15)", ACCOUNT, LAST)


async def page_at(pool, position, *, moment=MOMENT):
    await pool.execute("INSERT INTO checkpoints VALUES ('payment_details', 1, $1)", position)
    return await find_payments(pool, Wanted(merchant=MERCHANT), moment, after=None, limit=10)


@pytest.mark.parametrize(("position", "shown_until"), [(9, None), (10, EARLIER), (19, EARLIER), (20, LAST), (21, LAST)])
async def test_search_counts_once_the_read_model_shows_it(pool, position, shown_until):
    page = await page_at(pool, position)
    assert page.position == position
    assert page.sweeps == {ACCOUNT: (LAST, shown_until)}


@pytest.mark.parametrize(("position", "answered_at"), [(14, None), (15, LAST)])
async def test_answer_counts_once_the_read_model_shows_it(pool, position, answered_at):
    page = await page_at(pool, position)
    assert {row.details.payment_id: row.answered_at for row in page.rows} == {1: answered_at, 2: None}


async def test_merchant_without_a_search_has_none(pool):
    page = await page_at(pool, 7, moment=Moment(["mercado.mercado_pago"], LAST))
    assert page.sweeps == {}


@pytest.mark.parametrize(
    ("watch_until", "lane"), [(None, "slow"), (LAST, "slow"), (LAST + timedelta(seconds=1), "fast")]
)
async def test_open_payment_has_the_lane_of_its_watch(pool, watch_until, lane):
    query = "INSERT INTO open_payments VALUES (1, $1, 'mercado_pago', true, $2, $3, NULL, false, '{}')"
    await pool.execute(query, MERCHANT, EARLIER, watch_until)
    page = await page_at(pool, 7)
    assert {row.details.payment_id: row.lane for row in page.rows} == {1: lane, 2: None}
