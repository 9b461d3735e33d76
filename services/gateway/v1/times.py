"""Times of `/v1`: in UTC, which is written with `Z`."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(at: datetime) -> datetime:
    """Return a time in UTC."""
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def utc_or_none(at: datetime | None) -> datetime | None:
    """Return a time in UTC; None where there is none."""
    return at if at is None or at.tzinfo is UTC else at.astimezone(UTC)
