"""`/v1/statement`: the books of a merchant, as JSON or CSV; lines are streamed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from aiohttp import hdrs, web

from contracts.statement_kinds import KINDS
from contracts.v1 import (
    Statement,
    StatementDay,
    StatementLine,
    StatementMethod,
    StatementQuery,
    StatementTotal,
)
from extrato.domain.errors import Refused
from extrato.domain.money import CURRENCY
from extrato.errors import ExtratoError, InternalError
from services.gateway.gateway import gateway_of
from services.gateway.http.bodies import Fault, invalid_body
from services.gateway.http.caller import CORRELATION_ID
from services.gateway.http.positions import POSITION
from services.gateway.http.responses import JSON, json_response
from services.gateway.request_body import read_query
from services.gateway.v1.merchant_of import merchant_of
from services.gateway.v1.methods import METHODS
from services.gateway.v1.periods import period_of
from services.gateway.v1.statement_csv import LINE_COLUMNS, CsvWriter
from services.gateway.v1.statement_queries import (
    LINES_AT_ONCE,
    READ_MODEL,
    Balance,
    Books,
    LinePages,
    Sum,
    read_books,
    time_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from services.gateway.v1.periods import Period

# Every charge is in this currency.
CSV: Final = "text/csv; charset=utf-8"
# A client that reads nothing for this time is cut off.
STALLED_S: Final = 30.0

_encode: Final = msgspec.json.Encoder().encode
_logger = structlog.get_logger(component="gateway")


async def read_statement(request: web.Request) -> web.Response:
    """`GET /v1/statement`: read the books from the read model `statement`."""
    query = read_query(request, StatementQuery)
    merchant = await merchant_of(request, query.merchant)
    try:
        period = period_of(query.from_day, query.to_day, query.timezone)
    except Refused as fault:
        raise invalid_body((Fault("/to", fault, "query"),)) from None
    gateway = gateway_of(request)
    if query.as_of is None:
        await gateway.positions.wait_for_head(READ_MODEL)
        as_of = None
    else:
        as_of = await gateway.positions.wait(query.as_of, read_model=READ_MODEL)
    books = await read_books(gateway.pool, merchant.slug, period, query.basis, as_of=as_of)
    # That of a statement is its `as_of`, also if `Extrato-After` is a later one.
    request[POSITION] = books.as_of
    # The text of the query may be of an earlier epoch; the answer to it is the same.
    shown = _Shown(query, merchant.slug, period, books, as_of=query.as_of or gateway.positions.text(books.as_of))
    if query.group_by == "none":
        pages = LinePages(gateway.pool, merchant.slug, period, query.basis, as_of=books.as_of)
        return shown.streamed(request, pages)
    return shown.grouped()


class _Shown:
    """One statement in the format of its query."""

    def __init__(self, query: StatementQuery, merchant: str, period: Period, books: Books, *, as_of: str) -> None:
        self._query = query
        self._merchant = merchant
        self._period = period
        self._books = books
        self._as_of = as_of
        self._csv = CsvWriter(query.locale, period.zone)

    def grouped(self) -> web.Response:
        """Return the sums of each day or method."""
        if self._query.format == "csv":
            rows = self._day_rows() if self._query.group_by == "day" else self._method_rows()
            return web.Response(body=rows, headers=self._csv_headers())
        if self._query.group_by == "day":
            return json_response(self._statement(days=self._days()))
        return json_response(self._statement(methods=self._methods()))

    def streamed(self, request: web.Request, pages: LinePages) -> web.Response:
        """Return an answer that sends the lines page by page."""
        if self._query.format == "csv":
            chunks = _checked(pages, self._books, self._csv.lines, head=self._csv.header(LINE_COLUMNS))
            return web.Response(body=_sent(request, self._merchant, chunks), headers=self._csv_headers())
        head = _encode(self._statement()).removesuffix(b"}") + b',"lines":['
        chunks = _checked(pages, self._books, _json_lines, head=head, between=b",", end=b"]}")
        return web.Response(body=_sent(request, self._merchant, chunks), headers={hdrs.CONTENT_TYPE: JSON})

    def _statement(self, **groups: Any) -> Statement:
        opening, closing = self._books.opening, self._books.closing
        query = self._query
        first, last = query.from_day.isoformat(), query.to_day.isoformat()
        return Statement(
            object="statement",
            id=f"{self._merchant}_{first}_{last}_{query.basis}_{query.timezone}_{query.group_by}",
            merchant=self._merchant,
            from_day=first,
            to_day=last,
            timezone=query.timezone,
            basis=query.basis,
            currency=CURRENCY,
            as_of=self._as_of,
            skipped_events=self._books.skipped,
            opening_centavos=opening.held,
            closing_centavos=closing.held,
            opening_disputed_centavos=opening.disputed,
            closing_disputed_centavos=closing.disputed,
            totals=_totals(self._books.sums),
            **groups,
        )

    def _days(self) -> list[StatementDay]:
        return [
            StatementDay(
                object="statement_day",
                id=self._period.days[nth].isoformat(),
                opening_centavos=opening.held,
                closing_centavos=closing.held,
                opening_disputed_centavos=opening.disputed,
                closing_disputed_centavos=closing.disputed,
                totals=_totals(sums),
            )
            for nth, (opening, sums, closing) in enumerate(self._balanced_days())
        ]

    def _balanced_days(self) -> Iterable[tuple[Balance, list[Sum], Balance]]:
        """Return each day's opening balance, sums and closing balance."""
        of_day: list[list[Sum]] = [[] for _ in self._period.days]
        for each in self._books.sums:
            of_day[each.day].append(each)
        opening = self._books.opening
        for sums in of_day:
            closing = opening.after(sums)
            yield opening, sums, closing
            opening = closing

    def _by_method(self) -> dict[str, list[Sum]]:
        of_method: dict[str, list[Sum]] = {}
        for each in self._books.sums:
            of_method.setdefault(METHODS[each.provider, each.method], []).append(each)
        return dict(sorted(of_method.items()))

    def _methods(self) -> list[StatementMethod]:
        return [
            StatementMethod(
                object="statement_method",
                id=name,
                amount_centavos=sum(each.amount_centavos for each in sums),
                disputed_centavos=sum(each.disputed_centavos for each in sums),
                totals=_totals(sums),
            )
            for name, sums in self._by_method().items()
        ]

    def _day_rows(self) -> bytes:
        csv = self._csv
        names = ("day", "opening", *KINDS, "closing", "opening_disputed", "closing_disputed")
        return csv.header(names, has_kinds=True) + csv.rows(
            (
                csv.day(self._period.days[nth]),
                csv.amount(opening.held),
                *self._amounts(sums),
                csv.amount(closing.held),
                csv.amount(opening.disputed),
                csv.amount(closing.disputed),
            )
            for nth, (opening, sums, closing) in enumerate(self._balanced_days())
        )

    def _method_rows(self) -> bytes:
        csv = self._csv
        return csv.header(("method", *KINDS, "total"), has_kinds=True) + csv.rows(
            (name, *self._amounts(sums), csv.amount(sum(each.amount_centavos for each in sums)))
            for name, sums in self._by_method().items()
        )

    def _amounts(self, sums: Sequence[Sum]) -> list[str]:
        """Return the amount of each kind."""
        return [self._csv.amount(sum(each.amount_centavos for each in sums if each.kind == kind)) for kind in KINDS]

    def _csv_headers(self) -> dict[str, str]:
        name = f"extrato-{self._merchant}-{self._query.from_day}-{self._query.to_day}.csv"
        return {hdrs.CONTENT_TYPE: CSV, hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}


