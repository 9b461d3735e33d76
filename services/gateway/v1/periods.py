"""The days of a period in a time zone, as instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.v1.statement import MAX_DAYS
from extrato.domain.errors import Refused


class Period(NamedTuple):
    """Days of a time zone. `starts` has the start of each day, and `end` the end of the last one, in UTC."""

    zone: ZoneInfo
    days: tuple[date, ...]
    starts: tuple[datetime, ...]
    end: datetime

    @property
    def start(self) -> datetime:
        """The start of the first day."""
        return self.starts[0]


def period_of(first: date, last: date, zone_name: str) -> Period:
    """Return the days from `first` to `last`; raises `Refused`.

    A day has 23 or 25 hours where the clock changes, and no hour at all where a country has skipped it.
    """
    if last < first:
        raise Refused("invalid_period", "to")
    count = (last - first).days + 1
    if count > MAX_DAYS:
        raise Refused("invalid_period", "to", why="long", maximum=MAX_DAYS)
    zone = ZoneInfo(zone_name)
    days = tuple(first + timedelta(days=nth) for nth in range(count + 1))
    starts = tuple(_start_of(day, zone) for day in days)
    return Period(zone, days[:-1], starts[:-1], starts[-1])


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the start of a day in UTC.

    Where midnight does not exist, zoneinfo takes the offset before the change, which is the instant of the change.
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)
