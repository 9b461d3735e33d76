"""Hands live events to the sockets of this process; a socket that cannot keep up is let go."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final

from contracts.events import ApiKeyRevoked
from contracts.frames import LOG_RESTORED, EventFrame
from extrato.use_cases.merchant_directory import key_named_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from contracts.envelope import Envelope
    from contracts.events import Event
    from services.gateway.http.caller import Caller

QUEUE_LIMIT: Final = 1000

# Why a socket is cut: what it was opened with opens nothing any longer.
KEY_REVOKED: Final = "key_revoked"
TOKEN_ENDED: Final = "token_ended"  # noqa: S105 - a reason

# No merchant's slug has this form.
EVERY_PAYMENT: Final = "*"

# What a socket listens to: a payment by its number, a merchant by its slug, or every payment.
Key = int | str


class Listener:
    """One socket's queue. When it is full it takes no more, and the socket closes after what it holds.

    Only events that `wants` says yes to are for it, so that a long queue is one of things to tell. `api_key` is
    what it was opened with, if it was a key, and otherwise `caller` knows the payer's token.
    """

    def __init__(
        self,
        *,
        wants: Callable[[Event], bool] = lambda _: True,
        api_key: str | None = None,
        caller: Caller | None = None,
    ) -> None:
        self.wants = wants
        self.api_key = api_key
        self.caller = caller
        self.ends_because = ""
        self.last_common: int | None = None
        self._frames: deque[EventFrame] = deque()
        self._changed = asyncio.Event()
        self.overflowed = False
        self.closed = False
        self.is_cut = False
        self._telling: asyncio.Timeout | None = None

    def offer(self, frame: EventFrame) -> None:
        """Queue a frame, without waiting."""
        if self.overflowed or self.is_cut:
            return
        if len(self._frames) >= QUEUE_LIMIT:
            self.overflowed = True
        else:
            self._frames.append(frame)
        self._changed.set()

    def close(self, reason: str, *, last_common: int | None = None) -> None:
        """Let the socket end; with `last_common` because the log went back to that position."""
        self.last_common = last_common
        self.ends_because = self.ends_because or reason
        self.closed = True
        self._changed.set()

    def cut(self, reason: str) -> None:
        """Let the socket end at once: what is queued is not told, and what is being told is broken off."""
        if self.is_cut:
            return
        self.is_cut = True
        self._frames.clear()
        self.close(reason)
        if self._telling is not None:
            self._telling.reschedule(asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Run the body, which tells the client, and break it off when the listener is cut."""
        now_s = asyncio.get_running_loop().time()
        bound = asyncio.timeout_at(now_s if self.is_cut else None)
        try:
            async with bound:
                self._telling = bound
                yield
        except TimeoutError:
            if not bound.expired():
                raise
        finally:
            self._telling = None

    async def take(self) -> list[EventFrame]:
        """Give what is queued; waits for the first frame, and gives none when the socket must end."""
        while not self._frames and not self.overflowed and not self.closed:
            self._changed.clear()
            await self._changed.wait()
        frames = list(self._frames)
        self._frames.clear()
        return frames


class Fanout:
    """Knows which sockets listen to which payment or merchant."""

    def __init__(self) -> None:
        self._listeners: dict[Key, set[Listener]] = defaultdict(set)

    def is_unheard(self) -> bool:
        """Say whether nobody listens to anything."""
        return not self._listeners

    @property
    def listeners(self) -> list[Listener]:
        """Give everyone who listens at this moment."""
        return [listener for listeners in self._listeners.values() for listener in listeners]

    def listen(
        self,
        key: Key,
        *,
        wants: Callable[[Event], bool] = lambda _: True,
        api_key: str | None = None,
        caller: Caller | None = None,
    ) -> Listener:
        """Listen from this moment on, to the events that `wants` says yes to."""
        listener = Listener(wants=wants, api_key=api_key, caller=caller)
        self._listeners[key].add(listener)
        return listener

    def leave(self, key: Key, listener: Listener) -> None:
        """Listen no more."""
        self._listeners[key].remove(listener)
        if not self._listeners[key]:
            del self._listeners[key]

    def deliver(self, envelope: Envelope) -> None:
        """Hand one event of a payment to everyone whom it concerns, and end the sockets of a key that it revokes."""
        if isinstance(envelope.event, ApiKeyRevoked):
            self.end_key(envelope.merchant, envelope.event.key_id)
        if envelope.payment_id is None:
            return
        concerned = [
            listener
            for key in (envelope.payment_id, envelope.merchant, EVERY_PAYMENT)
            for listener in self._listeners.get(key, ())
            if listener.wants(envelope.event)
        ]
        if concerned:
            frame = event_frame(envelope)
            for listener in concerned:
                listener.offer(frame)

    def end_key(self, holder: str, key_id: str) -> None:
        """Cut every socket that was opened with this key of `holder`, a merchant or the hub."""
        for listener in self.listeners:
            if listener.api_key is not None and key_named_by(listener.api_key) == (holder, key_id):
                listener.cut(KEY_REVOKED)

    def close(self) -> None:
        """Let every socket end."""
        for listener in self.listeners:
            listener.close("going_away")

    def set_back(self, last_common: int) -> None:
        """Let every socket end, because the log went back to `last_common`."""
        for listener in self.listeners:
            listener.close(LOG_RESTORED, last_common=last_common)


def event_frame(envelope: Envelope) -> EventFrame:
    """Tell one event of a payment to a socket."""
    return EventFrame(
        position=envelope.position,
        payment_id=envelope.payment_id or 0,
        merchant=envelope.merchant,
        version=envelope.version,
        event=type(envelope.event).__name__,
        time=envelope.occurred_at,
        source=envelope.cause.actor,
        data=envelope.event,
    )
