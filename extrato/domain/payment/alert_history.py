"""The history of a payment's alerts, for people: which were raised, and how each was closed. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import AlertEnded, AlertRaised, AlertResolved, TextHidden
from contracts.events.hidden_text import hide
from contracts.payment_status import ALERTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.envelope import Envelope


class AlertRecord(Struct, frozen=True, kw_only=True):
    """One alert: how often it was raised, when last, and how it was closed since.

    `reason` are the merchant's words for the latest time that it resolved the alert.
    """

    name: str
    state: Literal["open", "ended", "resolved"]
    occurrences: int
    raised_at: datetime
    closed_at: datetime | None = None
    reason: str | None = None


def alert_records(history: Iterable[Envelope]) -> list[AlertRecord]:
    """Return every alert of a payment, in the order in which they were first raised; a hidden text stays hidden."""
    known: dict[str, AlertRecord] = {}
    is_text_hidden = False
    for envelope in history:
        event, at = envelope.event, envelope.recorded_at
        if isinstance(event, AlertEnded):
            known[event.alert] = replace(known[event.alert], state="ended", closed_at=at)
        elif isinstance(event, AlertResolved):
            known[event.alert] = replace(known[event.alert], state="resolved", closed_at=at, reason=event.reason)
        elif (name := event.alert if isinstance(event, AlertRaised) else ALERTS.get(type(event))) is not None:
            before = known.get(name)
            known[name] = AlertRecord(
                name=name, state="open", occurrences=before.occurrences + 1 if before else 1, raised_at=at
            )
        elif isinstance(event, TextHidden):
            is_text_hidden = True
    return [_without_text(record) for record in known.values()] if is_text_hidden else list(known.values())


def _without_text(record: AlertRecord) -> AlertRecord:
    return record if record.reason is None else replace(record, reason=hide(record.reason))
