"""Bodies of errors, webhooks and health checks."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.api.types import ErrorCode, PaymentId, Success


class MonitoringError(Struct, kw_only=True):
    """An error. `code` is stable and for programs; `error` is Portuguese, for people.

    `payment_id` is the payment whose charge the provider refused: the payment exists and is cancelled.
    """

    success: Annotated[bool, Meta(description="Always false.", extra_json_schema={"const": False})]
    error: Annotated[str, Meta(description="The error in Portuguese, for people.")]
    code: ErrorCode
    payment_id: Annotated[PaymentId, Meta(description="The payment whose charge the provider refused.")] | UnsetType = (
        UNSET
    )


class WebhookAccepted(Struct, kw_only=True):
    """The hub accepted the webhook. It processes the webhook after this answer, if the signature is valid."""

    success: Success


class Health(Struct, kw_only=True):
    """The process is alive."""

    status: Annotated[str, Meta(description="Always `ok`.", extra_json_schema={"const": "ok"})]
    checks: Annotated[dict[str, bool], Meta(description="Always empty: see `/readyz`.")]


ReadinessStatus = Literal["ok", "degraded", "unavailable"]


class ReadinessCheck(Struct, kw_only=True):
    """The state of one dependency of the gateway."""

    status: Annotated[Literal["ok", "unavailable"], Meta(description="The state of the dependency.")]
    reason: Annotated[str | None, Meta(description="The reason for `unavailable`; null for `ok`.")]


class Readiness(Struct, kw_only=True):
    """The state of the gateway and of its dependencies, `database`, `bus` and `publish`.

    `publish` says whether NATS accepts messages of payments. While the gateway starts or stops, `checks` has only
    `process`.

    `degraded` means that the gateway works, but without NATS.
    """

    status: Annotated[ReadinessStatus, Meta(description="The state of the gateway.")]
    checks: Annotated[
        dict[str, ReadinessCheck], Meta(description="The states of `database`, `bus` and `publish`, or of `process`.")
    ]
