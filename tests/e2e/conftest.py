"""Fixtures of the end-to-end tests, beside the running hub of `tests/running_hub.py`."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.running_hub import RunningHub


class OtherMerchant(NamedTuple):
    """Another merchant than the demo merchant; `write_key` may not read, `admin_key` may only administer."""

    slug: str
    api_key: str
    write_key: str
    admin_key: str


@pytest.fixture
async def without_monitor(hub: RunningHub) -> AsyncIterator[None]:
    """Stop the monitor, so that no sweep finds a change first."""
    monitor = hub.pid("monitor")
    os.kill(monitor, signal.SIGSTOP)
    yield
    os.kill(monitor, signal.SIGCONT)


@pytest.fixture
async def only_when_asked(hub: RunningHub, without_monitor: None) -> None:
    """Stop webhooks and the monitor, so that only a check by the test asks the provider."""
    del without_monitor
    await hub.faults(webhooks=False)


@pytest.fixture
async def other_merchant(hub: RunningHub) -> OtherMerchant:
    """A merchant of this test only, with a Pix key and a product."""
    # Two fixtures may use one hub, so that a counter could repeat a slug.
    slug = f"padaria-{uuid4().hex[:12]}"
    path = f"/admin/merchants/{slug}"
    status, _ = await hub.administer(
        "POST", "/admin/merchants", {"slug": slug, "name": "Padaria da Ana", "city": "Recife"}
    )
    assert status == 201
    status, _ = await hub.administer(
        "PUT", f"{path}/pix-key", {"kind": "evp", "key": "9a1b6f0e-2f4b-4a53-8d0e-6a1f2b3c4d5e"}
    )
    assert status == 200
    status, _ = await hub.administer("PUT", f"{path}/products/Pão Francês", {"price": 0.75})
    assert status == 200
    keys = []
    everything = ["payments:write", "payments:read", "payments:refund", "confirm"]
    for scopes in (everything, ["payments:write"], ["admin"]):
        status, created = await hub.administer("POST", f"{path}/api-keys", {"scopes": scopes})
        assert status == 201
        keys.append(created["api_key"])
    return OtherMerchant(slug, *keys)


@pytest.fixture
async def others_hub(hub: RunningHub, other_merchant: OtherMerchant) -> RunningHub:
    """The hub for that merchant's backend; its payments are of this test only."""
    assert await hub.connect(other_merchant.slug) == 200
    return hub.acting_for(other_merchant.slug, other_merchant.api_key)
