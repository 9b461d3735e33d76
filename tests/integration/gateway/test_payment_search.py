"""Searches find the payments that a look at each payment finds, page by page."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import AlertRaised, Item, PaymentEvent
from contracts.payment_status import ALERT_NAMES
from contracts.search_terms import term, terms_of_words, words_of
from services.gateway.http.positions import ReadModelBehind
from services.gateway.v1 import payment_search
from services.gateway.v1.payment_queries import Moment, Step, Wanted, written
from services.gateway.v1.payment_search import find_payments
from services.projections import checkpoints
from services.projections.apply import apply
from services.projections.checkpoints import Checkpoint
from services.projections.read_models.open_payments import OPEN_PAYMENTS
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from tests.unit.projections.history import CHARGED, EXPIRED, NOON, enveloped, observed, opened

if TYPE_CHECKING:
    import asyncpg

    from contracts.read_models import PaymentDetails

SHOP, OTHER_SHOP = "padaria-do-marcos", "cafe-da-ana"
PAYMENTS = 150
POSITION = 15_000
MOMENT = Moment([], NOON)
METHODS = ("pix", "pix"), ("mercado_pago", "pix"), ("mercado_pago", "checkout")
NAMES = ("Pão de queijo", "Café", "Bolo de milho", "Panetone")
STATUSES = ("approved", "rejected", "refunded", "cancelled", "pending")
ALERTS = sorted(ALERT_NAMES)[:3]


# Of 40,000 payments, the newest half has a word.
MANY_WITH_A_WORD = """
    INSERT INTO payment_details_filters
    SELECT 1000 + number, 'a-shop', now(), 'pix', 'pix', 100, 'pending', NULL,
        ARRAY[number + 1000, CASE WHEN number > 20000 THEN $1::bigint ELSE 0 END]
    FROM generate_series(1, 40000) AS number
