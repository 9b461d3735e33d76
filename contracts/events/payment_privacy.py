"""Events about the personal data of a payment: the payer was forgotten, and a hold that keeps the data."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Final

from msgspec import Struct

# The words that a caller may give. A free text could name the payer, and an event is kept forever.
FORGETTING_REASONS: Final = ("payer_request", "merchant_request", "authority_order", "not_needed")
HOLD_REASONS: Final = ("litigation", "dispute", "investigation", "authority_order")
# The reason of a forgetting that a restore from a backup had lost, and that the list of forgotten payments repeats.
AFTER_RESTORE: Final = "earlier_request"


class PayerForgotten(Struct, frozen=True, kw_only=True):
    """The key of the payment's personal data is destroyed: nothing can read that data, also not in backups.

    `reason` is a word of `FORGETTING_REASONS`, or `earlier_request` where a restore had lost the first event.
    `requested_by` is an actor and its id, such as `api_key/a1b2c3d4`. `requested_at` is the time of the request.
    """

    schema_version: ClassVar[int] = 1

    reason: str
    requested_by: str
    requested_at: datetime


class TextHidden(Struct, frozen=True, kw_only=True):
    """The merchant's text of the payment is hidden: answers and read models show `HIDDEN_TEXT` in its place.

    It is the text of `contracts/events/hidden_text.py`. The events before and after this one keep it.
    """

    schema_version: ClassVar[int] = 1


class PaymentHeld(Struct, frozen=True, kw_only=True):
    """A hold began: until `until` (None for no end) the payer is not forgotten, and evidence is not deleted.

    `reason` is a word of `HOLD_REASONS`. Another hold replaces this one.
    """

    schema_version: ClassVar[int] = 1

    reason: str
    until: datetime | None


class PaymentReleased(Struct, frozen=True, kw_only=True):
    """The hold ended before its time."""

    schema_version: ClassVar[int] = 1
