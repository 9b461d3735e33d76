"""The fields around every event: its place in the log, and its cause.

Readers of the log create these Structs for each event. They are in no cycle, so `gc=False` keeps the garbage collector
from looking at them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Raw, Struct

from contracts.events import Event

ACTORS: Final = (
    "api_key",
    "bank",
    "check",
    "clock",
    "operator",
    "return_page",
    "sweep",
    "webhook",
)


class Cause(Struct, frozen=True, kw_only=True, gc=False):
    """The cause of an event.

    All effects of one request or webhook delivery have its `correlation_id`. `causation_id` is the event or message
    that led directly to this event. `actor` is a word of `ACTORS`; `actor_id` is the id of the API key or delivery.
    """

    correlation_id: str
    actor: str
    actor_id: str | None = None
    causation_id: str | None = None


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """One event with its place and its cause.

    `position` is the event's place in the log, `version` its place in its stream, counted from 1. `occurred_at` is when
    the event happened, `recorded_at` when the hub recorded it. `payment_id` is None for an event of a merchant.
    `traceparent` names the recorded span that appended the event; it is empty without one.
    """

    event_id: UUID
    stream_id: UUID
    version: int
    position: int
    merchant: str
    payment_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    cause: Cause
    event: Event
    traceparent: str = ""


class StoredState(Struct, frozen=True, kw_only=True, gc=False):
    """The `state` column of the log: the fields of an envelope that have no separate column, as JSON.

    `data` is the event, not decoded yet.
    """

    event_id: UUID
    merchant: str
    payment_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    cause: Cause
    data: Raw
    traceparent: str = ""


class StateText(Struct, frozen=True, kw_only=True, gc=False):
    """A `StoredState` whose times and identifiers stay text, for code that only passes them on."""

    event_id: str
    merchant: str
    payment_id: int | None
    occurred_at: str
    recorded_at: str
    cause: Cause
    data: Raw
    traceparent: str = ""
