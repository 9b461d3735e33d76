"""Bodies of errors, webhooks and the state of the service."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class MonitoringError(Struct, kw_only=True):
    """Something is wrong with a request; `code` is stable and for programs, `error` is Portuguese.

    `payment_id` names the payment that the provider refused to charge: it exists, and is cancelled.
    """

    success: bool
    error: str
    code: str
    payment_id: int | UnsetType = UNSET


class WebhookAccepted(Struct, kw_only=True):
    """The notification is taken; if its signature is good, it is looked into after this answer."""

    success: bool


class Health(Struct, kw_only=True):
    """The process answers."""

    status: str
    checks: dict[str, bool]


ReadinessStatus = Literal["ok", "degraded", "unavailable"]


class ReadinessCheck(Struct, kw_only=True):
    """How one thing fares that the process stands on; `reason` is null where it is `ok`."""

    status: Literal["ok", "unavailable"]
    reason: str | None


class Readiness(Struct, kw_only=True):
    """Whether the process can do its work, and how what it stands on fares: `database` and `bus`.

    `degraded`: it does its work, and something is away that it can do without for a while.
    """

    status: ReadinessStatus
    checks: dict[str, ReadinessCheck]
