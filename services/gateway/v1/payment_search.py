"""Finds a page of a merchant's payments by the filters of the list, in the order of their creation.

A search reads rows of `payment_details_filters` in steps. Each step has a bound, so that no combination of filters
reads the whole history at once:

1. A *walk* reads rows in the list's order, by the index of time, status or method, and keeps the matching ones.
   Frequent matches fill the page here.
2. A *collection* reads all matches by the index of one filter (terms, time of payment, amount), and sorts them. It
   finds rare matches, also old ones.
3. If there are too many to sort, a longer walk returns a page that may be short, with a place to go on from.

Each step names in `seen` the one condition whose index PostgreSQL shall read; the others are outside. With all
conditions in one place, the planner reads the index of another one, and takes a hundred times as long.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import asyncpg
import msgspec
from msgspec import Struct

from contracts.read_models import PaymentDetails
from extrato.errors import StoreUnavailable
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TIMEOUT_S: Final = 5.0

FIRST_WALK: Final = 2_000
LONG_WALK: Final = 20_000
MOST_COLLECTED: Final = 20_000
# The provider's clock gives the time of payment, and may be behind the hub's clock.
CLOCKS_DIFFER: Final = timedelta(minutes=10)

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
FAR_AHEAD: Final = datetime(9999, 1, 1, tzinfo=UTC)

PAGE: Final = """
    WITH seen AS MATERIALIZED ({seen}),
    page AS (
        SELECT payment_id, created_at FROM seen WHERE {rest}
        ORDER BY created_at {order}, payment_id {order} LIMIT {limit}
    ),
    ends AS (
        SELECT (SELECT count(*) FROM seen) AS count, created_at AS end_at, payment_id AS end_id FROM seen
        ORDER BY created_at {opposite}, payment_id {opposite} LIMIT 1
    )
    SELECT count, end_at, end_id, created_at, payment_id, document
    FROM ends LEFT JOIN (page JOIN payment_details USING (payment_id, created_at)) ON true
    ORDER BY created_at {order}, payment_id {order}
"""
WALK: Final = """
    SELECT payment_id, created_at, provider, method, amount_centavos, status, paid_at, terms
    FROM payment_details_filters
    WHERE merchant = {merchant} AND {condition} AND {span}
    ORDER BY created_at {order}, payment_id {order} LIMIT {bound}
"""
# The order makes PostgreSQL read the index of that column.
COLLECTION: Final = """
    SELECT payment_id, created_at, provider, method, amount_centavos, status, paid_at, terms
    FROM payment_details_filters
    WHERE merchant = {merchant} AND {condition} AND {span}
    ORDER BY {by} LIMIT {bound}
"""
# The index of terms has no order. A term contains the merchant, so no other index is of use.
COLLECTION_BY_TERMS: Final = """
    SELECT merchant, payment_id, created_at, provider, method, amount_centavos, status, paid_at, terms
    FROM payment_details_filters
    WHERE {condition} LIMIT {bound}
"""
ONLY_BITMAPS: Final = """
    SELECT set_config(name, 'off', true) FROM unnest('{enable_seqscan, enable_indexscan, jit}'::text[]) AS name
"""

_details: Final = msgspec.json.Decoder(PaymentDetails).decode

By = Literal["time", "status", "method", "terms", "paid_at", "amount_centavos"]


class Place(Struct, frozen=True, array_like=True):
    """The place of a payment in the list."""

    created_at: datetime
    payment_id: int


class Wanted(Struct, frozen=True, kw_only=True):
    """The filters of a list. Times are from the first inclusive to the second exclusive, and both amounts inclusive.

    `methods` are pairs of a provider and its method. A payment must have all of `terms`; with `is_named`, one of them
    is a reference or a provider's id, which few payments have.
    """

    merchant: str
    status: str | None = None
    methods: tuple[tuple[str, str], ...] = ()
    created: tuple[datetime | None, datetime | None] = (None, None)
    paid: tuple[datetime | None, datetime | None] = (None, None)
    amount_centavos: tuple[int | None, int | None] = (None, None)
    terms: tuple[int, ...] = ()
    is_named: bool = False
    is_newest_first: bool = True


class Page(NamedTuple):
    """Payments in the list's order, and the place to go on from, None at the end of the list."""

    payments: list[PaymentDetails]
    next: Place | None


class _Step(NamedTuple):
    """One query: a walk or a collection by an index, which reads at most `bound` rows."""

    is_walk: bool
    by: By
    bound: int


async def find_payments(pool: asyncpg.Pool, wanted: Wanted, *, after: Place | None, limit: int) -> Page:
    """Return the page after a place; raises `StoreUnavailable`.

    A page can have fewer payments than `limit`, also none, although more follow: then it has a `next`.
    """
    furthest = Page([], after)
    for step in _steps(wanted, limit):
        query, arguments = _written(step, wanted, after, limit)
        rows = await _fetch(pool, query, arguments, by_terms=step.by == "terms")
        found = [row for row in rows if row["document"] is not None]
        if len(found) > limit:
            last = found[limit - 1]
            return _page(found[:limit], Place(last["created_at"], last["payment_id"]))
        if not rows or rows[0]["count"] < step.bound:
            return _page(found, None)
        end = Place(rows[0]["end_at"], rows[0]["end_id"]) if step.is_walk else None
        if end is not None and _is_further(end, furthest.next, wanted):
            furthest = _page(found, end)
    return furthest


def _page(rows: Sequence[asyncpg.Record], following: Place | None) -> Page:
    return Page([_details(row["document"]) for row in rows], following)


