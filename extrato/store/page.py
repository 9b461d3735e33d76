"""A page of the log for consumers, with readable and unreadable events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extrato.store.codec import UnreadableEvent, read_state, to_envelope
from extrato.store.unavailable import is_poison

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from contracts.envelope import Envelope
    from extrato.store.codec import LogRow


class Unreadable(NamedTuple):
    """An event that this code cannot read."""

    position: int
    topic: str
    state: bytes
    reason: str


class Page(NamedTuple):
    """All events of the log after position `after` up to `position`, in order.

    `event_id` is the event at `position`, None when its row is unreadable.
    """

    after: int
    position: int
    event_id: UUID | None
    envelopes: Sequence[Envelope]
    unreadable: Sequence[Unreadable] = ()


def page_of(rows: Sequence[LogRow], *, after: int) -> Page:
    """Return the page of at least one row."""
    envelopes, unreadable = [], []
    for row in rows:
        try:
            envelopes.append(to_envelope(row))
        except Exception as error:
            if not is_poison(error):
                raise
            reason = error.message if isinstance(error, UnreadableEvent) else repr(error)
            unreadable.append(Unreadable(row.id, row.topic, row.state, reason))
    return Page(after, rows[-1].id, event_id_of(rows[-1]), envelopes, unreadable)


def event_id_of(row: LogRow) -> UUID | None:
    """Return the id of a row's event; None when even the row's metadata is unreadable."""
    try:
        return read_state(row).event_id
    except UnreadableEvent:
        return None