def _totals(sums: Sequence[Sum]) -> list[StatementTotal]:
    """Return the sum of each kind that has a line."""
    of_kind = {kind: [each for each in sums if each.kind == kind] for kind in KINDS}
    return [
        StatementTotal(
            kind=kind,
            lines=sum(each.lines for each in found),
            amount_centavos=sum(each.amount_centavos for each in found),
            disputed_centavos=sum(each.disputed_centavos for each in found),
        )
        for kind, found in of_kind.items()
        if found
    ]


def _json_lines(rows: Iterable[Any]) -> bytes:
    """Return lines as JSON, separated by commas."""
    return _encode([_line(row) for row in rows])[1:-1]


def _line(row: Any) -> StatementLine:
    return StatementLine(
        object="statement_line",
        id=f"line_{row['payment_id']}_{row['number']}",
        kind=row["kind"],
        reversal=row["is_reversal"],
        amount_centavos=row["amount_centavos"],
        disputed_centavos=row["disputed_centavos"],
        currency=row["currency"],
        booked_at=time_of(row["booked"]),
        recorded_at=time_of(row["recorded"]),
        payment_id=str(row["payment_id"]),
        attempt_id=row["attempt_id"],
        reference=row["reference"],
        description=row["description"],
        method=METHODS[row["provider"], row["method"]],
        provider=row["provider"],
    )


async def _checked(
    pages: LinePages,
    books: Books,
    write: Callable[[Iterable[Any]], bytes],
    *,
    head: bytes,
    between: bytes = b"",
    end: bytes = b"",
) -> AsyncIterator[bytes]:
    """Write all lines; raises `InternalError` if they do not add up to the closing balance of the books."""
    balance, chunk, rows = books.opening, head, await pages.next()
    yield chunk
    is_first = True
    while rows:
        # PostgreSQL reads the next page while this one is written and sent.
        following = asyncio.ensure_future(pages.next()) if len(rows) == LINES_AT_ONCE else None
        try:
            # A task begins only when this one waits: without it, the query would be sent after the page is written.
            await asyncio.sleep(0)
            yield write(rows) if is_first else between + write(rows)
            balance = balance.after_lines(rows)
            rows = await following if following is not None else []
        finally:
            if following is not None:
                following.cancel()
        is_first = False
    if balance != books.closing:
        raise InternalError
    yield end


async def _sent(request: web.Request, merchant: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass the chunks on, for a few clients at once, and fewer of one merchant; the others wait for their turn.

    A statement that cannot be completed is cut off, so that no client takes it for whole.
    """
    loop = asyncio.get_running_loop()
    try:
        async with gateway_of(request).statements.take(merchant):
            async for chunk in chunks:
                stalled = loop.call_later(STALLED_S, _cut_off, request)
                try:
                    yield chunk
                finally:
                    stalled.cancel()
    except (ExtratoError, ValueError) as error:
        _logger.exception(
            "statement_cut_off", path=request.path, correlation_id=request[CORRELATION_ID], reason=repr(error)
        )
        _cut_off(request)


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
