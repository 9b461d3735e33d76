from __future__ import annotations

import pytest

from extrato.process import CannotStart, open_database
from extrato.settings import Settings
from extrato.store.transaction_pooler import is_transaction_pooler
from services.cli.preflight import check_database
from tests.integration.store.pooler import pooling

SENTENCE = (
    "EXTRATO_DATABASE_URL is a pooler that shares PostgreSQL's connections among clients, like PgBouncer with "
    "pool_mode=transaction. The hub needs separate connections: use pool_mode=session, or PostgreSQL's own address."
)


async def test_postgresql_is_no_transaction_pooler(database_url):
    assert not await is_transaction_pooler(database_url, timeout_s=5)


async def test_pooler_in_session_mode_is_accepted(database_url):
    async with pooling(database_url, "session") as url:
        assert not await is_transaction_pooler(url, timeout_s=5)
        await check_database(url)
        async with open_database(Settings.from_environment({"EXTRATO_DATABASE_URL": url}), connections=2) as pool:
            assert await pool.fetchval("SELECT count(*) FROM checkpoints") is not None


async def test_pooler_in_transaction_mode_is_refused_before_writes(database_url):
    async with pooling(database_url, "transaction") as url:
        assert await is_transaction_pooler(url, timeout_s=5)
        with pytest.raises(CannotStart) as refused:
            await check_database(url)
        assert str(refused.value) == SENTENCE
        with pytest.raises(CannotStart) as refused:
            async with open_database(Settings.from_environment({"EXTRATO_DATABASE_URL": url}), connections=2):
                pass
        assert str(refused.value) == SENTENCE