"""


class Shop:
    """The payments of a shop."""

    def __init__(self, payments: list[PaymentDetails]) -> None:
        self.payments = payments

    def __repr__(self) -> str:
        return f"Shop of {len(self.payments)} payments"


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def events_of(number: int, luck: random.Random) -> list[PaymentEvent]:
    provider, method = luck.choice(METHODS)
    names = luck.sample(NAMES if number < 30 else NAMES[:3], luck.randint(0, 2))
    happened: list[PaymentEvent] = [
        opened(
            provider=provider,
            method=method,
            amount_centavos=luck.randint(1, 40),
            description=luck.choice(("Pedido", "Mesa é 7", "")),
            items=tuple(Item(name, 1, 100) for name in names),
            reference=luck.choice((None, "balcão", f"PED-{number}")),
            charge=luck.choice((None, replace(CHARGED, charge_id=f"charge-{number}"))),
        )
    ]
    status = luck.choice(STATUSES)
    if status == "cancelled":
        happened.append(EXPIRED)
    elif status != "pending":
        amount = happened[0].amount_centavos
        # The provider's clock may be behind the hub's.
        paid_at = None if status == "rejected" else at(number // 4 + luck.randint(-59, PAYMENTS))
        happened.append(observed(status, attempt=f"a{number}", amount=amount, paid_at=paid_at))
    happened += [AlertRaised(alert=alert, occurrence="x") for alert in ALERTS if luck.random() < 0.1]
    return happened


@pytest.fixture
async def shop(pool: asyncpg.Pool) -> Shop:
    """The payments of a shop and, in the same tables, those of another one."""
    name, luck = PAYMENT_DETAILS.name, random.Random(15)
    async with pool.acquire() as connection:
        await connection.execute(PAYMENT_DETAILS.create.format(table=name))
        await connection.execute(OPEN_PAYMENTS.create.format(table=OPEN_PAYMENTS.name))
        for index in PAYMENT_DETAILS.indexes:
            await connection.execute(index.format(table=name))
        for number in range(1, PAYMENTS + 1):
            merchant = SHOP if number % 3 else OTHER_SHOP
            # Several payments are of the same time.
            created_at = at(number // 4)
            envelopes = [
                replace(enveloped(event, position=place, payment_id=number, merchant=merchant), occurred_at=created_at)
                for place, event in enumerate(events_of(number, luck), start=1)
            ]
            await apply(connection, PAYMENT_DETAILS, envelopes, table=name)
        await checkpoints.put(connection, name, Checkpoint(PAYMENT_DETAILS.version, POSITION, None))
        rows = await connection.fetch(PAYMENT_DETAILS.load.format(table=name), list(range(1, PAYMENTS + 1)))
    return Shop([payment.details for _, payment in map(PAYMENT_DETAILS.read, rows) if payment.details.merchant == SHOP])


minutes = st.integers(-5, PAYMENTS + 5).map(at)
bounds = st.none() | minutes
amounts = st.none() | st.integers(0, 45)
texts = st.lists(
    st.sampled_from(("word pao", "word panetone", "word 7", "word nothing", "reference balcão", "reference PED-40"))
    | st.sampled_from(("id charge-7", "id a7", f"alert {ALERTS[0]}", f"alert {ALERTS[1]}")),
    max_size=2,
)


ends = st.tuples(bounds, bounds)
# Most filters are absent, so that some searches find many payments.
filters = st.fixed_dictionaries(
    {"is_newest_first": st.booleans()},
    optional={
        "status": st.sampled_from(STATUSES),
        "methods": st.sampled_from(((), METHODS[:1], METHODS[1:], METHODS[2:])),
        "created": ends,
        "paid": ends,
        "amount_centavos": st.tuples(amounts, amounts),
    },
)
some_filters = filters | filters.map(lambda each: dict(list(each.items())[:2]))


def has(details: PaymentDetails, text: str) -> bool:
    kind, _, name = text.partition(" ")
    if kind == "word":
        whole = " ".join((details.description, details.reference or "", *(item.name for item in details.items)))
        return name in words_of(whole)
    if kind == "reference":
        return details.reference == name
    return name in (
        [*details.alerts] if kind == "alert" else [details.charge_id, *(a.attempt_id for a in details.attempts)]
    )


def is_within(value: Any, ends: tuple[Any, Any], *, inclusive: bool = False) -> bool:
    least, most = ends
    if ends == (None, None):
        return True
    if value is None or (least is not None and value < least):
        return False
    return most is None or value < most or (inclusive and value == most)


def is_wanted(details: PaymentDetails, wanted: Wanted, named: list[str]) -> bool:
    return (
        wanted.status in {None, details.status}
        and (wanted.methods is None or (details.provider, details.method) in wanted.methods)
        and is_within(details.created_at, wanted.created)
        and is_within(details.paid_at, wanted.paid)
        and is_within(details.amount_centavos, wanted.amount_centavos, inclusive=True)
        and all(has(details, text) for text in named)
    )


def term_of(text: str) -> int:
    kind, _, name = text.partition(" ")
    return terms_of_words(SHOP, name)[0] if kind == "word" else term(SHOP, kind, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    search=some_filters,
    named=texts,
    limit=st.integers(4, 40),
    steps=st.fixed_dictionaries(
        {
            "SHORT_WALK": st.sampled_from((1, 10)),
            "FURTHER_WALK": st.sampled_from((1, 8, 60)),
            "LONG_WALK": st.integers(10, 60),
            "MOST_COLLECTED": st.sampled_from((0, 5, 10, 20, 200)),
        }
    ),
)
async def test_pages_are_what_a_look_at_every_payment_finds(pool, shop, search, named, limit, steps):
    has_rare_term = any(text.startswith(("reference", "id", "alert")) for text in named)
    wanted = Wanted(merchant=SHOP, terms=tuple(map(term_of, named)), has_rare_term=has_rare_term, **search)
    expected = sorted(
        (each for each in shop.payments if is_wanted(each, wanted, named)),
        key=lambda each: (each.created_at, each.payment_id),
        reverse=wanted.is_newest_first,
    )
    found, place = [], None
    with pytest.MonkeyPatch.context() as patched:
        for name, bound in steps.items():
            patched.setattr(payment_search, name, bound)
        while True:
            page = await find_payments(pool, wanted, MOMENT, after=place, limit=limit)
            assert len(page.rows) <= limit
            assert page.position == (POSITION if wanted.methods != () else 0)
            found += page.rows
            if page.next is None:
                break
            place = page.next
    assert [each.details.payment_id for each in found] == [each.payment_id for each in expected]
    assert [each.details for each in found] == expected


async def test_rows_that_are_added_move_no_page(pool, shop):
    wanted = Wanted(merchant=SHOP)
    first = await find_payments(pool, wanted, MOMENT, after=None, limit=10)
    async with pool.acquire() as connection:
        await apply(
            connection, PAYMENT_DETAILS, [enveloped(opened(), payment_id=PAYMENTS + 1)], table=PAYMENT_DETAILS.name
        )
        newer = replace(enveloped(opened(), payment_id=PAYMENTS + 2), occurred_at=at(10_000))
        await apply(connection, PAYMENT_DETAILS, [newer], table=PAYMENT_DETAILS.name)
    second = await find_payments(pool, wanted, MOMENT, after=first.next, limit=10)
    newest_first = sorted(shop.payments, key=lambda each: (each.created_at, each.payment_id), reverse=True)
    assert [row.details for row in (*first.rows, *second.rows)] == newest_first[:20]


async def test_frequent_word_is_found_by_its_index(pool, shop):
    word, wanted = 7, Wanted(merchant=SHOP, terms=(7,))
    async with pool.acquire() as connection:
        await connection.execute(MANY_WITH_A_WORD, word)
        await connection.execute("ANALYZE payment_details_filters")
        query, arguments = written(Step(is_walk=False, by="terms", bound=2_001), wanted, MOMENT, None, 10)
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}", *arguments))
    assert "payment_details_filters_by_terms" in plan
    assert "Seq Scan" not in plan


async def test_list_says_that_its_table_is_being_built(pool):
    with pytest.raises(ReadModelBehind, match="still building"):
        await find_payments(pool, Wanted(merchant=SHOP), MOMENT, after=None, limit=10)


async def test_list_without_a_position_is_being_built(pool, shop):
    await pool.execute("DELETE FROM checkpoints")
    with pytest.raises(ReadModelBehind, match="still building"):
        await find_payments(pool, Wanted(merchant=SHOP), MOMENT, after=None, limit=10)
