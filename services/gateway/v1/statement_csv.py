"""Writes a statement as CSV (RFC 4180), in English or for spreadsheets in Portuguese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contracts.statement_kinds import KINDS
from services.gateway.v1.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from contracts.v1.statement import Locale

# A spreadsheet takes a text that begins like this for a formula; the last ones are the full-width forms.
FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
QUOTED: Final = re.compile(r'[",;\r\n]')
SECONDS: Final = tuple(f"{second:02d}" for second in range(60))
MAX_KEPT: Final = 10_000


class Words(NamedTuple):
    """The words and numbers of one locale."""

    start: str
    delimiter: str
    decimal: str
    truth: tuple[str, str]
    columns: dict[str, str]
    kinds: dict[str, str]


_COLUMNS: Final = (
    "id",
    "kind",
    "reversal",
    "amount",
    "disputed",
    "currency",
    "booked_at",
    "recorded_at",
    "payment_id",
    "reference",
    "description",
    "method",
    "provider",
    "attempt_id",
    "day",
    "opening",
    "closing",
    "opening_disputed",
    "closing_disputed",
    "total",
)
LINE_COLUMNS: Final = _COLUMNS[:14]

WORDS: Final[dict[Locale, Words]] = {
    "en": Words(
        start="",
        delimiter=",",
        decimal=".",
        truth=("false", "true"),
        columns={name: name for name in _COLUMNS},
        kinds={kind: kind for kind in KINDS},
    ),
    "pt-BR": Words(
        start="\ufeff",
        delimiter=";",
        decimal=",",
        truth=("não", "sim"),
        columns=dict(
            zip(
                _COLUMNS,
                (
                    "lançamento",
                    "tipo",
                    "anulação",
                    "valor",
                    "em disputa",
                    "moeda",
                    "data",
                    "registrado em",
                    "pagamento",
                    "pedido",
                    "descrição",
                    "meio",
                    "provedor",
                    "tentativa",
                    "dia",
                    "saldo anterior",
                    "saldo final",
                    "em disputa no início",
                    "em disputa no fim",
                    "total",
                ),
                strict=True,
            )
        ),
        kinds=dict(
            zip(
                KINDS,
                (
                    "recebido",
                    "recebido com atraso",
                    "recebido em dobro",
                    "recebido em parte",
                    "estornado",
                    "devolvido pelo banco",
                    "contestado",
                    "contestação ganha",
                    "contestação perdida",
                ),
                strict=True,
            )
        ),
    ),
}


class CsvWriter:
    """Writes rows of one statement; times are of its time zone.

    A day may have 100,000 lines, so each cell costs as little as it can: the csv module, and a conversion of each time,
    took twice the time of everything else.
    """

    def __init__(self, locale: Locale, zone: ZoneInfo) -> None:
        self.words = WORDS[locale]
        self._zone = zone
        self._minute_format = "%d/%m/%Y %H:%M:" if locale == "pt-BR" else "%Y-%m-%d %H:%M:"
        self._day_format = self._minute_format.split()[0]
        # Most lines are near each other, and prices repeat.
        self._minutes: dict[int, str] = {}
        self._amounts: dict[int, str] = {}

    def header(self, names: Iterable[str], *, has_kinds: bool = False) -> bytes:
        """Return the first row, after the byte order mark if the locale has one.

        With `has_kinds`, names are also kinds: `disputed` is a kind, and a column of lines.
        """
        words = self.words.columns | (self.words.kinds if has_kinds else {})
        return self.words.start.encode() + self.rows([[words[name] for name in names]])

    def rows(self, rows: Iterable[Sequence[str]]) -> bytes:
        """Return rows of finished cells."""
        delimiter = self.words.delimiter
        return "".join([f"{delimiter.join(cells)}\r\n" for cells in rows]).encode()

    def lines(self, rows: Iterable[Any]) -> bytes:
        """Return a row for each row of `statement_queries.LINES`."""
        return self.rows(map(self._line, rows))

    def _line(self, row: Any) -> tuple[str, ...]:
        (
            payment_id,
            number,
            booked_at,
            recorded_at,
            kind,
            is_reversal,
            _,
            amount,
            disputed,
            currency,
            provider,
            method,
            attempt_id,
            reference,
            description,
        ) = row
        words = self.words
        return (
            f"line_{payment_id}_{number}",
            words.kinds[kind],
            words.truth[is_reversal],
            self.amount(amount),
            self.amount(disputed),
            self.text(currency),
            self.time(booked_at),
            self.time(recorded_at),
            str(payment_id),
            self.text(reference) if reference else "",
            self.text(description),
            METHODS[provider, method],
            provider,
            self.text(attempt_id),
        )

    def amount(self, centavos: int) -> str:
        """Return centavos with two decimals; a negative amount keeps its sign."""
        written = self._amounts.get(centavos)
        if written is None:
            if len(self._amounts) >= MAX_KEPT:
                self._amounts.clear()
            whole, rest = divmod(abs(centavos), 100)
            sign = "-" if centavos < 0 else ""
            written = self._amounts[centavos] = f"{sign}{whole}{self.words.decimal}{rest:02d}"
        return written

    def day(self, day: date) -> str:
        """Return a date as a spreadsheet of the locale reads it."""
        return f"{day:{self._day_format}}"

    def time(self, at: datetime) -> str:
        """Return a local time to the second, as a spreadsheet of the locale reads it."""
        minute, second = divmod(int(at.timestamp()), 60)
        local = self._minutes.get(minute)
        if local is None:
            if len(self._minutes) >= MAX_KEPT:
                self._minutes.clear()
            local = self._minutes[minute] = at.astimezone(self._zone).strftime(self._minute_format)
        return local + SECONDS[second]

    def text(self, cell: str) -> str:
        """Return a text in quotes where it needs them; an apostrophe keeps spreadsheets from reading a formula."""
        if cell.isalnum():
            return cell
        if cell[:1] in FORMULA:
            cell = f"'{cell}"
        return '"' + cell.replace('"', '""') + '"' if QUOTED.search(cell) else cell
