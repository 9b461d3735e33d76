"""What the tests from outside need besides the running hub of `tests/running_hub.py`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import pytest

from contracts.envelope import Cause
from extrato.assembly import open_hub
from extrato.domain import merchant as domain
from extrato.process import open_bus, open_database
from extrato.settings import Settings
from extrato.use_cases.merchants import change_merchant, digest_of, new_api_key

if TYPE_CHECKING:
    from tests.running_hub import RunningHub

_numbers = itertools.count(1)


class OtherMerchant(NamedTuple):
    """A merchant who is not the demo merchant; `write_key` may not read."""

    slug: str
    api_key: str
    write_key: str


@pytest.fixture
async def other_merchant(hub: RunningHub) -> OtherMerchant:
    """A merchant of this test alone, who takes Pix."""
    slug = f"padaria-{next(_numbers)}"
    settings = Settings.from_environment(
        {
            "EXTRATO_DATABASE_URL": hub.addresses["database_url"],
            "EXTRATO_NATS_URL": hub.addresses["nats_url"],
            "EXTRATO_HOME": str(hub.home),
        }
    )
    api_key, issue = new_api_key(slug)
    commands = [
        domain.Register(slug=slug, name="Padaria da Ana", city="Recife"),
        domain.SetPixKey(kind="evp", key="9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"),
        issue,
        domain.IssueApiKey(key_id="writes", secret_digest=digest_of("secret"), scopes=("payments:write",)),
    ]
    async with (
        open_database(settings, connections=1) as pool,
        open_bus(settings, name="test") as bus,
        open_hub(settings, pool=pool, bus=bus) as opened,
    ):
        await change_merchant(opened, slug, commands, cause=Cause(correlation_id="test", actor="operator"))
    return OtherMerchant(slug=slug, api_key=api_key, write_key=f"extrato.{slug}.writes.secret")
