"""Bodies of the routes that watch payments."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.types import Count, Message, PaymentId, Slug, Status, Success


class MonitorStarted(Struct, kw_only=True):
    """The state of the watch on a payment."""

    success: Success
    payment_id: PaymentId
    status: Status
    message: Message
    monitoring: Annotated[bool, Meta(description="True if the monitor watches the payment.")]


class MonitorList(Struct, kw_only=True):
    """The watched payments."""

    success: Success
    active_count: Count
    payment_ids: Annotated[list[PaymentId], Meta(description="The numbers of the watched payments, in order.")]


class MonitorsStarted(Struct, kw_only=True):
    """The watches that this request started."""

    success: Success
    padaria_slug: Slug
    monitors_started: Annotated[
        int, Meta(ge=0, description="The number of payments that were not watched before this request.")
    ]
