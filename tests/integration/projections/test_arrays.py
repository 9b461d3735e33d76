"""Columns that read models pass as text must reach PostgreSQL unchanged."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.projections.arrays import arguments_of, array_of, unnested

COLUMNS = {"word": "text", "number": "bigint", "flag": "boolean", "at": "timestamptz", "document": "json"}
NOON = datetime(2026, 2, 28, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def connection(database_url: str):
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


async def test_rows_reach_postgresql_unchanged(connection: asyncpg.Connection):
    rows = [
        ("pão", -(2**63), True, NOON, '{"a":"b\\n\\"c"}'),
        (None, None, None, None, None),
        ("", 2**63 - 1, False, datetime(1, 1, 1, tzinfo=UTC), "[]"),
        ("null", 0, True, NOON + timedelta(microseconds=1), '"{}"'),
    ]

    found = await connection.fetch(f"SELECT * FROM {unnested(COLUMNS)}", *arguments_of(COLUMNS, rows))

    assert [tuple(row) for row in found] == rows


@pytest.mark.parametrize(
    "text", ['"', "\\", '\\"', "a\nb", "\t", "\x01", "{}", "{a,b}", ",", " a ", "NULL", "\u2028", "😀"]
)
async def test_every_text_reaches_postgresql_unchanged(connection: asyncpg.Connection, text: str):
    texts = [text, None, "a", text * 2]

    assert await connection.fetchval("SELECT $1::text::text[]", array_of(texts)) == texts


async def test_text_that_postgresql_cannot_store_is_a_rejected_value(connection: asyncpg.Connection):
    with pytest.raises(asyncpg.CharacterNotInRepertoireError):
        await connection.fetchval("SELECT $1::text::text[]", array_of(["\x00"]))
