"""Metrics of sealed personal data."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

_UNREADABLE: Final = Counter(
    "extrato_seals_unreadable", "Readings of sealed data whose key is lost, or that was changed.", ["what"]
)
# With both from the start, a change from nothing to one is seen.
UNREADABLE_EMAIL: Final = _UNREADABLE.labels("email")
UNREADABLE_EVIDENCE: Final = _UNREADABLE.labels("evidence")
