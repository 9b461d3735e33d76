"""Writes a statement as CSV (RFC 4180), in English or for spreadsheets in Portuguese."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from contracts.statement_kinds import KINDS
from services.gateway.v1.methods import METHODS
from services.gateway.v1.statement_queries import EPOCH, microseconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date
    from zoneinfo import ZoneInfo

    from contracts.v1.statement import Locale

# A spreadsheet takes a text that begins like this for a formula; the last ones are the full-width forms.
FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
QUOTED: Final = re.compile(r'[",;\r\n]')
# A spreadsheet that expects the delimiter of the other locale begins a cell there, also inside quotes.
BEHIND_DELIMITER: Final = re.compile(rf'([,;]"*)(?=[{re.escape("".join(sorted(FORMULA)))}])')
SECONDS: Final = tuple(f"{second:02d}" for second in range(60))
MAX_KEPT: Final = 2_000


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


class _Kept(dict[Any, str]):
    """The text of each value, so that equal values are written once; it is emptied when it is full."""

    def __init__(self, write: Callable[[Any], str]) -> None:
        super().__init__()
        self._write = write

    def __missing__(self, value: Any) -> str:
        if len(self) >= MAX_KEPT:
            self.clear()
        written = self[value] = self._write(value)
        return written


class CsvWriter:
    """Writes rows of one statement; times are of its time zone.

    A day may have 100,000 lines, so a line costs as little as it can: the csv module, and a conversion of each time,
    took four times as long as all of it. Most lines are near each other, and their prices and texts repeat.
    """

    def __init__(self, locale: Locale, zone: ZoneInfo) -> None:
        self.words = WORDS[locale]
        self._zone = zone
        self._minute_format = "%d/%m/%Y %H:%M:" if locale == "pt-BR" else "%Y-%m-%d %H:%M:"
        self._day_format = self._minute_format.split()[0]
        self._minutes = _Kept(self._minute)
        self._money = _Kept(self._money_cells)
        self._texts = _Kept(self.text)

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
        return "".join(map(self._line, rows)).encode()

    def _line(self, row: Any) -> str:
        (
            payment_id,
            number,
            booked,
            recorded,
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
        next_cell = self.words.delimiter
        return (
            f"line_{payment_id}_{number}{next_cell}{self._money[kind, is_reversal, amount, disputed, currency]}"
            f"{next_cell}{self.time(booked)}{next_cell}{self.time(recorded)}{next_cell}{payment_id}"
            f"{next_cell}{self.text(reference) if reference else ''}{next_cell}{self._texts[description]}"
            f"{next_cell}{METHODS[provider, method]}{next_cell}{provider}{next_cell}{self.text(attempt_id)}\r\n"
        )

    def _money_cells(self, money: tuple[str, bool, int, int, str]) -> str:
        """Return the cells from `kind` to `currency`."""
        kind, is_reversal, amount, disputed, currency = money
        cells = (
            self.words.kinds[kind],
            self.words.truth[is_reversal],
            self.amount(amount),
            self.amount(disputed),
            self.text(currency),
        )
        return self.words.delimiter.join(cells)

    def amount(self, centavos: int) -> str:
        """Return centavos with two decimals; a negative amount keeps its sign."""
        whole, rest = divmod(abs(centavos), 100)
        sign = "-" if centavos < 0 else ""
        return f"{sign}{whole}{self.words.decimal}{rest:02d}"

    def day(self, day: date) -> str:
        """Return a date as a spreadsheet of the locale reads it."""
        return f"{day:{self._day_format}}"

    def time(self, sent: bytes) -> str:
        """Return the local time of a row of `LINES` to the second, as a spreadsheet of the locale reads it."""
        minute, second = divmod(microseconds_of(sent) // 1_000_000, 60)
        return self._minutes[minute] + SECONDS[second]

    def _minute(self, minute: int) -> str:
        return (EPOCH + timedelta(minutes=minute)).astimezone(self._zone).strftime(self._minute_format)

    def text(self, cell: str) -> str:
        """Return a text in quotes where it needs them; an apostrophe keeps spreadsheets from reading a formula."""
        if cell.isalnum():
            return cell
        if cell[:1] in FORMULA:
            cell = f"'{cell}"
        if not QUOTED.search(cell):
            return cell
        cell = BEHIND_DELIMITER.sub(r"\1'", cell)
        return '"' + cell.replace('"', '""') + '"'
