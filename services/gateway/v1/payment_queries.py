"""The queries of `payment_search.py`: each reads rows by the index of one condition, and applies the others to them.

PostgreSQL must read the index of the condition in `seen`. With all conditions in one place, the planner may read the
index of another one, and takes a hundred times as long.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from msgspec import Struct

from extrato.domain.sweep_lanes import FAST, SLOW

if TYPE_CHECKING:
    from collections.abc import Sequence

# The provider's clock gives the time of payment, and may be behind the hub's clock.
CLOCKS_DIFFER: Final = timedelta(hours=1)

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
FAR_AHEAD: Final = datetime(9999, 1, 1, tzinfo=UTC)

# One row, because the driver makes objects for each row: the documents as one JSON array, and what other tables have of
# their payments as arrays in the same order, all NULL for no documents. All is of one snapshot: a question to a
# provider, and the last search of an account or the one before, count if the rows show what they found.
PAGE: Final = """
    WITH shown AS (SELECT max(position) AS position FROM checkpoints WHERE read_model = 'payment_details'),
    seen AS MATERIALIZED ({seen}),
    page AS MATERIALIZED (
        SELECT payment_id, created_at FROM seen WHERE {rest}
        ORDER BY created_at {order}, payment_id {order} LIMIT {limit} + 1
    ),
    listed AS (
        SELECT payment_id, created_at, document,
            (SELECT sealed FROM payment_keys AS k WHERE k.payment_id = page.payment_id) AS key,
            (SELECT CASE WHEN watch_until > {now} THEN '{fast}' ELSE '{slow}' END
             FROM open_payments AS o WHERE o.payment_id = page.payment_id) AS lane,
            (SELECT answered_at FROM provider_answers AS a, shown
             WHERE a.payment_id = page.payment_id AND a.position <= shown.position) AS answered_at
        FROM page JOIN payment_details USING (payment_id, created_at)
    ),
    rows AS (
        SELECT
            '[' || string_agg(document::text, ',' ORDER BY created_at {order}, payment_id {order}) || ']' AS documents,
            array_agg(key ORDER BY created_at {order}, payment_id {order}) AS keys,
            array_agg(lane ORDER BY created_at {order}, payment_id {order}) AS lanes,
            array_agg(answered_at ORDER BY created_at {order}, payment_id {order}) AS answers
        FROM listed
    ),
    sweeps AS (
        SELECT array_agg(account) AS accounts, array_agg(high_water) AS swept,
            array_agg(CASE WHEN s.position <= shown.position THEN high_water
                           WHEN earlier_position <= shown.position THEN earlier_high_water END) AS swept_and_shown
        FROM sweep_cursors AS s, shown WHERE account = ANY ({accounts}::text[])
    ),
    ends AS ({ends})
    SELECT position, count, end_at, end_id, documents, keys, lanes, answers, accounts, swept, swept_and_shown
    FROM shown, rows, sweeps LEFT JOIN ends ON true
"""
# A full page needs no end: PostgreSQL 17 and later then read no further than its last row.
END_OF_WALK: Final = """
    SELECT (SELECT count(*) FROM seen) AS count, created_at AS end_at, payment_id AS end_id FROM seen
    WHERE (SELECT count(*) FROM page) <= {limit}
    ORDER BY created_at {opposite}, payment_id {opposite} LIMIT 1
"""
END_OF_COLLECTION: Final = """
    SELECT count(*) AS count, NULL::timestamptz AS end_at, NULL::bigint AS end_id FROM seen
"""
WALK: Final = """
    SELECT {columns}
    FROM payment_details_filters
    WHERE merchant = {merchant} AND {condition} AND {span}
    ORDER BY created_at {order}, payment_id {order} LIMIT {bound}
"""
# The order makes PostgreSQL read the index of that column.
COLLECTION: Final = """
    SELECT {columns}
    FROM payment_details_filters
    WHERE merchant = {merchant} AND {condition} AND {span}
    ORDER BY {by} LIMIT {bound}
