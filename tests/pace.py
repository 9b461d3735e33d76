"""Time limits of tests that make a claim on time.

The claim is about a machine that does nothing else. Where several workers share a core, it is given as many times as
long; `make test WORKERS=1` holds every claim to the second.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.2


def _workers_of_a_core() -> float:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1.0, workers / (os.cpu_count() or 1))


SLOWER = _workers_of_a_core()


def allowed(seconds: float) -> float:
    """Return the allowed seconds for something that takes at most `seconds` on an idle machine."""
    return seconds * SLOWER


async def until(
    condition: Callable[[], Any],
    what: str = "the condition",
    *,
    within_s: float = 10.0,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> Any:
    """Wait until `condition`, which may be awaitable, returns something true, and return that.

    The pauses grow up to `longest_pause_s`, because each call of `condition` also costs time.
    """
    deadline_s, pause_s = time.monotonic() + allowed(within_s), FIRST_PAUSE_S
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline_s, f"not within {within_s} s: {what}"
        await asyncio.sleep(pause_s)
        pause_s = min(longest_pause_s, pause_s * 1.3)
