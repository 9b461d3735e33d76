"""Bodies of the watches."""

from __future__ import annotations

from msgspec import Struct


class MonitorStarted(Struct, kw_only=True):
    """Whether a payment is being watched."""

    success: bool
    payment_id: int
    status: str
    message: str
    monitoring: bool


class MonitorList(Struct, kw_only=True):
    """The payments that are being watched."""

    success: bool
    active_count: int
    payment_ids: list[int]


class MonitorsStarted(Struct, kw_only=True):
    """How many watches were started; those that were on already are not counted."""

    success: bool
    padaria_slug: str
    monitors_started: int
