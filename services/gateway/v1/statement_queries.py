"""Queries of the read model `statement`: balances, sums and lines up to a position of the log.

Sums have every line. To read them as of an earlier position, the lines behind that position are subtracted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from extrato.store.unavailable import raising_unavailable
from services.gateway.http.positions import not_built

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from contracts.v1.statement import Basis
    from services.gateway.v1.periods import Period

READ_MODEL: Final = "statement"
TIMEOUT_S: Final = 5.0
LINES_AT_ONCE: Final = 1000

# The column that dates a line.
_DATED_BY: Final[dict[Basis, str]] = {"moved": "booked_at", "recorded": "recorded_at"}
_SENT_AS: Final[dict[Basis, str]] = {"moved": "booked", "recorded": "recorded"}

# PostgreSQL sends a time as the microseconds since then.
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

CHECKPOINT: Final = "SELECT position FROM checkpoints WHERE read_model = 'statement'"

SKIPPED: Final = "SELECT count(*) FROM passed_over WHERE read_model = 'statement' AND position <= $1"
OPENING: Final = """
    SELECT coalesce(sum(amount_centavos), 0)::bigint, coalesce(sum(disputed_centavos), 0)::bigint
    FROM (
        SELECT amount_centavos, disputed_centavos FROM statement_days
        WHERE merchant = $1 AND basis = $2 AND starts_at < date_trunc('day', $3::timestamptz, 'UTC')
        UNION ALL
        SELECT amount_centavos, disputed_centavos FROM statement_sums
        WHERE merchant = $1 AND basis = $2
          AND starts_at >= date_trunc('day', $3::timestamptz, 'UTC') AND starts_at < $3
    ) AS sums
"""
OPENING_OF_LATER: Final = """
    SELECT coalesce(sum(amount_centavos), 0)::bigint, coalesce(sum(disputed_centavos), 0)::bigint
    FROM statement_lines WHERE merchant = $1 AND position > $3 AND is_summed AND {dated_by} < $2
"""
SUMS: Final = """
    SELECT width_bucket(starts_at, $3::timestamptz[]) - 1, provider, method, kind,
        sum(lines)::bigint, sum(amount_centavos)::bigint, sum(disputed_centavos)::bigint
    FROM statement_sums
    WHERE merchant = $1 AND basis = $2 AND starts_at >= ($3::timestamptz[])[1] AND starts_at < $4
    GROUP BY 1, 2, 3, 4
"""
SUMS_OF_LATER: Final = """
    SELECT width_bucket({dated_by}, $2::timestamptz[]) - 1, provider, method, kind,
        count(*), sum(amount_centavos)::bigint, sum(disputed_centavos)::bigint
    FROM statement_lines
    WHERE merchant = $1 AND position > $4 AND is_summed
      AND {dated_by} >= ($2::timestamptz[])[1] AND {dated_by} < $3
    GROUP BY 1, 2, 3, 4
"""
# The begin of the range is the first cursor, so that one condition finds the first row of a page. Times stay as
# PostgreSQL sends them: the driver takes a microsecond for each, a third of what it takes for a whole line.
LINES: Final = """
    SELECT payment_id, number, timestamptz_send(booked_at) AS booked, timestamptz_send(recorded_at) AS recorded, kind,
        is_reversal, is_summed, amount_centavos, disputed_centavos, currency, provider, method, attempt_id, reference,
        description
    FROM statement_lines JOIN statement USING (payment_id)
    WHERE merchant = $1 AND ({dated_by}, payment_id, number) > ($2, $3, $4) AND {dated_by} < $5 AND position <= $6
    ORDER BY {dated_by}, payment_id, number LIMIT $7
"""


def microseconds_of(sent: bytes) -> int:
    """Return the microseconds since `EPOCH` of a time in a row of `LINES`."""
    return int.from_bytes(sent, signed=True)


def time_of(sent: bytes) -> datetime:
    """Return a time in a row of `LINES`."""
    return EPOCH + timedelta(microseconds=microseconds_of(sent))


class Sum(NamedTuple):
    """The lines of one day, method and kind; `day` is an index of the period's days."""

    day: int
    provider: str
    method: str
    kind: str
    lines: int
    amount_centavos: int
    disputed_centavos: int


