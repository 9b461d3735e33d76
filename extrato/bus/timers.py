"""Durable timers: one message for each account and lane. A process takes an expired one and restarts it with a delay.

The server keeps the time. The timer of a killed process expires again after `HOLD_S`. So a process that needs longer
extends the hold.
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
    """An expired timer, held by this process until it restarts or removes it."""

    def __init__(self, bus: Bus, message: Msg) -> None:
        self._bus = bus
        self._message = message
        _, self.lane, self.account = message.subject.split(".", 2)

    async def restart(self, delay_s: float) -> None:
        """Restart the timer, to expire after `delay_s`."""
        await self._message.nak(delay=delay_s)

    async def remove(self) -> None:
        """Remove the timer, and wait for the server's confirmation."""
        await self._message.ack_sync(timeout=5)

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Extend the hold while the body runs, so that no other process takes the timer."""

        async def hold() -> None:
            while True:
                await asyncio.sleep(STILL_HOLDING_S)
                # The reply subject is the server's, so a replaced client reaches it too.
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
    """Sets timers and takes expired ones."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def ensure(self, lane: str, account: str) -> None:
        """Set the timer of an account in a lane to expire at once, unless it exists."""
        try:
            await self._bus.jetstream.publish(sweep_subject(lane, account), b"", stream=SWEEPS_STREAM)
        except nats.js.errors.APIError as error:
            if error.err_code != PER_SUBJECT_LIMIT:
                raise

    async def take(self, limit: int) -> list[ExpiredTimer]:
        """Return at most `limit` expired timers; waits up to a second for the first one."""
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
        """Stop taking timers; those that the server sent meanwhile expire again after `HOLD_S`."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with contextlib.suppress(*NATS_ERRORS):
                await subscription.unsubscribe()
