"""The last use of each key: noted in memory, written rarely and together, and never blocking requests."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from extrato.domain.merchant import RESERVED_SLUG
from extrato.store.key_uses import read_uses, write_uses
from extrato.use_cases.merchant_directory import ApiKey
from services.gateway.http import key_uses
from services.gateway.http.key_uses import KeyUses


def key(key_id, merchant="padaria"):
    return ApiKey(merchant=merchant, key_id=key_id, scopes=frozenset(), listed_prices_only=False)


@pytest.fixture
async def pool(emptied_database_url):
    async with asyncpg.create_pool(emptied_database_url, min_size=1, max_size=3) as pool:
        await pool.execute("TRUNCATE api_key_uses")
        yield pool


async def rows(pool):
    return [tuple(row) for row in await pool.fetch("SELECT holder, key_id, xmin::text FROM api_key_uses ORDER BY 1, 2")]


async def test_key_use_shows_at_once_and_is_written_later(pool):
    uses, elsewhere = KeyUses(pool), KeyUses(pool)
    before = datetime.now(UTC)
    uses.note(key("a"))
    uses.note(key("b", merchant=None))
    assert before <= (await uses.read("padaria"))["a"] <= datetime.now(UTC)
    assert (await elsewhere.read("padaria"), await elsewhere.read(RESERVED_SLUG)) == ({}, {})
    noted = await uses.read("padaria")
    await uses.write()
    assert (await elsewhere.read("padaria")) == noted == await read_uses(pool, "padaria")
    assert list(await elsewhere.read(RESERVED_SLUG)) == ["b"]
    assert await elsewhere.read("another") == {}


async def test_thousand_uses_are_one_write(pool):
    uses = KeyUses(pool)
    for _ in range(1000):
        uses.note(key("a"))
    await uses.write()
    written = await rows(pool)
    await uses.write()
    assert await rows(pool) == written
    assert len(written) == 1


async def test_recent_write_of_other_gateway_is_not_repeated(pool):
    now = time.time()
    await write_uses(pool, {("padaria", "a"): now})
    written = await rows(pool)
    await write_uses(pool, {("padaria", "a"): now + 30})
    await write_uses(pool, {("padaria", "a"): now - 3600})
    assert await rows(pool) == written
    await write_uses(pool, {("padaria", "a"): now + 61})
    assert (await read_uses(pool, "padaria"))["a"] - datetime.fromtimestamp(now, UTC) == timedelta(seconds=61)


async def test_refused_write_keeps_uses_without_error(pool):
    uses = KeyUses(pool)
    uses.note(key("a"))
    await pool.execute("ALTER TABLE api_key_uses RENAME TO gone")
    await uses.write()
    uses.note(key("b"))
    await pool.execute("ALTER TABLE gone RENAME TO api_key_uses")
    await uses.write()
    assert set(await read_uses(pool, "padaria")) == {"a", "b"}


async def test_noted_uses_are_bounded_and_written_at_shutdown(pool, monkeypatch):
    monkeypatch.setattr(key_uses, "MAX_NOTED", 2)
    uses = KeyUses(pool)
    for key_id in "abcb":
        uses.note(key(key_id))
    await uses.close()
    assert set(await read_uses(pool, "padaria")) == {"a", "b"}
