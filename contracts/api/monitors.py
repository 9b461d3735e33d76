"""Bodies of the routes that watch payments."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from contracts.api.types import Count, Message, Moment, PaymentId, ProviderName, Slug, Status, Success, one_of


class MonitorStarted(Struct, kw_only=True):
    """The state of the watch on a payment."""

    success: Success
    payment_id: PaymentId
    status: Status
    message: Message
    monitoring: Annotated[bool, Meta(description="True if the monitor watches the payment.")]


class AccountWebhooks(Struct, kw_only=True):
    """Whether the webhooks of an account arrive."""

    state: Annotated[
        str,
        Meta(
            description="`failing`: the monitor finds what webhooks did not bring. `not_seen`: no webhook was verified "
            "yet. `no_secret`: the account has no webhook secret, so that none can be verified.",
            extra_json_schema=one_of("working", "failing", "not_seen", "no_secret"),
        ),
    ]
    reason: Annotated[
        str | None,
        Meta(description="Why they fail: `not_received`, or `signature_` and the fault of the signatures."),
    ]
    failing_since: Annotated[Moment | None, Meta(description="When the first missed change was found.")]
    last_verified_at: Annotated[Moment | None, Meta(description="When the last verified webhook arrived.")]


class MonitoredAccount(Struct, kw_only=True):
    """One account of the merchant at a provider."""

    provider: ProviderName
    requests_per_minute: Annotated[int, Meta(ge=1, description="The requests to the provider that are allowed.")]
    left: Annotated[int, Meta(ge=0, description="The requests that are left at the moment.")]
    used_last_minute: Annotated[int, Meta(ge=0, description="The requests of the last minute, about.")]
    last_sweep_at: Annotated[
        Moment | None, Meta(description="The time up to which the monitor has seen every change of the account.")
    ]
    token_expires_at: Annotated[
        Moment | None, Meta(description="When the access token ends; null if the hub does not know it.")
    ]
    webhooks: Annotated[AccountWebhooks, Meta(description="Whether the webhooks of the account arrive.")]


class MonitorList(Struct, kw_only=True):
    """The watched payments, and the merchant's accounts."""

    success: Success
    active_count: Count
    payment_ids: Annotated[list[PaymentId], Meta(description="The numbers of the watched payments, in order.")]
    accounts: Annotated[
        list[MonitoredAccount], Meta(description="The merchant's accounts; empty if the request is for all merchants.")
    ]


class MonitorsStarted(Struct, kw_only=True):
    """The watches that this request started."""

    success: Success
    padaria_slug: Slug
    monitors_started: Annotated[
        int, Meta(ge=0, description="The number of payments that were not watched before this request.")
    ]
