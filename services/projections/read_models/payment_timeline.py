"""The read model `payment_timeline`: every event of every payment, told for people and auditors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from contracts.events import PAYMENT_EVENTS
from contracts.read_models import TimelineEntry
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from contracts.envelope import Envelope
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        position       bigint      PRIMARY KEY,
        payment_id     bigint      NOT NULL,
        merchant       text        NOT NULL,
        version        bigint      NOT NULL,
        type           text        NOT NULL,
        occurred_at    timestamptz NOT NULL,
        recorded_at    timestamptz NOT NULL,
        actor          text        NOT NULL,
        actor_id       text,
        correlation_id text        NOT NULL,
        causation_id   text,
        event_id       uuid        NOT NULL,
        data           json        NOT NULL
    )
"""

INDEXES: Final = (
    "CREATE INDEX {table}_by_payment ON {table} (payment_id, version)",
    "CREATE INDEX {table}_by_merchant ON {table} (merchant, position)",
)

INSERT: Final = """
    INSERT INTO {table} (
        position, payment_id, merchant, version, type, occurred_at, recorded_at,
        actor, actor_id, correlation_id, causation_id, event_id, data
    )
    SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[],
        $6::timestamptz[], $7::timestamptz[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::uuid[], $13::json[]
    )
"""

# --- documents ----------------------------------------------------------------------------------

_encode = msgspec.json.Encoder().encode


def key_of(envelope: Envelope) -> int | None:
    """Give the position of an event of a payment: each has a row of its own."""
    return envelope.position if isinstance(envelope.event, PAYMENT_EVENTS) else None


def evolve(_: TimelineEntry | None, envelope: Envelope) -> TimelineEntry:
    """Tell one event, in its newest shape."""
    cause = envelope.cause
    return TimelineEntry(
        position=envelope.position,
        version=envelope.version,
        type=type(envelope.event).__name__,
        occurred_at=envelope.occurred_at,
        recorded_at=envelope.recorded_at,
        actor=cause.actor,
        actor_id=cause.actor_id,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        event_id=str(envelope.event_id),
        data=msgspec.to_builtins(envelope.event),
    )


def row(entry: TimelineEntry, envelope: Envelope) -> Row:
    """Give the row of an entry."""
    return (
        entry.position,
        envelope.payment_id,
        envelope.merchant,
        entry.version,
        entry.type,
        entry.occurred_at,
        entry.recorded_at,
        entry.actor,
        entry.actor_id,
        entry.correlation_id,
        entry.causation_id,
        envelope.event_id,
        _encode(entry.data).decode(),
    )


PAYMENT_TIMELINE: Final = ReadModel(
    name="payment_timeline",
    version=2,
    create=CREATE,
    indexes=INDEXES,
    key_of=key_of,
    evolve=evolve,
    row=row,
    upsert=INSERT,
)
