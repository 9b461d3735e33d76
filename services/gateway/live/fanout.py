"""Hands live events to the sockets of this process, and closes sockets that are too slow."""

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

# Why a socket is aborted: its key was revoked, or its token expired.
KEY_REVOKED: Final = "key_revoked"
TOKEN_ENDED: Final = "token_ended"  # noqa: S105 - a reason

# Why a socket is closed: the gateway stops, and another one, or its next process, takes the client.
GOING_AWAY: Final = "going_away"

# No merchant's slug has this form.
EVERY_PAYMENT: Final = "*"

# What a socket listens to: a payment's number, a merchant's slug, or every payment.
Key = int | str


class Listener:
    """One socket's queue. A full queue drops further frames, and the socket closes after it has sent the queued ones.

    The queue holds only events that `wants` accepts. `api_key` is the key that opened the socket; without one, `caller`
    may hold a payer's token.
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
        self.close_reason = ""
        self.last_common: int | None = None
        self._frames: deque[EventFrame] = deque()
        self._changed = asyncio.Event()
        self.overflowed = False
        self.closed = False
        self.is_aborted = False
        self._sending: asyncio.Timeout | None = None

    def offer(self, frame: EventFrame) -> None:
        """Queue a frame without waiting."""
        if self.overflowed or self.is_aborted:
            return
        if len(self._frames) >= QUEUE_LIMIT:
            self.overflowed = True
        else:
            self._frames.append(frame)
        self._changed.set()

    def close(self, reason: str, *, last_common: int | None = None) -> None:
        """Close the socket once its queue is sent; `last_common` is where the log went back to, if it did."""
        self.last_common = last_common
        self.close_reason = self.close_reason or reason
        self.closed = True
        self._changed.set()

    def abort(self, reason: str) -> None:
        """Close the socket at once: drop the queue, and cancel the send that runs."""
        if self.is_aborted:
            return
        self.is_aborted = True
        self._frames.clear()
        self.close(reason)
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Run the body, which sends to the client, and cancel it when the listener is aborted."""
        now_s = asyncio.get_running_loop().time()
        bound = asyncio.timeout_at(now_s if self.is_aborted else None)
        try:
            async with bound:
                self._sending = bound
                yield
        except TimeoutError:
            if not bound.expired():
                raise
        finally:
            self._sending = None

    async def next_frames(self) -> list[EventFrame]:
        """Wait for a frame and return all that are queued; return none when the socket must close."""
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

    def has_no_listeners(self) -> bool:
        """Return whether no socket listens."""
        return not self._listeners

    @property
    def listeners(self) -> list[Listener]:
        """Return all listeners."""
        return [listener for listeners in self._listeners.values() for listener in listeners]

    def listen(
        self,
        key: Key,
        *,
        wants: Callable[[Event], bool] = lambda _: True,
        api_key: str | None = None,
        caller: Caller | None = None,
    ) -> Listener:
        """Start to listen for the events that `wants` accepts."""
        listener = Listener(wants=wants, api_key=api_key, caller=caller)
        self._listeners[key].add(listener)
        return listener

    def leave(self, key: Key, listener: Listener) -> None:
        """Remove a listener."""
        self._listeners[key].remove(listener)
        if not self._listeners[key]:
            del self._listeners[key]

    def deliver(self, envelope: Envelope) -> None:
        """Queue an event for the listeners of its payment; for a revoked key, abort the sockets of that key."""
        if isinstance(envelope.event, ApiKeyRevoked):
            self.abort_key(envelope.merchant, envelope.event.key_id)
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

    def abort_key(self, holder: str, key_id: str) -> None:
        """Abort every socket that this key of `holder` opened; `holder` is a merchant or the hub."""
        for listener in self.listeners:
            if listener.api_key is not None and key_named_by(listener.api_key) == (holder, key_id):
                listener.abort(KEY_REVOKED)

    def close(self) -> None:
        """Close every socket because the gateway stops."""
        for listener in self.listeners:
            listener.close(GOING_AWAY)

    def close_for_restore(self, last_common: int) -> None:
        """Close every socket because the log went back to `last_common`."""
        for listener in self.listeners:
            listener.close(LOG_RESTORED, last_common=last_common)


def event_frame(envelope: Envelope) -> EventFrame:
    """Build the frame of one event of a payment."""
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
