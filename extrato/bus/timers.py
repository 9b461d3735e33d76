"""Durable timers: one message an account and lane, which a process holds, works on and puts back with a delay.

The server keeps the clock. A timer whose holder dies comes back after `HOLD_S`, so a holder that needs
longer says so now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import nats.js.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from contracts.subjects import SWEEPS_STREAM, sweep_subject
from extrato.bus.connection import NATS_ERRORS, Bus, raise_if_cancelled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext

HOLD_S: Final = 4.0
STILL_HOLDING_S: Final = 1.0
FETCH_TIMEOUT_S: Final = 1.0
CONSUMER: Final = "monitor-sweeps"
MAX_TIMERS: Final = 100_000
PER_SUBJECT_LIMIT: Final = 10077


class ExpiredTimer:
    """One expiry of a timer, held by this process until it is put back or ended."""

    def __init__(self, bus: Bus, message: Msg) -> None:
        self._bus = bus
        self._message = message
        _, self.lane, self.account = message.subject.split(".", 2)

    async def restart(self, delay_s: float) -> None:
        """Put the timer back, to expire after `delay_s`."""
        await self._message.nak(delay=delay_s)

    async def remove(self) -> None:
        """Remove the timer, and know that it is removed."""
        await self._message.ack_sync(timeout=5)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the timer from coming back to somebody else while the body runs."""

        async def hold() -> None:
            while True:
                await asyncio.sleep(STILL_HOLDING_S)
                # The address is the server's own: a client that came after the one of the message reaches it too.
                with contextlib.suppress(*NATS_ERRORS):
                    await self._bus.client.publish(self._message.reply, Msg.Ack.Progress)

        holder = asyncio.create_task(hold())
        try:
            yield
        finally:
            holder.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await holder


class Timers:
    """Sets timers and takes those that expire."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def ensure(self, lane: str, account: str) -> None:
        """Set the timer of an account in a lane to expire at once, unless it is set already."""
        try:
            await self._bus.jetstream.publish(sweep_subject(lane, account), b"", stream=SWEEPS_STREAM)
        except nats.js.errors.APIError as error:
            if error.err_code != PER_SUBJECT_LIMIT:
                raise

    async def take(self, limit: int) -> list[ExpiredTimer]:
        """Give timers that have expired, at most `limit`; waits up to a second for the first."""
        if self._subscription is None:
            await self._bus.ensure_streams()
            self._subscription = await self._bus.jetstream.pull_subscribe(
                "sweeps.>",
                durable=CONSUMER,
                stream=SWEEPS_STREAM,
                config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=HOLD_S, max_ack_pending=MAX_TIMERS),
            )
        try:
            messages = await self._subscription.fetch(limit, timeout=FETCH_TIMEOUT_S)
        except TimeoutError:
            messages = []
        except NATS_ERRORS:
            await self.close()
            raise_if_cancelled()
            raise
        raise_if_cancelled()
        return [ExpiredTimer(self._bus, message) for message in messages]

    async def close(self) -> None:
        """Take no more; what the server sent meanwhile comes back after `HOLD_S`."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(*NATS_ERRORS):
                await subscription.unsubscribe()
