"""Fingerprints of refused and ignored reports, so that each is recorded once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contracts.events import EventOfOpened
    from extrato.domain.payment.state import Opened

# Repeated reports of one fact may differ in these fields.
_INCIDENTAL: Final = frozenset({"evidence", "received_at", "ignored_at", "paid_at"})


def fingerprint_of(event: EventOfOpened) -> str:
    """Return a digest of an event, without the fields that may differ between reports of one fact."""
    facts = "|".join(str(getattr(event, field)) for field in event.__struct_fields__ if field not in _INCIDENTAL)
    return hashlib.blake2b(f"{type(event).__name__}|{facts}".encode(), digest_size=12).hexdigest()


def unless_recorded(event: EventOfOpened, payment: Opened) -> list[EventOfOpened]:
    """Return the event, unless the same one is recorded."""
    return [] if fingerprint_of(event) in payment.fingerprints else [event]
