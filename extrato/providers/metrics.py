"""The metrics of requests to providers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, Literal

from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter(
    "extrato_provider_requests",
    "Requests to a provider, by HTTP status, or timeout, network, or throttled for one that was not sent.",
    ["provider", "operation", "status"],
)
DURATION_S: Final = Histogram(
    "extrato_provider_request_duration_seconds",
    "Time of a request to a provider until its answer or its failure.",
    ["provider", "operation"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

OTHER: Final = "other"
STATUSES: Final = {int(status): str(int(status)) for status in HTTPStatus}

Unanswered = Literal["timeout", "network", "throttled"]


def count_request(provider: str, operation: str, status: int | Unanswered) -> None:
    """Count a request. A provider may answer with any number, so an unknown one counts as `other`."""
    label = STATUSES.get(status, OTHER) if isinstance(status, int) else status
    REQUESTS.labels(provider, operation, label).inc()
