"""The metrics of the read models, by the name of the read model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge

from extrato.metrics import mark_time
from extrato.scrape import Measurement
from extrato.store.log_head import lags_s
from extrato.store.read_model_lag import read_model_lags, show_behind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from extrato.store.page import Page
    from extrato.store.read_model_lag import ReadModelLag

LABELS: Final = ["read_model"]

POSITION: Final = Gauge("extrato_read_model_position", "Newest position of the log in a read model.", LABELS)
LAG_S: Final = Gauge(
    "extrato_read_model_lag_seconds", "Age of the oldest event that a read model lacks; 0 without one.", LABELS
)
CYCLE_TIMESTAMP_S: Final = Gauge(
    "extrato_read_model_cycle_timestamp_seconds",
    "Unix time at which the loop of a read model last completed a cycle, or started.",
    LABELS,
)
EVENTS: Final = Counter(
    "extrato_read_model_events", "Events that a read model applied or skipped, also while it is rebuilt.", LABELS
)
REBUILDING: Final = Gauge("extrato_read_model_rebuilding", "1 while this process rebuilds a read model.", LABELS)


class ReadModelMetrics:
    """The metrics of one read model that its feed sets."""

    def __init__(self, name: str) -> None:
        # Looking a label up costs more than counting.
        self._cycle_timestamp_s = CYCLE_TIMESTAMP_S.labels(name)
        self._events = EVENTS.labels(name)
        self._rebuilding = REBUILDING.labels(name)

    def complete_cycle(self) -> None:
        """Show that the feed completed a cycle at this moment, also when there was no event."""
        mark_time(self._cycle_timestamp_s)

    def count_events(self, events: int) -> None:
        """Count events that the read model has applied or skipped."""
        self._events.inc(events)

    def set_rebuilding(self, *, is_rebuilding: bool) -> None:
        """Show that this process rebuilds the read model, or that it does not."""
        self._rebuilding.set(is_rebuilding)


def events_above(page: Page, position: int) -> int:
    """Count the events of a page above a position, also the unreadable ones."""
    if position <= page.after:
        return len(page.envelopes) + len(page.unreadable)
    return sum(each.position > position for each in page.envelopes) + sum(
        each.position > position for each in page.unreadable
    )


def measure_read_models(
    pool: asyncpg.Pool, names: Sequence[str], *, now_s: Callable[[], float] = time.time
) -> Measurement[list[tuple[ReadModelLag, float]]]:
    """Return the measurement; without an answer from PostgreSQL the gauges are empty, not outdated."""

    async def read() -> list[tuple[ReadModelLag, float]]:
        lags = await read_model_lags(pool, names)
        seconds = await lags_s(pool, [lag.position for lag in lags], now_s=now_s())
        return list(zip(lags, seconds, strict=True))

    def show(found: list[tuple[ReadModelLag, float]] | None) -> None:
        show_behind(lag for lag, _ in found or ())
        POSITION.clear()
        LAG_S.clear()
        for lag, seconds in found or ():
            POSITION.labels(lag.name).set(lag.position)
            LAG_S.labels(lag.name).set(seconds)

    return Measurement(read, show)
