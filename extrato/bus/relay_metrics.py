"""The metrics of the relay.

Each process with a relay shows how far the log is published, whether it leads or not: the leader knows it, and the
others read it from the lease. So a log without any leader shows a growing lag.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from prometheus_client import Counter, Gauge

from extrato.bus.lease import published_position
from extrato.metrics import mark_time
from extrato.scrape import Measurement
from extrato.store.log_head import lags_s, read_head

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from extrato.bus.relay import Relay

IS_LEADER: Final = Gauge("extrato_relay_is_leader", "1 while the relay of this process publishes the log.")
PUBLISHED_POSITION: Final = Gauge(
    "extrato_relay_published_position",
    "Newest position on the bus; of the lease, up to five seconds old, if not leader.",
)
LAG_EVENTS: Final = Gauge("extrato_relay_lag_events", "Positions of the log that are not on the bus.")
LAG_S: Final = Gauge("extrato_relay_lag_seconds", "Age of the oldest event that is not on the bus; 0 without one.")
CYCLE_TIMESTAMP_S: Final = Gauge(
    "extrato_relay_cycle_timestamp_seconds", "Unix time at which the relay last completed a cycle, or started."
)
PUBLISHED: Final = Counter("extrato_relay_published", "Events published by this process.")
REFILLS: Final = Counter("extrato_relay_refills", "Times that this process began to fill an emptied stream.")

mark_time(CYCLE_TIMESTAMP_S)


class RelayLag(Struct, frozen=True, kw_only=True):
    """How far the log is published: up to `position`, `events` and `seconds` behind the log's head."""

    position: int
    events: int
    seconds: float


def measure_relay(relay: Relay, pool: asyncpg.Pool, *, now_s: Callable[[], float] = time.time) -> Measurement[RelayLag]:
    """Return the measurement of a relay on the database of `pool`."""

    async def read() -> RelayLag:
        saved = await published_position(pool)
        # A new leader has not compared the stream with the log yet.
        position = relay.position if relay.is_leader and relay.position else saved
        head = await read_head(pool)
        (seconds,) = await lags_s(pool, [position], now_s=now_s())
        return RelayLag(position=position, events=head.position - position, seconds=seconds)

    def show(lag: RelayLag | None) -> None:
        IS_LEADER.set(relay.is_leader)
        PUBLISHED_POSITION.set(math.nan if lag is None else lag.position)
        LAG_EVENTS.set(math.nan if lag is None else lag.events)
        LAG_S.set(math.nan if lag is None else lag.seconds)

    return Measurement(read, show)
