"""An empty log and a separate NATS, `nats_server`, for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from extrato.bus.connection import Bus, connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.cli.embedded.nats import EmbeddedNats


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    return emptied_database_url


@pytest.fixture
async def bus(nats_server: EmbeddedNats) -> AsyncIterator[Bus]:
    bus = await connect(nats_server.url, name="tests")
    yield bus
    await bus.close()