def _is_further(place: Place, than: Place | None, wanted: Wanted) -> bool:
    if than is None:
        return True
    mine, other = (place.created_at, place.payment_id), (than.created_at, than.payment_id)
    return mine < other if wanted.is_newest_first else mine > other


def _steps(wanted: Wanted, limit: int) -> Iterator[_Step]:
    """Return the steps of a search, which ends at the first one that fills the page or reads all its rows."""
    conditions = _conditions(wanted)
    collections: list[By] = [by for by in ("terms", "paid_at", "amount_centavos") if by in conditions]
    walks: list[By] = [by for by in ("status", "method") if by in conditions] or ["time"]
    if not collections and len(walks) == 1:
        yield _Step(is_walk=True, by=walks[0], bound=limit + 1)
        return
    if wanted.is_named:
        collections.remove("terms")
        yield _Step(is_walk=False, by="terms", bound=MOST_COLLECTED + 1)
    yield from (_Step(is_walk=True, by=by, bound=FIRST_WALK) for by in walks)
    yield from (_Step(is_walk=False, by=by, bound=MOST_COLLECTED + 1) for by in collections)
    yield from (_Step(is_walk=True, by=by, bound=LONG_WALK) for by in walks)


def _conditions(wanted: Wanted) -> dict[By, list[tuple[str, tuple[Any, ...]]]]:
    """Return the conditions by their index, each as alternatives of SQL and its arguments."""
    conditions: dict[By, list[tuple[str, tuple[Any, ...]]]] = {}
    if wanted.status is not None:
        conditions["status"] = [("status = {}", (wanted.status,))]
    if wanted.methods:
        conditions["method"] = [("provider = {} AND method = {}", pair) for pair in wanted.methods]
    if wanted.terms:
        conditions["terms"] = [("terms @> {}::bigint[]", (wanted.terms,))]
    if wanted.paid != (None, None):
        earliest, latest = wanted.paid
        conditions["paid_at"] = [("paid_at >= {} AND paid_at < {}", (earliest or LONG_AGO, latest or FAR_AHEAD))]
    if wanted.amount_centavos != (None, None):
        least, most = wanted.amount_centavos
        most = 2**62 if most is None else most
        conditions["amount_centavos"] = [("amount_centavos BETWEEN {} AND {}", (least or 0, most))]
    return conditions


def _span(wanted: Wanted, after: Place | None) -> tuple[str, tuple[Any, ...]]:
    """Return the condition of the part of the list after a place.

    Its beginning is one row comparison, where an index scan begins: as two conditions, PostgreSQL would read from the
    cursor's place to the range's.
    """
    (earliest, latest), (_, paid_before) = wanted.created, wanted.paid
    first = (earliest or LONG_AGO, 0)
    ends = [latest or FAR_AHEAD, *([paid_before + CLOCKS_DIFFER] if paid_before else [])]
    last = (min(ends), 0)
    reached = (after.created_at, after.payment_id) if after else None
    if wanted.is_newest_first:
        begin = min(last, reached) if reached else last
        return "(created_at, payment_id) < ({}, {}) AND created_at >= {}", (*begin, first[0])
    begin = max(first, reached) if reached else first
    return "(created_at, payment_id) > ({}, {}) AND created_at < {}", (*begin, last[0])


class _Arguments:
    """Numbers the arguments of a query."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def put(self, sql: str, values: Sequence[Any]) -> str:
        """Return a condition with the numbers of its arguments."""
        first = len(self.values) + 1
        self.values += values
        return sql.format(*(f"${number}" for number in range(first, first + len(values))))


def _written(step: _Step, wanted: Wanted, after: Place | None, limit: int) -> tuple[str, list[Any]]:
    """Return the query of a step with its arguments."""
    arguments = _Arguments()
    order, opposite = ("DESC", "ASC") if wanted.is_newest_first else ("ASC", "DESC")
    conditions = _conditions(wanted)
    merchant, span = arguments.put("{}", (wanted.merchant,)), arguments.put(*_span(wanted, after))
    alternatives = [arguments.put(*each) for each in conditions.pop(step.by, [("true", ())])]
    words = {"merchant": merchant, "span": span, "order": order, "bound": step.bound, "by": step.by}
    if not step.is_walk:
        text = COLLECTION_BY_TERMS if step.by == "terms" else COLLECTION
        seen = text.format(condition=alternatives[0], **words)
    elif len(alternatives) == 1:
        seen = WALK.format(condition=alternatives[0], **words)
    else:
        walks = " UNION ALL ".join(f"({WALK.format(condition=each, **words)})" for each in alternatives)
        seen = f"{walks} ORDER BY created_at {order}, payment_id {order} LIMIT {step.bound}"
    others = [f"({' OR '.join(arguments.put(*each) for each in alternative)})" for alternative in conditions.values()]
    if step.by == "terms":
        others = [f"merchant = {merchant}", span, *others]
    page = PAGE.format(seen=seen, rest=" AND ".join(others) or "true", order=order, opposite=opposite, limit=limit + 1)
    return page, arguments.values


async def _fetch(pool: asyncpg.Pool, query: str, arguments: list[Any], *, by_terms: bool) -> list[asyncpg.Record]:
    try:
        with raising_unavailable():
            async with pool.acquire(timeout=TIMEOUT_S) as connection:
                if not by_terms:
                    return list(await connection.fetch(query, *arguments, timeout=TIMEOUT_S))
                async with connection.transaction(readonly=True):
                    await connection.execute(ONLY_BITMAPS)
                    return list(await connection.fetch(query, *arguments, timeout=TIMEOUT_S))
    except asyncpg.UndefinedTableError as error:
        # After an upgrade, the projections still build the table.
        raise StoreUnavailable(why="not_shown") from error
