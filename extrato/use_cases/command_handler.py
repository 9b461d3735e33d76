"""Handles commands on a stream: reads it, decides, appends; on a conflict it starts again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Generic

from msgspec import Struct
from msgspec.structs import replace

from contracts.events import AnyEvent
from extrato.domain.decider import Command, State
from extrato.errors import Conflict, NotFound, Overloaded
from extrato.store.appender import NOTHING_ATTACHED, StreamAppend
from extrato.store.codec import NewEvent
from extrato.use_cases.streams import History, Stream, read

if TYPE_CHECKING:
    from contracts.envelope import Cause
    from contracts.events import Event
    from extrato.store.appender import Attached
    from extrato.use_cases.hub import Hub

ATTEMPTS: Final = 16
MAX_BACK_OFF_S: Final = 0.1


class Handled(Struct, Generic[State, AnyEvent], frozen=True, kw_only=True):
    """The result of commands: the stream before, the state after, and the appended events with their positions."""

    before: History[State]
    after: State
    events: Sequence[AnyEvent]
    appended: Sequence[NewEvent]
    positions: Sequence[int]


async def handle(
    hub: Hub,
    stream: Stream[State, Command, AnyEvent],
    commands: Sequence[Command],
    *,
    cause: Cause,
    attached: Attached = NOTHING_ATTACHED,
    is_new: bool = False,
    known: History[State] | None = None,
    beside: Sequence[StreamAppend] = (),
) -> Handled[State, AnyEvent]:
    """Decide commands on the newest state of a stream, and append all their events in one step.

    Of the evidence in `attached`, only what an appended event names is stored. With `is_new` the stream is expected
    to be empty and is not read first; nor is one that the caller has read, as `known`. `beside` is appended to other
    streams in the same step. Raises `NotFound` for a stream without an owner, `Refused`, `Conflict` when a stream of
    `beside` has changed, `Overloaded` and `StoreUnavailable`.
    """
    before: History[State] = known or History(state=stream.decider.initial, version=0, first=None, last=None)
    for attempt in range(ATTEMPTS):
        if attempt or not (is_new or known):
            found = await read(hub.log, stream)
            if attempt and beside and found.version == before.version:
                raise Conflict(stream.about, why="beside")
            before = found
        merchant = stream.merchant or (before.first.merchant if before.first else None)
        if merchant is None:
            raise NotFound(stream.about, why="stream")
        after, events = stream.decider.decide_all(commands, before.state)
        if not events:
            return Handled(before=before, after=after, events=(), appended=(), positions=())
        new = new_events(hub, events, merchant=merchant, payment_id=stream.payment_id, cause=cause)
        append = StreamAppend(stream_id=stream.stream_id, expected_version=before.version, events=new)
        try:
            positions = await hub.log.append(append, *beside, attached=_named(attached, events))
        except Conflict:
            await back_off(attempt)
            continue
        return Handled(before=before, after=after, events=events, appended=new, positions=positions)
    raise Overloaded(stream.about, why="stream")


async def begin_stream(hub: Hub, append: StreamAppend) -> bool:
    """Append the first events of a stream; returns False, and appends nothing, if the stream has events."""
    try:
        await hub.log.append(append)
    except Conflict:
        return False
    return True


def _named(attached: Attached, events: Sequence[Any]) -> Attached:
    """Return `attached` with the evidence that the events name."""
    if not attached.evidence:
        return attached
    named = {getattr(event, "evidence", None) for event in events}
    return replace(attached, evidence=[piece for piece in attached.evidence if piece.digest.hex() in named])


async def back_off(attempt: int) -> None:
    """Wait for a random time that grows with each attempt, so that competing writers do not collide again."""
    longest_s = min(MAX_BACK_OFF_S, 0.002 * 2**attempt)
    await asyncio.sleep(random.uniform(0, longest_s))  # noqa: S311 - jitter, not a secret


def new_events(
    hub: Hub, events: Sequence[Event], *, merchant: str, payment_id: int | None, cause: Cause
) -> list[NewEvent]:
    """Add an id, times and a cause to events; `occurred_at` is the provider's time if an event has one."""
    now = hub.now()
    return [
        NewEvent(
            event_id=hub.new_uuid(),
            merchant=merchant,
            payment_id=payment_id,
            occurred_at=getattr(event, "observed_at", None) or now,
            recorded_at=now,
            cause=cause,
            event=event,
        )
        for event in events
    ]