class Balance(NamedTuple):
    """What payments hold, and what is in dispute, in centavos."""

    held: int
    disputed: int

    def after(self, sums: Sequence[Sum]) -> Balance:
        """Return the balance after these sums."""
        held = sum(each.amount_centavos for each in sums)
        return Balance(self.held + held, self.disputed + sum(each.disputed_centavos for each in sums))

    def after_lines(self, rows: Sequence[Any]) -> Balance:
        """Return the balance after rows of `LINES`."""
        held, disputed = self
        for row in rows:
            if row["is_summed"]:
                held += row["amount_centavos"]
                disputed += row["disputed_centavos"]
        return Balance(held, disputed)


class Books(NamedTuple):
    """A merchant's opening balance of a period and the sums in it, with every line up to `as_of`.

    `skipped` is the number of events up to there that the read model could not apply, of all merchants.
    """

    as_of: int
    skipped: int
    opening: Balance
    sums: list[Sum]

    @property
    def closing(self) -> Balance:
        """Return the balance at the end of the period."""
        return self.opening.after(self.sums)


async def read_books(pool: asyncpg.Pool, merchant: str, period: Period, basis: Basis, *, as_of: int | None) -> Books:
    """Return the books in one snapshot; `as_of` must not be beyond the read model, and None is its position."""
    with raising_unavailable():
        async with (
            pool.acquire(timeout=TIMEOUT_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            position: int | None = await connection.fetchval(CHECKPOINT)
            if position is None:
                raise not_built(READ_MODEL)
            reading = _Reading(connection, merchant, period, basis)
            opening, sums = await reading.books()
            if as_of is not None and as_of < position:
                position = as_of
                opening, sums = await reading.without_later(as_of, opening, sums)
            return Books(position, await connection.fetchval(SKIPPED, position), opening, sums)


class _Reading:
    """The queries of one snapshot."""

    def __init__(self, connection: Any, merchant: str, period: Period, basis: Basis) -> None:
        self._connection = connection
        self._merchant = merchant
        self._period = period
        self._basis = basis

    async def books(self) -> tuple[Balance, list[Sum]]:
        opening = await self._fetch(OPENING, self._basis, self._period.start)
        sums = await self._fetch(SUMS, self._basis, self._period.starts, self._period.end)
        return Balance(*opening[0]), sorted(Sum(*row) for row in sums)

    async def without_later(self, as_of: int, opening: Balance, sums: list[Sum]) -> tuple[Balance, list[Sum]]:
        dated_by = _DATED_BY[self._basis]
        later = await self._fetch(OPENING_OF_LATER.format(dated_by=dated_by), self._period.start, as_of)
        rows = await self._fetch(SUMS_OF_LATER.format(dated_by=dated_by), self._period.starts, self._period.end, as_of)
        left = {each[:4]: each for each in sums}
        for row in rows:
            each = left[tuple(row[:4])]
            left[each[:4]] = each._replace(
                lines=each.lines - row[4],
                amount_centavos=each.amount_centavos - row[5],
                disputed_centavos=each.disputed_centavos - row[6],
            )
        earlier = Balance(opening.held - later[0][0], opening.disputed - later[0][1])
        return earlier, [each for each in left.values() if each.lines]

    async def _fetch(self, query: str, *arguments: Any) -> list[Any]:
        rows: list[Any] = await self._connection.fetch(query, self._merchant, *arguments, timeout=TIMEOUT_S)
        return rows


class LinePages:
    """The lines of a period up to a position, oldest first, a page at a time.

    Lines are never changed, so that pages of several snapshots make one list. No connection waits for a slow client.
    """

    def __init__(self, pool: asyncpg.Pool, merchant: str, period: Period, basis: Basis, *, as_of: int) -> None:
        self._pool = pool
        self._merchant = merchant
        self._end = period.end
        self._as_of = as_of
        self._sent_as = _SENT_AS[basis]
        self._query = LINES.format(dated_by=_DATED_BY[basis])
        self._place: tuple[datetime, int, int] = (period.start, 0, 0)

    async def next(self) -> list[Any]:
        """Return the next page; the last one has fewer than `LINES_AT_ONCE` lines."""
        arguments = (self._merchant, *self._place, self._end, self._as_of, LINES_AT_ONCE)
        with raising_unavailable():
            rows: list[Any] = await self._pool.fetch(self._query, *arguments, timeout=TIMEOUT_S)
        if rows:
            last = rows[-1]
            self._place = time_of(last[self._sent_as]), last["payment_id"], last["number"]
        return rows
