"""Bodies of the watches."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.types import Count, Message, PaymentId, Slug, Status, Success


class MonitorStarted(Struct, kw_only=True):
    """Whether a payment is being watched."""

    success: Success
    payment_id: PaymentId
    status: Status
    message: Message
    monitoring: Annotated[bool, Meta(description="Whether the payment is being watched now.")]


class MonitorList(Struct, kw_only=True):
    """The payments that are being watched."""

    success: Success
    active_count: Count
    payment_ids: Annotated[list[PaymentId], Meta(description="The numbers of the payments, in order.")]


class MonitorsStarted(Struct, kw_only=True):
    """How many watches were started; those that were on already are not counted."""

    success: Success
    padaria_slug: Slug
    monitors_started: Annotated[int, Meta(ge=0, description="How many watches were started.")]
