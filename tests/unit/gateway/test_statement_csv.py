"""The cells of a statement as CSV: a parser reads them back, and no spreadsheet takes a text for a formula."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.statement_kinds import KINDS
from services.gateway.v1.statement_csv import LINE_COLUMNS, WORDS, CsvWriter
from services.gateway.v1.statement_queries import EPOCH

ZONE = ZoneInfo("America/Sao_Paulo")
NOON = datetime(2026, 11, 30, 12, 0, 7, tzinfo=UTC)
each_locale = pytest.mark.parametrize("locale", WORDS)
DELIMITERS = {"en": ",", "pt-BR": ";"}


def sent(at: datetime) -> bytes:
    """Return a time as PostgreSQL sends it."""
    return ((at - EPOCH) // timedelta(microseconds=1)).to_bytes(8, signed=True)


def row(**changes):
    cells = {
        "payment_id": 15,
        "number": 1,
        "booked": sent(NOON),
        "recorded": sent(NOON + timedelta(hours=12)),
        "kind": "received",
        "is_reversal": False,
        "is_summed": True,
        "amount": 3500,
        "disputed": 0,
        "currency": "BRL",
        "provider": "mercado_pago",
        "method": "checkout",
        "attempt_id": "900",
        "reference": "P-1",
        "description": "10x Pão",
    }
    return tuple({**cells, **changes}.values())


def read(text: bytes, locale: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.decode(), newline=""), delimiter=DELIMITERS[locale], strict=True))


@pytest.mark.parametrize(
    ("locale", "cells"),
    [
        (
            "en",
            ["line_15_1", "received", "false", "35.00", "0.00", "BRL", "2026-11-30 09:00:07", "2026-11-30 21:00:07"],
        ),
        (
            "pt-BR",
            ["line_15_1", "recebido", "não", "35,00", "0,00", "BRL", "30/11/2026 09:00:07", "30/11/2026 21:00:07"],
        ),
    ],
)
def test_line_has_the_words_and_numbers_of_the_locale(locale, cells):
    (line,) = read(CsvWriter(locale, ZONE).lines([row()]), locale)
    assert line[:8] == cells
    assert line[8:] == ["15", "P-1", "10x Pão", "mercado_pago_checkout", "mercado_pago", "900"]
    assert len(line) == len(LINE_COLUMNS)


def test_only_portuguese_has_a_byte_order_mark():
    assert CsvWriter("pt-BR", ZONE).header(LINE_COLUMNS).startswith(b"\xef\xbb\xbf")
    assert CsvWriter("en", ZONE).header(LINE_COLUMNS).startswith(b"id,")


@each_locale
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d"])
@pytest.mark.parametrize("before", ["bolo;", "bolo,", 'bolo;"', 'bolo,""', ";"])
def test_formula_behind_a_delimiter_of_another_locale_is_marked_as_text(locale, before, start):
    line = CsvWriter(locale, ZONE).lines([row(description=f"{before}{start}1+1;")])
    for delimiter in ",;":
        (cells,) = csv.reader(io.StringIO(line.decode().removeprefix("\ufeff")), delimiter=delimiter)
        assert not [cell for cell in cells if cell.startswith(start) and "1+1" in cell]


@pytest.mark.parametrize("text", ["Pão; bolo, café", "Bolo, -10%", 'Bolo "grande"; 10-12 fatias'])
def test_text_without_a_formula_stays(text):
    (cells,) = read(CsvWriter("en", ZONE).lines([row(description=text)]), "en")
    assert cells[LINE_COLUMNS.index("description")] == text


def test_column_of_disputed_money_has_another_name_than_the_kind():
    writer = CsvWriter("pt-BR", ZONE)
    columns, kinds = (
        writer.header(["disputed"], has_kinds=has_kinds).decode("utf-8-sig").strip() for has_kinds in (False, True)
    )
    assert (columns, kinds) == ("em disputa", "contestado")
    assert "em disputa" in writer.header(LINE_COLUMNS).decode()


@each_locale
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_text_that_looks_like_a_formula_is_marked_as_text(locale, start):
    cell = f'{start}HYPERLINK("http://evil.example";"x")'
    line = row(reference=cell, description=cell, attempt_id=cell, amount=-3500)
    (cells,) = read(CsvWriter(locale, ZONE).lines([line]), locale)
    assert [cells[LINE_COLUMNS.index(name)] for name in ("reference", "description", "attempt_id")] == [f"'{cell}"] * 3
    # An amount keeps its sign.
    assert cells[3] == {"en": "-35.00", "pt-BR": "-35,00"}[locale]


texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=30)


@each_locale
@given(reference=st.none() | texts, description=texts, attempt_id=texts, amount=st.integers(-(10**17), 10**17))
def test_parser_reads_every_cell_back(locale, reference, description, attempt_id, amount):
    line = row(reference=reference, description=description, attempt_id=attempt_id, amount=amount)
    (cells,) = read(CsvWriter(locale, ZONE).lines([line]), locale)
    for name, given_text in (("reference", reference or ""), ("description", description), ("attempt_id", attempt_id)):
        cell = cells[LINE_COLUMNS.index(name)]
        if set(given_text) & {",", ";"}:
            # An apostrophe also marks a formula behind a delimiter.
            assert cell.replace("'", "") == given_text.replace("'", "")
        else:
            assert cell in {given_text, f"'{given_text}"}
        assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}
    assert Decimal(cells[3].replace(",", ".")) * 100 == amount


@given(seconds=st.integers(0, 4_000_000_000), zone=st.sampled_from(["America/Sao_Paulo", "Asia/Kathmandu", "UTC"]))
def test_time_is_local(seconds, zone):
    at = datetime.fromtimestamp(seconds, UTC)
    assert CsvWriter("en", ZoneInfo(zone)).time(sent(at)) == at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


@each_locale
def test_every_word_is_different(locale):
    words = WORDS[locale]
    assert set(words.kinds) == set(KINDS)
    assert len(set(words.kinds.values())) == len(KINDS)
    assert len(set(words.columns.values())) == len(words.columns)
