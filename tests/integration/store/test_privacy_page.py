"""The page about personal data classifies every column that may hold a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.projections.read_models.registry import READ_MODELS
from tests.privacy_page import classified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

# Types that cannot hold a text. A type that is not in this list counts as one that can.
WITHOUT_TEXT = ("bigint", "boolean", "double precision", "integer", "timestamp with time zone", "uuid")
COLUMNS = """
    SELECT table_name || '.' || column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND data_type <> ALL ($1::text[])
"""


@pytest.fixture
async def columns(pool: asyncpg.Pool) -> AsyncIterator[set[str]]:
    """The columns of a migrated database with every read model."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for model in READ_MODELS:
            for table in model.tables(model.name):
                await connection.execute(f"DROP TABLE IF EXISTS {table}")
            await connection.execute(model.create.format(table=model.name))
        yield {name for (name,) in await connection.fetch(COLUMNS, WITHOUT_TEXT)}
        await transaction.rollback()


async def test_every_column_with_text_is_classified(columns: set[str]):
    assert sorted(columns) == sorted(classified("Every column"))
