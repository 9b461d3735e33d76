"""One stream of the log: of which kind it is, whose, and what it leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from contracts.envelope import Envelope
from contracts.events import AnyEvent
from extrato.domain.decider import Command, Decider, State

if TYPE_CHECKING:
    from extrato.store.log import LogReader

Of = TypeVar("Of")


class Stream(Struct, Generic[State, Command, AnyEvent], frozen=True, kw_only=True):
    """One stream of a kind, and whose it is; `merchant` is None where its events tell. `about` names it in errors."""

    decider: Decider[State, Command, AnyEvent]
    stream_id: UUID
    merchant: str | None
    payment_id: int | None
    about: str


class History(Struct, Generic[Of], frozen=True, kw_only=True):
    """What a stream leads to, and its first and last event; None and version 0 before there is one."""

    state: Of
    version: int
    first: Envelope | None
    last: Envelope | None


async def read(log: LogReader, stream: Stream[State, Command, AnyEvent]) -> History[State]:
    """Read a stream as of now."""
    envelopes = await log.read_stream(stream.stream_id)
    state = stream.decider.fold(envelope.event for envelope in envelopes)  # type: ignore[misc]
    first, last = (envelopes[0], envelopes[-1]) if envelopes else (None, None)
    return History(state=state, version=len(envelopes), first=first, last=last)
