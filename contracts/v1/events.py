"""Bodies of the events of a payment."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.api.types import Actor, CausationId, CorrelationId, EventFields, EventId, EventName, EventVersion
from contracts.v1.lists import HasMore, ListObject, Next
from contracts.v1.types import Moment, PaymentId


class PaymentEventShown(Struct, kw_only=True):
    """One event of a payment, with its cause."""

    object: Annotated[Literal["event"], Meta(description="Always `event`.")]
    id: EventId
    payment_id: PaymentId
    version: EventVersion
    position: Annotated[str, Meta(description="The position of the event in the log; compare it only for equality.")]
    type: EventName
    occurred_at: Annotated[
        Moment, Meta(description="When the event happened, by the provider's clock if it sent a time.")
    ]
    recorded_at: Annotated[Moment, Meta(description="When the hub recorded the event.")]
    actor: Actor
    actor_id: Annotated[str | None, Meta(description="The id of the API key or webhook delivery; null for others.")]
    correlation_id: CorrelationId
    causation_id: CausationId
    data: EventFields


class EventList(Struct, kw_only=True):
    """Events of a payment, in order."""

    object: ListObject
    data: Annotated[list[PaymentEventShown], Meta(description="The events, the oldest first.")]
    has_more: HasMore
    next: Next
