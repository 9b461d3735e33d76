"""How long something may take where a test makes a claim on time.

The claim is about a machine that does nothing else. Where several workers share a core, it is given as many times as
long; `make test WORKERS=1` holds every claim to the second.
"""

from __future__ import annotations

import os


def _workers_of_a_core() -> float:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1.0, workers / (os.cpu_count() or 1))


SLOWER = _workers_of_a_core()


def allowed(seconds: float) -> float:
    """Give the seconds that are allowed for what takes so many seconds at most on a quiet machine."""
    return seconds * SLOWER
