"""Bodies of the routes that forget payers, and hold payments."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api import request_fields as fields
from contracts.api.types import Count, Moment, PaymentId, Success, one_of
from contracts.events.payment_privacy import FORGETTING_REASONS, HOLD_REASONS


class ForgettingWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to forget a payer: of one payment, or of all payments of the merchant with the same payer."""

    payer: Annotated[
        fields.Person | None,
        Meta(description="The payer's e-mail address, CPF, CNPJ, or telephone number that begins with a plus."),
    ] = None
    payment_id: Annotated[fields.PaymentNumber | None, Meta(description="One payment.")] = None
    reason: Annotated[
        fields.Text,
        Meta(
            description="Why. An event keeps this word, so it cannot be a free text.",
            extra_json_schema=one_of(*FORGETTING_REASONS),
        ),
    ]
    text: Annotated[
        fields.Flag | None,
        Meta(
            description="By default false. True also hides the merchant's text of the payments: title, description, "
            "names of items, return address, reasons. Answers, lists, timelines and pages then show a neutral text; "
            "events, and so the bus and the history of sockets, keep the text. Name a payment that is "
            "already forgotten by its id."
        ),
    ] = None
    dry_run: Annotated[
        fields.Flag | None,
        Meta(description="By default true: the answer is the plan, and nothing happens. Send false to forget."),
    ] = None


class HoldWanted(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request to hold a payment."""

    reason: Annotated[fields.Text, Meta(description="Why.", extra_json_schema=one_of(*HOLD_REASONS))]
    until: Annotated[fields.HoldUntil | None, Meta(description="When the hold ends; by default it has no end.")] = None


class WhatGoes(Struct, kw_only=True):
    """What becomes unreadable or is deleted."""

    emails: Annotated[int, Meta(ge=0, description="Events with the payer's e-mail address, which becomes unreadable.")]
    metadata: Annotated[int, Meta(ge=0, description="Events with the merchant's metadata, which becomes unreadable.")]
    evidence: Annotated[int, Meta(ge=0, description="Provider's answers, which become unreadable.")]
    webhook_bodies: Annotated[int, Meta(ge=0, description="Bodies of webhooks, which are deleted.")]
    payer_details: Annotated[int, Meta(ge=0, description="Details for a charge, which are deleted.")]
    tags: Annotated[int, Meta(ge=0, description="Tags by which the payer's payments are found, which are deleted.")]


class ForgottenPayment(Struct, kw_only=True):
    """One payment of a plan.

    A `ready` payment can be forgotten at once. A `waiting` one is forgotten after the end of what `waits_for` names. A
    `held` one is not forgotten while the hold lasts. A `not_sealed` one has data of an older version in plain text: the
    operator must seal the log first. A `forgotten` one is forgotten.
    """

    payment_id: PaymentId
    state: Annotated[
        str,
        Meta(
            description="The state of the plan.",
            extra_json_schema=one_of("ready", "waiting", "held", "not_sealed", "forgotten"),
        ),
    ]
    waits_for: Annotated[
        list[Annotated[str, Meta(extra_json_schema=one_of("charge", "payment", "cancellation", "refund", "dispute"))]],
        Meta(description="Parts of the payment that are in flight and need the payer's data."),
    ]
    held_because: Annotated[str | None, Meta(description="The reason of the hold; null without one.")]
    held_until: Annotated[Moment | None, Meta(description="When the hold ends; null without one, or without an end.")]
    requested_at: Annotated[
        Moment | None,
        Meta(
            description="When the forgetting was requested; null without a recorded request. A request from before a "
            "hold is completed after the hold."
        ),
    ]
    goes: Annotated[WhatGoes, Meta(description="What goes.")]
    text_hidden: Annotated[bool, Meta(description="True if answers show a neutral text in place of the merchant's.")]
    erased_at: Annotated[Moment | None, Meta(description="When the key was destroyed; null before.")]


class WhatStays(Struct, kw_only=True):
    """Something that stays, and why."""

    what: Annotated[str, Meta(description="What stays.")]
    why: Annotated[str, Meta(description="Why.")]


class Forgetting(Struct, kw_only=True):
    """The plan, or with `dry_run` false the result."""

    success: Success
    dry_run: Annotated[bool, Meta(description="True if nothing has happened.")]
    count: Count
    payments: Annotated[
        list[ForgottenPayment],
        Meta(
            description="The payments, the newest first. At most 1,000 are neither held nor requested: repeat the "
            "request for the others."
        ),
    ]
    stays: Annotated[list[WhatStays], Meta(description="What stays of each payment.")]


class PaymentHold(Struct, kw_only=True):
    """Whether the payment is held."""

    success: Success
    payment_id: PaymentId
    held: Annotated[bool, Meta(description="True while the payment is held.")]
    reason: Annotated[str | None, Meta(description="The reason of the hold; null without one.")]
    until: Annotated[Moment | None, Meta(description="When the hold ends; null without one, or without an end.")]
