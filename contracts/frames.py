"""The frames that the hub sends on the WebSocket `/ws`, and its Socket.IO event. The hub reads no frames from clients.

A client resumes without a gap: it opens another socket with `&after=` and the `position` of its last frame. A payer's
frames have `version`, the version of the payment, in place of `position`, because positions show how much the hub
sells. Socket.IO clients receive only confirmations.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType


class AttemptState(Struct, frozen=True, kw_only=True):
    """One attempt, at the position of a snapshot; amounts are in the attempt's currency."""

    mp_payment_id: str
    status: str
    status_detail: str | None
    amount: float
    held_amount: float
    refunded_amount: float
    currency: str


class PaymentState(Struct, frozen=True, kw_only=True):
    """A payment, at the position of a snapshot; amounts are in reais. A payer receives no `attempts` and `alerts`."""

    payment_id: int
    merchant: str
    status: str
    status_detail: str | None
    amount: float
    held_amount: float
    refunded_amount: float
    disputed_amount: float
    description: str
    paid_at: datetime | None
    updated_at: datetime
    attempts: list[AttemptState] | UnsetType = UNSET
    alerts: list[str] | UnsetType = UNSET


# The reason why a socket closes or does not resume: the log went back.
LOG_RESTORED: Final = "log_restored"


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """The first frame of a socket without `after`: the current state.

    `epoch` is the epoch of the log: send it with `after` when you resume. When the log has begun another epoch since,
    you also receive a snapshot, with the `reason` `log_restored`: the log was restored from a backup, and older
    positions may belong to other events.
    """

    position: int
    epoch: int
    payments: list[PaymentState]
    reason: str | None = None


class Resumed(Struct, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """The first frame of a socket with `after`: events after `position` follow."""

    position: int
    epoch: int


class EventFrame(Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """One event, in the order of the log."""

    position: int
    payment_id: int
    merchant: str
    version: int
    event: str
    time: datetime
    source: str
    data: Any


class PayersStatus(Struct, frozen=True, kw_only=True):
    """A payer's view of a change of status, without attempts and personal data."""

    previous: str
    status: str
    status_detail: str | None
    paid_at: datetime | None


class Closing(Struct, frozen=True, kw_only=True, tag_field="type", tag="closing"):
    """The last frame: the server closes the socket because of `reason`; resume after `position`.

    With `log_restored`, the log went back to `position`, and may lack later events that the socket has received.
    """

    position: int
    reason: str


class PayersSnapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """A payer's first frame without `after`: the payment at `version`.

    `epoch` and `reason` are those of `Snapshot`.
    """

    version: int
    epoch: int
    payments: list[PaymentState]
    reason: str | None = None


class PayersResumed(Struct, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """A payer's first frame with `after`: changes after `version` follow."""

    version: int
    epoch: int


class PayersChange(Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """A change of status; `event` is `StatusChanged`. Versions have gaps: other events have versions too."""

    payment_id: int
    merchant: str
    version: int
    event: str
    time: datetime
    source: str
    data: PayersStatus


class PayersClosing(Struct, frozen=True, kw_only=True, tag_field="type", tag="closing"):
    """A payer's last frame: the server closes the socket because of `reason`; resume after `version`.

    With `log_restored`, `version` is 0, because the log may have lost any event that the socket received.
    """

    version: int
    reason: str


PayersFrame = PayersSnapshot | PayersResumed | PayersChange | PayersClosing
Frame = Snapshot | Resumed | EventFrame | Closing | PayersFrame

# The name of the event for Socket.IO clients, with `PaymentConfirmed` as its only argument.
CONFIRMED: Final = "payment-confirmed-{payment_id}"


class PaymentConfirmed(Struct, frozen=True, kw_only=True):
    """A payment was approved for the first time and not refunded. `value` is in reais.

    `status` is `approved`, or `in_mediation` for a client that connects while the payment is disputed.
    """

    payment_id: int
    status: str
    value: float
    paid_at: datetime | None
