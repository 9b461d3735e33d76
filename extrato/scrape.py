"""Measures what a scrape of `/metrics` shows, within a time limit, so that no scrape waits for PostgreSQL or NATS."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

# Less than the time that the health port waits for the role's event loop.
MEASURED_WITHIN_S: Final = 1.5

Value = TypeVar("Value")


class Measurement(Generic[Value]):
    """A value, and the gauges that show it.

    `show` receives None when `read` fails or takes too long, and then clears the gauges: an old value would look like
    a present one. One `read` runs at a time, so that scrapes do not pile up while a server does not answer.
    """

    def __init__(self, read: Callable[[], Awaitable[Value]], show: Callable[[Value | None], None]) -> None:
        self._read = read
        self._show = show
        self._reading: asyncio.Future[Value] | None = None
        self._logger = structlog.get_logger(component="metrics")

    async def measure(self) -> None:
        """Show the present value, at the latest `MEASURED_WITHIN_S` from now; raises no error of `read`."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(_read_error)
        reading = self._reading
        await asyncio.wait((reading,), timeout=MEASURED_WITHIN_S)
        if not reading.done() or reading.cancelled():
            self._show(None)
        elif error := reading.exception():
            self._logger.warning("gauges_not_measured", error=repr(error))
            self._show(None)
        else:
            self._show(reading.result())


def _read_error(reading: asyncio.Future[Any]) -> None:
    """Read the error of a reading that no scrape waits for; asyncio would log it with a traceback."""
    if not reading.cancelled():
        reading.exception()


class Scrape:
    """The gauges of one role. `set_at_once` sets those that need no answer of a server."""

    def __init__(self, measurements: Sequence[Measurement[Any]], *, set_at_once: Callable[[], None]) -> None:
        self._measurements = measurements
        self._set_at_once = set_at_once

    async def set_gauges(self) -> None:
        """Set all gauges, for `RoleHealth.set_gauges_with`."""
        self._set_at_once()
        await asyncio.gather(*(each.measure() for each in self._measurements))
