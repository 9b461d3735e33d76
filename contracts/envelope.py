"""What surrounds every event: where it stands in the log, and why it exists."""

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


class Cause(Struct, frozen=True, kw_only=True):
    """Why something is being done.

    `correlation_id` is one request or delivery, carried through everything it causes; `causation_id`
    is the event or message that led here; `actor` is a word of `ACTORS`, `actor_id` says which one
    (the id of an API key, of a delivery).
    """

    correlation_id: str
    actor: str
    actor_id: str | None = None
    causation_id: str | None = None


class Envelope(Struct, frozen=True, kw_only=True):
    """One event with its place and its reason.

    `position` is its place in the whole log, `version` its place in its stream, counted from 1.
    `occurred_at` is the world's time, `recorded_at` the hub's. `payment_id` is None for an event of a merchant.
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


class StoredState(Struct, frozen=True, kw_only=True):
    """The `state` column of the log: what of an envelope is not a column of its own, as JSON.

    `data` stays undecoded until somebody needs the event itself.
    """

    event_id: UUID
    merchant: str
    payment_id: int | None
    occurred_at: datetime
    recorded_at: datetime
    cause: Cause
    data: Raw


class StateText(Struct, frozen=True, kw_only=True):
    """The same, for those who pass it on as text: times and identifiers stay as they are written."""

    event_id: str
    merchant: str
    payment_id: int | None
    occurred_at: str
    recorded_at: str
    cause: Cause
    data: Raw
