"""Messages in the stream CHECKS, which keeps them for a day. They are not events of the log."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class SweepCompleted(Struct, frozen=True, kw_only=True):
    """A sweep of one account ended; `changed` counts the payments whose status changed."""

    account: str
    lane: str
    asked_at: datetime
    duration_ms: float
    watched: int
    seen: int
    changed: int


class PaymentChecked(Struct, frozen=True, kw_only=True):
    """A check of one payment ended; `changed` is true if its status changed."""

    payment_id: int
    actor: str
    checked_at: datetime
    status: str
    changed: bool


class WebhookReceived(Struct, frozen=True, kw_only=True):
    """A webhook of a provider was verified and stored; the hub processes it next."""

    delivery_id: str
    provider: str
    kind: str
    resource_id: str
    received_at: datetime


class EpochBegun(Struct, frozen=True, kw_only=True):
    """The log went back: it was restored from a backup. Events after `last_common` are lost or have other positions.

    The relay refills the stream PAYMENTS, and `ce-epoch` of each message is `epoch`. A subscriber that has stored a
    position above `last_common` starts again after `last_common`.
    """

    log: str
    epoch: int
    last_common: int
    began_at: datetime
