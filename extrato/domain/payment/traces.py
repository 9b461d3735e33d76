"""Traces of what was refused or ignored, so that the same is not told twice."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from contracts.events import EventOfOpened
    from extrato.domain.payment.state import Opened

# Of one fact these may differ from one telling to the next.
_INCIDENTAL: Final = frozenset({"evidence", "received_at", "ignored_at", "paid_at"})


def trace_of(event: EventOfOpened) -> str:
    """Digest what an event says, without what may differ in another telling of the same fact."""
    facts = "|".join(str(getattr(event, field)) for field in event.__struct_fields__ if field not in _INCIDENTAL)
    return hashlib.blake2b(f"{type(event).__name__}|{facts}".encode(), digest_size=12).hexdigest()


def unless_traced(event: EventOfOpened, payment: Opened) -> list[EventOfOpened]:
    """Give the event, unless the same was told before."""
    return [] if trace_of(event) in payment.traces else [event]
