"""The Prometheus metrics of every role; docs/reference/metrics.md explains all of them.

Each part of the hub keeps its metrics beside its code, so that a role shows only metrics of parts that it runs.
"""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import Gauge, Info

import contracts

BUILD: Final = Info("extrato_build", "The version of this program.")
HEARTBEAT_S: Final = Gauge("extrato_loop_heartbeat_timestamp_seconds", "Unix time of the event loop's last turn.")

BUILD.info({"version": contracts.__version__})


def mark_time(gauge: Gauge) -> None:
    """Set a gauge, or one of its labelled children, to the present Unix time."""
    gauge.set(time.time())


mark_time(HEARTBEAT_S)
