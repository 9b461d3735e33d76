"""How old shapes of events become the ones of `contracts/events.py`.

An upcaster takes the decoded JSON of one old version and gives that of the next, so that a chain of
them reaches the present from any age. The old shapes live on as golden files under `tests/golden/`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _status_changed_v1(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named the statuses `from_status` and `to_status`, and did not know the attempt."""
    return {
        "previous": data["from_status"],
        "status": data["to_status"],
        "status_detail": data.get("status_detail"),
        "attempt_id": None,
        "paid_at": data.get("paid_at"),
    }


UPCASTERS: Final[dict[str, tuple[str, Upcaster]]] = {
    "StatusChanged.v1": ("StatusChanged.v2", _status_changed_v1),
}


def upcast(topic: str, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Bring `data` of `topic` to the newest version there is an upcaster for."""
    while topic in UPCASTERS:
        topic, upcaster = UPCASTERS[topic]
        data = upcaster(data)
    return topic, data
