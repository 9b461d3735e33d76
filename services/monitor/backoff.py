"""Pauses after failures, by key, so that a retry waits longer after each failure in a row."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from cachetools import FIFOCache
from msgspec import Struct

from services.monitor.schedule import back_off_s

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Key = TypeVar("Key", bound="Hashable")

REMEMBERED: Final = 10_000
FORGOTTEN_AFTER: Final = timedelta(minutes=10)


class _Failure(Struct):
    count: int
    until: datetime


class BackOff(Generic[Key]):
    """Growing pauses by key; only this process knows them, and a restart forgets them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._failures: FIFOCache[Key, _Failure] = FIFOCache(REMEMBERED)

    def failed(self, key: Key, *, at_least_s: float = 0.0) -> float:
        """Record a failure and return the pause in seconds."""
        count = self._failures[key].count + 1 if key in self._failures else 1
        pause_s = back_off_s(count, at_least_s=at_least_s)
        self._failures[key] = _Failure(count, self._now() + timedelta(seconds=pause_s))
        return pause_s

    def succeeded(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def left_s(self, key: Key) -> float:
        """Return the seconds left of a pause, or 0."""
        failure = self._failures.get(key)
        return max(0.0, (failure.until - self._now()).total_seconds()) if failure else 0.0

    def waiting(self) -> list[Key]:
        """Return the keys whose pause is not over; drop a key ten minutes after its last pause ended."""
        now = self._now()
        for key in [key for key, failure in self._failures.items() if failure.until + FORGOTTEN_AFTER < now]:
            del self._failures[key]
        return [key for key, failure in self._failures.items() if failure.until > now]
