"""The newest event of the log and the age of unprocessed events, as PostgreSQL itself has them.

Every role asks PostgreSQL: a mark that a stopped process left would show a lag of zero.
"""

from __future__ import annotations

import functools
import math
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct
from prometheus_client import Gauge

from extrato.scrape import Measurement
from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

TIMEOUT_S: Final = 2.0

HEAD_POSITION: Final = Gauge("extrato_log_head_position", "Newest position of the log, as PostgreSQL has it.")
HEAD_TIMESTAMP_S: Final = Gauge(
    "extrato_log_head_timestamp_seconds", "Unix time at which the newest event was recorded."
)

NEWEST: Final = "SELECT notification_id, state FROM stored_events ORDER BY notification_id DESC LIMIT 1"

# The index answers for each position.
OLDEST_AFTER: Final = """
    SELECT (
        SELECT state FROM stored_events WHERE notification_id > asked.position ORDER BY notification_id LIMIT 1
    )
    FROM unnest($1::bigint[]) WITH ORDINALITY AS asked (position, number)
    ORDER BY asked.number
"""


class LogHead(Struct, frozen=True, kw_only=True):
    """The newest position, 0 in an empty log, and when its event was recorded; None when that is unreadable."""

    position: int
    recorded_at: datetime | None


class _Recorded(Struct):
    recorded_at: datetime


_decode = msgspec.json.Decoder(_Recorded).decode


async def read_head(pool: asyncpg.Pool) -> LogHead:
    """Return the head of the log; raises `StoreUnavailable`."""
    with raising_unavailable():
        row = await pool.fetchrow(NEWEST, timeout=TIMEOUT_S)
    return (
        LogHead(position=0, recorded_at=None)
        if row is None
        else LogHead(position=row[0], recorded_at=recorded_at_in(row[1]))
    )


async def lags_s(pool: asyncpg.Pool, positions: Sequence[int], *, now_s: float) -> list[float]:
    """Return, for each position, the age in seconds of the oldest event above it; 0 without such an event.

    `now_s` is the present Unix time. The age is NaN when that event is unreadable. Raises `StoreUnavailable`.
    """
    with raising_unavailable():
        rows = await pool.fetch(OLDEST_AFTER, list(positions), timeout=TIMEOUT_S)
    return [0.0 if row[0] is None else _age_s(recorded_at_in(row[0]), now_s) for row in rows]


def measure_head(pool: asyncpg.Pool) -> Measurement[LogHead]:
    """Return the measurement of the head of the log."""
    return Measurement(functools.partial(read_head, pool), _show)


def _show(head: LogHead | None) -> None:
    HEAD_POSITION.set(math.nan if head is None else head.position)
    recorded_at = None if head is None else head.recorded_at
    HEAD_TIMESTAMP_S.set(math.nan if recorded_at is None else recorded_at.timestamp())


def recorded_at_in(state: bytes) -> datetime | None:
    """Return when an event was recorded, from the column `state`; None for an unreadable one."""
    try:
        return _decode(state).recorded_at
    except msgspec.MsgspecError:
        return None


def _age_s(recorded_at: datetime | None, now_s: float) -> float:
    return math.nan if recorded_at is None else max(0.0, now_s - recorded_at.timestamp())
