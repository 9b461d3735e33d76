"""A row of the list counts only the search of the account whose findings its read model shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from services.gateway.http.positions import ReadModelBehind
from services.gateway.v1.verification import shown_by

LAST = datetime(2026, 11, 29, 12, tzinfo=UTC)
EARLIER = LAST - timedelta(seconds=5)
ACCOUNT = "padaria.mercado_pago"


@pytest.fixture
async def gateway(pool):
    """A gateway with one provider, whose account was swept at the positions 10 and 20."""
    await pool.execute("INSERT INTO sweep_cursors VALUES ($1, $2, $2, 20, $3, 10)", ACCOUNT, LAST, EARLIER)
    hub = SimpleNamespace(providers=SimpleNamespace(remote={"mercado_pago": None}))
    return SimpleNamespace(pool=pool, hub=hub)


@pytest.mark.parametrize(("position", "shown_until"), [(9, None), (10, EARLIER), (19, EARLIER), (20, LAST), (21, LAST)])
async def test_search_counts_once_the_read_model_shows_it(gateway, position, shown_until):
    await gateway.pool.execute("INSERT INTO checkpoints VALUES ('payment_details', 1, $1)", position)
    shown = await shown_by(gateway, "padaria", read_model="payment_details")
    assert shown.position == position
    assert shown.sweeps[ACCOUNT] == (LAST, shown_until)


async def test_merchant_without_a_search_has_none(gateway):
    await gateway.pool.execute("INSERT INTO checkpoints VALUES ('payment_details', 1, 7)")
    shown = await shown_by(gateway, "mercado", read_model="payment_details")
    assert (shown.position, shown.sweeps.get("mercado.mercado_pago")) == (7, None)


async def test_list_waits_for_its_read_model_to_be_built(gateway):
    with pytest.raises(ReadModelBehind, match="still building"):
        await shown_by(gateway, "padaria", read_model="payment_details")
