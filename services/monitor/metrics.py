"""The metrics of the monitor: its loops and jobs, and the sweeps by lane."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

CYCLE_TIMESTAMP_S: Final = Gauge(
    "extrato_monitor_cycle_timestamp_seconds",
    "Unix time at which this process last completed a run of a job, or started.",
    ["job"],
)
SWEEPS: Final = Counter(
    "extrato_sweeps", "Sweeps of accounts: completed, unfinished, or the reason of a failure.", ["lane", "outcome"]
)
SWEEP_DURATION_S: Final = Histogram(
    "extrato_sweep_duration_seconds",
    "Time of a sweep, also of a failed one.",
    ["lane"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SWEEP_PAGES: Final = Counter("extrato_sweep_pages", "Pages of provider searches that sweeps read.", ["lane"])
SWEEP_AGE_S: Final = Gauge(
    "extrato_sweep_age_seconds",
    "Time since the oldest last complete search over the accounts of a lane; 0 without accounts.",
    ["lane"],
)
ACCOUNTS_REFUSED: Final = Gauge(
    "extrato_accounts_refused", "Swept accounts whose credential the provider refuses.", ["provider"]
)
ACCOUNTS_SWEPT: Final = Gauge(
    "extrato_accounts_swept", "Connected accounts that sweeps search, or whose credential is refused.", ["provider"]
)
