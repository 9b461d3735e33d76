"""One stream of the log: its decider, its owner, and its current state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from contracts.envelope import Envelope
from contracts.events import AnyEvent
from extrato.domain.decider import Command, Decider, State

if TYPE_CHECKING:
    from extrato.store.log import LogReader

_HistoryState = TypeVar("_HistoryState")


class Stream(Struct, Generic[State, Command, AnyEvent], frozen=True, kw_only=True):
    """One stream and its owner; `merchant` is None if the events name it. `about` names the stream in errors."""

    decider: Decider[State, Command, AnyEvent]
    stream_id: UUID
    merchant: str | None
    payment_id: int | None
    about: str


class History(Struct, Generic[_HistoryState], frozen=True, kw_only=True):
    """The state after a stream's events, with the first and last event; None and version 0 for an empty stream."""

    state: _HistoryState
    version: int
    first: Envelope | None
    last: Envelope | None


async def read(log: LogReader, stream: Stream[State, Command, AnyEvent]) -> History[State]:
    """Read the current state of a stream."""
    envelopes = await log.read_stream(stream.stream_id)
    state = stream.decider.fold(envelope.event for envelope in envelopes)  # type: ignore[misc]
    first, last = (envelopes[0], envelopes[-1]) if envelopes else (None, None)
    return History(state=state, version=len(envelopes), first=first, last=last)
