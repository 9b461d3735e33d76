"""Messages that are worth watching and not worth keeping: they live in the CHECKS stream for a day."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class SweepCompleted(Struct, frozen=True, kw_only=True):
    """One question to one provider account ended; `changed` counts the payments that moved."""

    account: str
    lane: str
    asked_at: datetime
    duration_ms: float
    watched: int
    seen: int
    changed: int


class PaymentChecked(Struct, frozen=True, kw_only=True):
    """A check of one payment ended; `changed` says whether its status moved."""

    payment_id: int
    actor: str
    checked_at: datetime
    status: str
    changed: bool


class WebhookReceived(Struct, frozen=True, kw_only=True):
    """A provider's notification was verified and stored, and is about to be looked into."""

    delivery_id: str
    provider: str
    kind: str
    resource_id: str
    received_at: datetime


class EpochBegun(Struct, frozen=True, kw_only=True):
    """The log went back: it was restored from a copy. Events after `last_common` are lost, or come again elsewhere.

    The stream PAYMENTS is refilled, and `ce-epoch` of each message is `epoch`. A subscriber that remembers a position
    above `last_common` starts again after it.
    """

    log: str
    epoch: int
    last_common: int
    began_at: datetime
