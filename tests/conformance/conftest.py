"""An empty log for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.database import EMPTY, execute, new_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shared_database_url(postgres_url: str, migrated_template: str) -> AsyncIterator[str]:
    async with new_database(postgres_url, template=migrated_template, name="conformance_tests") as url:
        yield url


@pytest.fixture
async def database_url(shared_database_url: str) -> str:
    await execute(shared_database_url, EMPTY)
    return shared_database_url
