"""Finds a page of a merchant's payments by the filters of the list, in the order of their creation.

A search reads rows of `payment_details_filters` in steps. Each step has a bound, so that no combination of filters
reads the whole history at once:

1. A *walk* reads rows in the list's order, by the index of time, status or method, and keeps the matching ones.
   Frequent matches fill the page here.
2. A *collection* reads all matches by the index of one filter (terms, time of payment, amount), and sorts them. It
   finds rare matches, also old ones.
3. If there are too many to sort, a longer walk returns a page that may be short, with a place to go on from.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import asyncpg
import msgspec

from contracts.read_models import PaymentDetails
from extrato.store.unavailable import raising_unavailable
from services.gateway.http.positions import not_built
from services.gateway.v1.payment_queries import By, Moment, Place, Step, Wanted, conditions_of, written
from services.gateway.v1.verification import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

READ_MODEL: Final = "payment_details"
TIMEOUT_S: Final = 5.0

SHORT_WALK: Final = 500
FURTHER_WALK: Final = 8_000
LONG_WALK: Final = 20_000
MOST_COLLECTED: Final = 20_000

_details: Final = msgspec.json.Decoder(list[PaymentDetails]).decode


class Row(NamedTuple):
    """A payment of a list, and what other tables have of it at the same moment.

    `key` is the key of its personal data, as the vault encrypts it; None without one, and after it was destroyed.
    `lane` is None for a payment that is not open. `answered_at` is when a provider last answered about it.
    """

    details: PaymentDetails
    key: bytes | None
    lane: str | None
    answered_at: datetime | None


class Page(NamedTuple):
    """Payments in the list's order, and the place to go on from, None at the end of the list.

    It shows everything up to `position`, and the searches of the merchant's accounts by `<merchant>.<provider>`.
    """

    rows: list[Row]
    next: Place | None
    position: int
    sweeps: dict[str, Sweep]


NOTHING: Final = Page([], None, 0, {})


async def find_payments(pool: asyncpg.Pool, wanted: Wanted, moment: Moment, *, after: Place | None, limit: int) -> Page:
    """Return the page after a place; raises `StoreUnavailable`, and `ReadModelBehind` until the list is built.

    A page can have fewer payments than `limit`, also none, although more follow: then it has a `next`.
    """
    if wanted.methods == ():
        return NOTHING
    furthest = NOTHING._replace(next=after)
    matches: list[Row] = []
    for step in _steps(wanted, limit, matches):
        query, arguments = written(step, wanted, moment, after, limit)
        record = await _fetch(pool, query, arguments)
        is_cut = (record["count"] or 0) >= step.bound
        if is_cut and not step.is_walk:
            # The collected part is not the beginning of the list.
            continue
        page = _page(record)
        matches += page.rows
        if len(page.rows) > limit:
            last = page.rows[limit - 1].details
            return page._replace(rows=page.rows[:limit], next=Place(last.created_at, last.payment_id))
        if not is_cut:
            return page
        end = Place(record["end_at"], record["end_id"])
        if _is_further(end, furthest.next, wanted):
            furthest = page._replace(next=end)
    return furthest


def _page(record: asyncpg.Record) -> Page:
    """Read all rows of a query's record."""
    rows: list[Row] = []
    if record["documents"] is not None:
        rows += map(Row, _details(record["documents"]), record["keys"], record["lanes"], record["answers"])
    accounts = record["accounts"] or ()
    sweeps = dict(zip(accounts, map(Sweep, record["swept"] or (), record["swept_and_shown"] or ()), strict=True))
    return Page(rows, None, record["position"], sweeps)


def _is_further(place: Place, than: Place | None, wanted: Wanted) -> bool:
    if than is None:
        return True
    mine, other = (place.created_at, place.payment_id), (than.created_at, than.payment_id)
    return mine < other if wanted.is_newest_first else mine > other


def _steps(wanted: Wanted, limit: int, matches: Sequence[Row]) -> Iterator[Step]:
    """Return the steps of a search, which ends at the first one that fills the page or reads all its rows.

    `matches` are those that the steps so far have found.
    """
    conditions = conditions_of(wanted)
    walks: list[By] = [by for by in ("status", "method") if by in conditions] or ["time"]
    collections: list[By] = [by for by in ("terms", "paid_at", "amount_centavos") if by in conditions]
    if not collections and len(walks) == 1:
        yield Step(is_walk=True, by=walks[0], bound=limit + 1)
        return
    # A collection without other conditions reads only the index, but that of terms has no times.
    is_quick = wanted.has_rare_term or (len(conditions) == 1 and "terms" not in conditions)
    quick = collections[:1] if is_quick else []
    if wanted.has_rare_term:
        yield from _collections(quick)
    yield from _walks(walks, SHORT_WALK)
    if not wanted.has_rare_term:
        yield from _collections(quick)
    further = [_walks(walks, FURTHER_WALK), _collections(collections[len(quick) :])]
    # Five hundred rows are too few to tell how many the further walk will find, and a collection may take longer.
    yield from itertools.chain.from_iterable(further if matches else reversed(further))
    yield from _walks(walks, LONG_WALK)


def _walks(indexes: Sequence[By], bound: int) -> Iterator[Step]:
    return (Step(is_walk=True, by=by, bound=bound) for by in indexes)


def _collections(indexes: Sequence[By]) -> Iterator[Step]:
    return (Step(is_walk=False, by=by, bound=MOST_COLLECTED + 1) for by in indexes)


async def _fetch(pool: asyncpg.Pool, query: str, arguments: list[Any]) -> asyncpg.Record:
    """Return the row of a query; raises `ReadModelBehind` while the projections build the read model."""
    try:
        with raising_unavailable():
            async with pool.acquire(timeout=TIMEOUT_S) as connection:
                row = await connection.fetchrow(query, *arguments, timeout=TIMEOUT_S)
    except asyncpg.UndefinedTableError as error:
        raise not_built(READ_MODEL) from error
    if row["position"] is None:
        raise not_built(READ_MODEL)
    return row
