"""Frames of the WebSocket at `/ws`, from the server to the client. Nothing is read from a client.

`position` is where to resume: open a new socket with `&after=<position>` and nothing is missed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct


class PaymentState(Struct, frozen=True, kw_only=True):
    """A payment as of a snapshot's position; `amount` is in reais."""

    payment_id: int
    merchant: str
    status: str
    status_detail: str | None
    amount: float
    description: str
    paid_at: datetime | None
    updated_at: datetime


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """The first frame of a socket that was opened without `after`: how things stand."""

    position: int
    payments: list[PaymentState]


class Resumed(Struct, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """The first frame of a socket that was opened with `after`: events above `position` follow."""

    position: int


class EventFrame(Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """One event, in the order of the log."""

    position: int
    payment_id: int
    merchant: str
    version: int
    event: str
    time: datetime
    source: str
    data: Any


class Closing(Struct, frozen=True, kw_only=True, tag_field="type", tag="closing"):
    """The last frame: the server closes, for `reason`; resume after `position`."""

    position: int
    reason: str


Frame = Snapshot | Resumed | EventFrame | Closing
