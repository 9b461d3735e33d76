"""A structlog processor that bounds how many lines of each log event are written."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, WrappedLogger

# Without a bound, a client that makes the hub log could fill its disk, and hide all other lines.
LINES_PER_EVENT: Final = 100
WINDOW_S: Final = 10.0

# Lines that an auditor asks for. Only authenticated callers cause them, within their rate limits.
UNLIMITED: Final = frozenset({"evidence_read"})


class LogThrottle:
    """Passes at most `lines` lines of each event and level in a window, and logs how many it dropped.

    The events of `UNLIMITED` pass always.
    """

    def __init__(self, *, lines: int = LINES_PER_EVENT, window_s: float = WINDOW_S) -> None:
        self._lines = lines
        self._window_s = window_s
        self._limits: dict[tuple[str, str], LineLimit] = {}

    def __call__(self, _logger: WrappedLogger, level: str, event: EventDict) -> EventDict:
        """Return the line, or raise `DropEvent`."""
        key = (level, str(event["event"]))
        if key[1] in UNLIMITED:
            return event
        limit = self._limits.get(key)
        if limit is None:
            # Event names are constants, so the number of limits is bounded by the code.
            limit = self._limits[key] = LineLimit(
                lines=self._lines, window_s=self._window_s, report=lambda count: _log_dropped(*key, count)
            )
        if not limit.take():
            raise structlog.DropEvent
        return event


class LineLimit:
    """At most `lines` lines in a window; at its end, `report` is called with the number of dropped lines."""

    def __init__(self, *, lines: int, window_s: float, report: Callable[[int], None]) -> None:
        self._lines = lines
        self._window_s = window_s
        self._report = report
        self._ends_at_s = 0.0
        self._taken = 0
        self._dropped = 0

    def take(self) -> bool:
        """Count one line; return whether it is within the limit."""
        if time.monotonic() >= self._ends_at_s:
            self._begin_window()
        self._taken += 1
        if self._taken <= self._lines:
            return True
        self._dropped += 1
        if self._dropped == 1:
            self._schedule_report()
        return False

    def _begin_window(self) -> None:
        dropped, self._dropped, self._taken = self._dropped, 0, 0
        self._ends_at_s = time.monotonic() + self._window_s
        if dropped:
            self._report(dropped)

    def _schedule_report(self) -> None:
        """Report at the window's end; without an event loop, the next line reports."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        loop.call_later(self._ends_at_s - time.monotonic(), self._report_dropped)

    def _report_dropped(self) -> None:
        if self._dropped:
            self._begin_window()


def _log_dropped(level: str, name: str, count: int) -> None:
    log = structlog.get_logger(component="logging")
    getattr(log, level)("lines_left_out", of=name, count=count)
