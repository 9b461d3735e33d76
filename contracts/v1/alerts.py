"""Bodies of the alerts of a payment."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.types import Alert, one_of
from contracts.v1.lists import HasMore, ListObject, Next
from contracts.v1.types import Moment, PaymentId

ALERT_STATES = ("open", "ended", "resolved")


class AlertResolution(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to resolve an alert."""

    reason: Annotated[
        fields.Text, Meta(description="What was done about the alert. The event keeps it, not encrypted.")
    ]


class AlertShown(Struct, kw_only=True):
    """One alert of a payment, with all its occurrences; its id is its name."""

    object: Annotated[Literal["alert"], Meta(description="Always `alert`.")]
    id: Alert
    payment_id: PaymentId
    status: Annotated[
        str,
        Meta(
            description="`ended`: its cause is gone. `resolved`: the merchant has dealt with it.",
            extra_json_schema=one_of(*ALERT_STATES),
        ),
    ]
    occurrences: Annotated[int, Meta(ge=1, description="How often it was raised.")]
    raised_at: Annotated[Moment, Meta(description="When it was raised last.")]
    closed_at: Annotated[Moment | None, Meta(description="When it ended or was resolved; null while it is open.")]
    reason: Annotated[str | None, Meta(description="The merchant's words; null if the merchant did not resolve it.")]


class AlertList(Struct, kw_only=True):
    """Every alert that a payment ever had."""

    object: ListObject
    data: Annotated[list[AlertShown], Meta(description="The alerts, in the order in which they were first raised.")]
    has_more: HasMore
    next: Next
