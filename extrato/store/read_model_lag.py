"""How far each read model is behind the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from prometheus_client import Gauge

from extrato.store.log_head import TIMEOUT_S
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import asyncpg

BEHIND: Final = Gauge("extrato_read_model_behind", "Lag of a read model, in positions of the log.", ["read_model"])

# A read model without a checkpoint has applied no event.
MEASURE: Final = """
    SELECT
        name,
        position IS NOT NULL AS is_built,
        coalesce(position, 0) AS position,
        (SELECT coalesce(max(notification_id), 0) FROM stored_events) - coalesce(position, 0) AS behind
    FROM unnest($1::text[]) AS name LEFT JOIN checkpoints ON read_model = name
"""


class ReadModelLag(Struct, frozen=True, kw_only=True):
    """The newest applied position of a read model, and its distance from the head of the log.

    It has no position until it `is_built`, after the first start.
    """

    name: str
    is_built: bool
    position: int
    behind: int


async def read_model_lags(pool: asyncpg.Pool, names: Sequence[str]) -> list[ReadModelLag]:
    """Return the lag of each of the named read models; raises `StoreUnavailable`."""
    with raising_unavailable():
        rows = await pool.fetch(MEASURE, names, timeout=TIMEOUT_S)
    return [ReadModelLag(**row) for row in rows]


def show_behind(lags: Iterable[ReadModelLag]) -> None:
    """Set the gauge, which shows no other read models."""
    BEHIND.clear()
    for lag in lags:
        BEHIND.labels(lag.name).set(lag.behind)
