"""Receives a stream from a durable JetStream pull consumer, without bodies; acknowledges many messages at once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import nats.js.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

    from extrato.bus.connection import Bus
    from extrato.bus.lean_client import RawMessage

BATCH: Final = 1000
ACK_WAIT_S: Final = 30
MAX_ACK_PENDING: Final = 4000

STATUS: Final = b"NATS/1.0 "
# A request ends without an error when no message arrives in time, or none exists.
OVER: Final = (b"408", b"404")


class DurablePull:
    """The messages of one durable consumer, buffered as they arrive.

    It uses the bus's client of the time of its creation, and ends with that client.
    """

    def __init__(self, bus: Bus, *, stream: str, durable: str) -> None:
        self._client = bus.client
        self._jetstream = bus.jetstream
        self._stream = stream
        self._durable = durable
        self._inbox = self._client.new_inbox()
        self._subscription: Subscription | None = None
        self._came: list[RawMessage] = []
        self._something_came = asyncio.Event()
        self._asked_for = 0
        self._refused: RawMessage | None = None

    async def open(self) -> None:
        """Create the consumer if it is missing; recreate one with another way of acknowledgement."""
        config = ConsumerConfig(
            durable_name=self._durable,
            # The caller has read the log to its end, so it does not need the stream's older messages.
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.ALL,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=MAX_ACK_PENDING,
            headers_only=True,
        )
        jetstream = self._jetstream
        try:
            found = (await jetstream.consumer_info(self._stream, self._durable)).config
            if (found.ack_policy, found.headers_only) != (config.ack_policy, config.headers_only):
                await jetstream.delete_consumer(self._stream, self._durable)
                await jetstream.add_consumer(self._stream, config)
        except nats.js.errors.NotFoundError:
            await jetstream.add_consumer(self._stream, config)
        self._subscription = await self._client.subscribe_raw(self._inbox, self._on_message)

    async def close(self) -> None:
        """Unsubscribe; the server delivers unacknowledged messages again."""
        if self._subscription is not None:
            await self._client.unsubscribe_raw(self._subscription)

    async def take(self, *, within_s: float) -> list[RawMessage]:
        """Return the buffered messages; waits for the first one, `within_s` at most.

        Raises an error of the client when the consumer or its stream was deleted.
        """
        if self._asked_for <= 0 and not self._came:
            self._asked_for = BATCH
            self._something_came.clear()
            wanted = {"batch": BATCH, "expires": int(within_s * 1e9)}
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}"
            await self._client.publish(subject, json.dumps(wanted).encode(), reply=self._inbox)
        try:
            async with asyncio.timeout(within_s):
                await self._something_came.wait()
        except TimeoutError:
            # The request has ended, or the server lost it in a restart.
            self._asked_for = 0
        self._something_came.clear()
        came, self._came = self._came, []
        if self._refused is not None:
            refused, self._refused = self._refused, None
            raise nats.js.errors.Error(f"The server ended the request: {refused.headers!r}")
        return came

    async def acknowledge(self, last: RawMessage) -> None:
        """Acknowledge this message and all before it."""
        await self._client.publish(last.reply.decode())

    async def body_of(self, message: RawMessage) -> bytes:
        """Return the body of a message; empty when the stream has removed it."""
        sequence = Msg(_client=self._client, reply=message.reply.decode()).metadata.sequence.stream
        try:
            stored = await self._jetstream.get_msg(self._stream, seq=sequence)
        except nats.js.errors.NotFoundError:
            return b""
        return stored.data or b""

    def _on_message(self, message: RawMessage) -> None:
        if not message.headers.startswith(STATUS):
            self._asked_for -= 1
            self._came.append(message)
        elif message.headers[len(STATUS) :].startswith(OVER):
            # The server sends no message before the next request.
            self._asked_for = 0
        else:
            self._refused = message
        self._something_came.set()