"""
# The index of terms has no order. A term contains the merchant, so no other index is of use.
# PostgreSQL would read the whole table if it knew a frequent term, because it expects to find enough rows soon. A
# sub-select hides the terms from the planner, and the same condition twice makes it expect few rows of any table.
COLLECTION_BY_TERMS: Final = """
    SELECT merchant, {columns}
    FROM payment_details_filters
    WHERE {condition} AND {condition} LIMIT {bound}
"""
COLUMNS_OF: Final = {"method": "provider, method"}

By = Literal["time", "status", "method", "terms", "paid_at", "amount_centavos"]


class Place(Struct, frozen=True, array_like=True):
    """The place of a payment in the list."""

    created_at: datetime
    payment_id: int


class Wanted(Struct, frozen=True, kw_only=True):
    """The filters of a list. Times are from the first inclusive to the second exclusive, and both amounts inclusive.

    `methods` are pairs of a provider and its method, None for all pairs. A payment must have all of `terms`; with
    `has_rare_term`, one of them is a reference, a provider's id or an alert, which few payments have.
    """

    merchant: str
    status: str | None = None
    methods: tuple[tuple[str, str], ...] | None = None
    created: tuple[datetime | None, datetime | None] = (None, None)
    paid: tuple[datetime | None, datetime | None] = (None, None)
    amount_centavos: tuple[int | None, int | None] = (None, None)
    terms: tuple[int, ...] = ()
    has_rare_term: bool = False
    is_newest_first: bool = True


class Moment(NamedTuple):
    """What a page shows beside its payments: the searches of these accounts, and the lanes at this time."""

    accounts: Sequence[str]
    now: datetime


class Step(NamedTuple):
    """One query: a walk or a collection by an index, which reads at most `bound` rows."""

    is_walk: bool
    by: By
    bound: int


def conditions_of(wanted: Wanted) -> dict[By, list[tuple[str, tuple[Any, ...]]]]:
    """Return the conditions by their index, each as alternatives of SQL and its arguments."""
    conditions: dict[By, list[tuple[str, tuple[Any, ...]]]] = {}
    if wanted.status is not None:
        conditions["status"] = [("status = {}", (wanted.status,))]
    if wanted.methods:
        conditions["method"] = [("provider = {} AND method = {}", pair) for pair in wanted.methods]
    if wanted.terms:
        conditions["terms"] = [("terms @> (SELECT {}::bigint[])", (wanted.terms,))]
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
    # No time is later than the end of 9999, so the sum has a bound.
    created_before = min(paid_before or FAR_AHEAD, FAR_AHEAD) + CLOCKS_DIFFER
    last = (min(latest or FAR_AHEAD, created_before), 0)
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


def written(step: Step, wanted: Wanted, moment: Moment, after: Place | None, limit: int) -> tuple[str, list[Any]]:
    """Return the query of a step with its arguments."""
    arguments = _Arguments()
    order, opposite = ("DESC", "ASC") if wanted.is_newest_first else ("ASC", "DESC")
    conditions = conditions_of(wanted)
    merchant, span = arguments.put("{}", (wanted.merchant,)), arguments.put(*_span(wanted, after))
    alternatives = [arguments.put(*each) for each in conditions.pop(step.by, [("true", ())])]
    columns = ", ".join(("payment_id", "created_at", *(COLUMNS_OF.get(by, by) for by in conditions)))
    words = {"columns": columns, "merchant": merchant, "span": span, "order": order, "bound": step.bound, "by": step.by}
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
    ends = (END_OF_WALK if step.is_walk else END_OF_COLLECTION).format(limit=limit, opposite=opposite)
    beside = {"accounts": arguments.put("{}", (moment.accounts,)), "now": arguments.put("{}", (moment.now,))}
    rest = " AND ".join(others) or "true"
    page = PAGE.format(seen=seen, rest=rest, ends=ends, order=order, limit=limit, fast=FAST, slow=SLOW, **beside)
    return page, arguments.values
