"""The clock of the sandbox, and Mercado Pago's formats of times and durations."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

# Captured answers have this offset even for Brazilian sellers.
_API_ZONE = timezone(timedelta(hours=-4))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DURATION = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?", re.ASCII)
_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?(Z|[+-]\d\d:?\d\d)")


class NotAnInstant(ValueError):
    """The text is not an ISO 8601 time with offset."""


class ImpossibleInstant(NotAnInstant):
    """The text has the right form, but the day or hour does not exist."""


class NotADuration(ValueError):
    """The text is not a fixed ISO 8601 duration above zero."""


class Clock:
    """The time in whole milliseconds since 1970; waiting times are divided by a factor."""

    def __init__(self, time_factor: float) -> None:
        """Take the factor by which every waiting time is divided."""
        self._time_factor = time_factor

    def now_ms(self) -> int:
        """Return the current time."""
        return time.time_ns() // 1_000_000

    def compressed_ms(self, wait_ms: int) -> int:
        """Return the real duration of a simulated wait."""
        return round(wait_ms / self._time_factor)

    def arrival_ms(self, since_ms: int, until_ms: int) -> int:
        """Return the real time at which a wait from `since_ms` reaches `until_ms`."""
        return since_ms + self.compressed_ms(until_ms - since_ms)


def api_instant(instant_ms: int | None) -> str | None:
    """Write an instant as the API does: `2026-01-20T15:20:01.101-04:00`."""
    if instant_ms is None:
        return None
    return _moment(instant_ms).astimezone(_API_ZONE).isoformat(timespec="milliseconds")


def order_instant(instant_ms: int) -> str:
    """Write an instant as the Orders API does: `2026-09-15T14:45:23.628+00:00`."""
    return _moment(instant_ms).isoformat(timespec="milliseconds")


def hook_instant(instant_ms: int) -> str:
    """Write an instant as webhook bodies do: `2026-01-28T16:09:18Z`, without milliseconds."""
    return _moment(instant_ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def cause_instant(instant_ms: int) -> str:
    """Write an instant as the `data` of an error cause does: `16-03-2026T02:23:10UTC`."""
    return _moment(instant_ms).strftime("%d-%m-%YT%H:%M:%SUTC")


def parse_instant(text: object, *, milliseconds_required: bool = False) -> int:
    """Read `yyyy-MM-dd'T'HH:mm:ss[.SSS]` with `Z` or an offset; raises `NotAnInstant` or its subclass."""
    match = _ISO.fullmatch(text) if isinstance(text, str) else None
    if match is None or (milliseconds_required and len(match[2] or "") != 3):
        raise NotAnInstant(str(text))
    seconds, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{seconds}.{(fraction or '0').ljust(3, '0')}{offset}")
        return (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise ImpossibleInstant(str(text)) from error


def parse_duration(text: str) -> int:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds, in milliseconds; raises `NotADuration`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise NotADuration(text)
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if not duration:
        raise NotADuration(text)
    return duration // _MILLISECOND


def _moment(instant_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=instant_ms)
