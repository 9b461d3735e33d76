"""What sockets are told, from the server to the client; nothing is read from a client.

Frames are those of the WebSocket at `/ws`. `position` is where to resume: open a new socket with
`&after=<position>` and nothing is missed. A payer resumes with `&after=<version>`: its frames have the payment's own
version instead, because positions tell how much the hub sells. Socket.IO clients are told of confirmations only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType


class AttemptState(Struct, frozen=True, kw_only=True):
    """One attempt to pay, as of a snapshot's position; amounts are in its own currency."""

    mp_payment_id: str
    status: str
    status_detail: str | None
    amount: float
    held_amount: float
    refunded_amount: float
    currency: str


class PaymentState(Struct, frozen=True, kw_only=True):
    """A payment as of a snapshot's position; amounts are in reais. A payer is told of no single attempt."""

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


# Why a socket is closed, or not resumed: the log went back.
LOG_RESTORED: Final = "log_restored"


class Snapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """The first frame of a socket that was opened without `after`: how things stand.

    `epoch` says how often the log went back, counted from 1: give it with `after` when you come back. A socket that
    comes with another epoch gets a snapshot too, whose `reason` is `log_restored`: the log was restored from a backup,
    and positions from before may stand for other events.
    """

    position: int
    epoch: int
    payments: list[PaymentState]
    reason: str | None = None


class Resumed(Struct, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """The first frame of a socket that was opened with `after`: events above `position` follow."""

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
    """What a payer learns of a change of status: nothing of other attempts to pay, and of nobody's person."""

    previous: str
    status: str
    status_detail: str | None
    paid_at: datetime | None


class Closing(Struct, frozen=True, kw_only=True, tag_field="type", tag="closing"):
    """The last frame: the server closes, for `reason`; resume after `position`.

    With `log_restored` the log went back to `position`: it has not all that was told after it.
    """

    position: int
    reason: str


class PayersSnapshot(Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """A payer's first frame without `after`: how its payment stands after so many events.

    `epoch` and `reason` are those of `Snapshot`.
    """

    version: int
    epoch: int
    payments: list[PaymentState]
    reason: str | None = None


class PayersResumed(Struct, frozen=True, kw_only=True, tag_field="type", tag="resumed"):
    """A payer's first frame with `after`: changes above `version` follow."""

    version: int
    epoch: int


class PayersChange(Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """A payer is told that the status changed; `event` is `StatusChanged`. Other events take versions too."""

    payment_id: int
    merchant: str
    version: int
    event: str
    time: datetime
    source: str
    data: PayersStatus


class PayersClosing(Struct, frozen=True, kw_only=True, tag_field="type", tag="closing"):
    """A payer's last frame: the server closes, for `reason`; resume after `version`.

    With `log_restored` it is 0, because whatever was told may be lost.
    """

    version: int
    reason: str


PayersFrame = PayersSnapshot | PayersResumed | PayersChange | PayersClosing
Frame = Snapshot | Resumed | EventFrame | Closing | PayersFrame

# The name of the event that Socket.IO clients are sent, with `PaymentConfirmed` as its one argument.
CONFIRMED: Final = "payment-confirmed-{payment_id}"


class PaymentConfirmed(Struct, frozen=True, kw_only=True):
    """A payment was approved for the first time, and the money was not given back. `value` is in reais.

    `status` is `approved`, or `in_mediation` for a client that comes while the payment is disputed.
    """

    payment_id: int
    status: str
    value: float
    paid_at: datetime | None
