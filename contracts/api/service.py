"""Bodies of errors, webhooks and the state of the service."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api.types import ErrorCode, PaymentId, Success


class MonitoringError(Struct, kw_only=True):
    """Something is wrong with a request; `code` is stable and for programs, `error` is Portuguese.

    `payment_id` names the payment that the provider refused to charge: it exists, and is cancelled.
    """

    success: Annotated[bool, Meta(description="Always false.", extra_json_schema={"const": False})]
    error: Annotated[str, Meta(description="What is wrong, in Portuguese, for people.")]
    code: ErrorCode
    payment_id: (
        Annotated[PaymentId, Meta(description="The payment that the provider refused to charge.")] | UnsetType
    ) = UNSET


class WebhookAccepted(Struct, kw_only=True):
    """The notification is taken; if its signature is good, it is looked into after this answer."""

    success: Success


class Health(Struct, kw_only=True):
    """The process answers."""

    status: Annotated[str, Meta(description="Always `ok`.", extra_json_schema={"const": "ok"})]
    checks: Annotated[dict[str, bool], Meta(description="Always empty: `/readyz` tells how the process fares.")]


ReadinessStatus = Literal["ok", "degraded", "unavailable"]


class ReadinessCheck(Struct, kw_only=True):
    """How one thing fares that the process stands on; `reason` is null where it is `ok`."""

    status: Annotated[Literal["ok", "unavailable"], Meta(description="Whether it can be used.")]
    reason: Annotated[str | None, Meta(description="Why it cannot be used; null where it can.")]


class Readiness(Struct, kw_only=True):
    """Whether the process can do its work, and how what it stands on fares: `database` and `bus`.

    `degraded`: it does its work, and something is away that it can do without for a while.
    """

    status: Annotated[ReadinessStatus, Meta(description="Whether the process can do its work.")]
    checks: Annotated[dict[str, ReadinessCheck], Meta(description="How `database` and `bus` fare.")]
