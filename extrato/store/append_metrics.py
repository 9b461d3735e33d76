"""Metrics of appends to the log. A write counts once for all its events, because thousands are appended a second."""

from __future__ import annotations

from collections import Counter as Tally
from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge, Histogram

from contracts.events import EVENTS, topic_of

if TYPE_CHECKING:
    from collections.abc import Iterable

WAITING: Final = Gauge("extrato_appends_waiting", "Appends that wait for a write.")
APPENDED: Final = Counter("extrato_events_appended", "Events appended by this process, by type.", ["event"])
BATCH_EVENTS: Final = Histogram(
    "extrato_append_batch_events",
    "Events in one write to the log.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
DURATION_S: Final = Histogram(
    "extrato_append_duration_seconds",
    "Time of one write to the log, with its retries.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

# Looking a label up costs more than counting.
_counter_of_topic: Final = {topic_of(event): APPENDED.labels(event.__name__) for event in EVENTS}


def count_write(topics: Iterable[str], *, duration_s: float) -> None:
    """Count one write that appended events of these topics."""
    tally = Tally(topics)
    for topic, count in tally.items():
        _counter_of_topic[topic].inc(count)
    BATCH_EVENTS.observe(tally.total())
    DURATION_S.observe(duration_s)
