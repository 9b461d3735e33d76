"""Bodies of the events of a payment."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from contracts.api.links import EVENT_NAMES
from contracts.api.types import one_of
from contracts.envelope import ACTORS
from contracts.v1.lists import HasMore, ListObject, Next
from contracts.v1.types import Moment, PaymentId


class PaymentEventShown(Struct, kw_only=True):
    """One event of a payment, with its cause."""

    object: Annotated[Literal["event"], Meta(description="Always `event`.")]
    id: Annotated[str, Meta(description="The id of the event.", extra_json_schema={"format": "uuid"})]
    payment_id: PaymentId
    version: Annotated[int, Meta(ge=1, description="The place of the event in the payment, counted from 1.")]
    position: Annotated[str, Meta(description="The position of the event in the log; compare it only for equality.")]
    type: Annotated[str, Meta(description="The name of the event.", extra_json_schema=one_of(*EVENT_NAMES))]
    occurred_at: Annotated[
        Moment, Meta(description="When the event happened, by the provider's clock if it sent a time.")
    ]
    recorded_at: Annotated[Moment, Meta(description="When the hub recorded the event.")]
    actor: Annotated[str, Meta(description="The actor that caused the event.", extra_json_schema=one_of(*ACTORS))]
    actor_id: Annotated[str | None, Meta(description="The id of the API key or webhook delivery; null for others.")]
    correlation_id: Annotated[
        str, Meta(description="The id of the request or delivery; all its effects have the same id.")
    ]
    causation_id: Annotated[
        str | None, Meta(description="The event or message that led to this event; null if there is none.")
    ]
    data: Annotated[Any, Meta(description="The fields of the event; its schema in the AsyncAPI document has its name.")]


class EventList(Struct, kw_only=True):
    """Events of a payment, in order."""

    object: ListObject
    data: Annotated[list[PaymentEventShown], Meta(description="The events, the oldest first.")]
    has_more: HasMore
    next: Next
