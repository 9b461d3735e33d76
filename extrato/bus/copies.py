"""Copies of the streams that subscribers may read, in a separate NATS account without access to the hub.

A client that creates a consumer names the subject of its messages, and a requester names the subject of the reply.
The server publishes both with its own rights, into a stream too. So subscribers have a separate account: they can name
only subjects of it, and a mirror accepts messages from its origin alone.

A mirror accepts every message on its delivery subject from a consumer with the name of its delivery consumer. Both are
secret. The server's replies to the copier contain them, so they come on an inbox that no subscriber may subscribe to.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from typing import TYPE_CHECKING, Final

import nats.js.errors
import structlog
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    ExternalStream,
    StorageType,
    StoreCompression,
    StreamConfig,
    StreamConsumerSource,
    StreamSource,
)

from contracts.subjects import CHECKS_STREAM, PAYMENTS_STREAM
from extrato.bus.connection import (
    NATS_ERRORS,
    Bus,
    bus_error_of,
    connect_without_logs,
    raise_if_cancelled,
    update_compression,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo, StreamInfo

COPIED_STREAMS: Final = (PAYMENTS_STREAM, CHECKS_STREAM)

# The name of an origin's delivery consumer begins so; the rest is this hub's secret. The copies' account reaches only
# these consumers: it may request the first message to deliver, and report how many arrived.
DELIVERY_CONSUMER_PREFIX: Final = "subscribers-copy"
ORIGIN_API: Final = "origin.API"
DELIVERY: Final = "copies"

# All subscribers may subscribe to `_INBOX.>`, and so receive each other's replies.
COPIER_INBOX: Final = "_COPIER"

HEARTBEAT_S: Final = 1
MAX_UNCONFIRMED: Final = 1000
CHECK_INTERVAL_S: Final = 1.0

# How many messages of a copy each round compares with the origin, besides the last one.
SAMPLES: Final = 2


class Copies:
    """Creates the copies and keeps them equal to their origins; `delivery_consumer` names the origins' consumers."""

    def __init__(self, *, origin: Bus, copies: Bus, delivery_consumer: str) -> None:
        self._origin = origin
        self._copies = copies
        self._delivery_consumer = delivery_consumer
        self._logger = structlog.get_logger(component="copies")

    async def ensure(self) -> None:
        """Create missing copies, and recreate copies that differ from their origin."""
        await self._origin.ensure_streams()
        for name in COPIED_STREAMS:
            await self._ensure(name)
        raise_if_cancelled()

    async def run(self) -> None:
        """Check and repair the copies until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            # The supervisor restarts the server, and the next round connects to it.
            with contextlib.suppress(*NATS_ERRORS):
                await self.ensure()
            raise_if_cancelled()

    async def _ensure(self, name: str) -> None:
        origin, copies = self._origin.jetstream, self._copies.jetstream
        # The copy's state is read first, so that it cannot be ahead of the origin's.
        copy, source = await _stream(copies, name), await _stream(origin, name)
        if source is None:
            return
        # A deleted origin loses its delivery consumer. A copy whose consumer exists is a copy of this origin.
        consumer = await self._find_consumer(name)
        if copy is None or consumer is None or not _is_delivered_by(copy, consumer):
            await self._recreate(name, copy)
            return
        if not _is_whole(copy, source) or await self._differs(name, copy, source):
            self._logger.warning("copy_differs", stream=name, messages=copy.state.messages, last=copy.state.last_seq)
            await self._recreate(name, copy)
            return
        await update_compression(copies, copy.config, self._copy_config(name, delivery_subject=""))
        if copy.state.messages and copy.state.first_seq < source.state.first_seq:
            # A mirror keeps messages that its origin has removed.
            await copies.purge_stream(name, seq=source.state.first_seq)

    async def _differs(self, name: str, copy: StreamInfo, source: StreamInfo) -> bool:
        """Return whether the last message of a copy, or one of a few others, differs from the origin's."""
        first, last = max(copy.state.first_seq, source.state.first_seq), copy.state.last_seq
        if copy.state.messages == 0 or first > last:
            return False
        sequences = {last, *(random.randint(first, last) for _ in range(SAMPLES))}  # noqa: S311 - a sample
        for sequence in sequences:
            copied = await _message(self._copies.jetstream, name, sequence)
            original = await _message(self._origin.jetstream, name, sequence)
            # An origin may have removed a message that its copy still has.
            if original is not None and copied != original:
                return True
        return False

    async def _recreate(self, name: str, copy: StreamInfo | None) -> None:
        if copy is not None:
            await self._copies.jetstream.delete_stream(name)
        origin = self._origin.jetstream
        for consumer in await origin.consumers_info(name):
            if consumer.name.startswith(DELIVERY_CONSUMER_PREFIX):
                await origin.delete_consumer(name, consumer.name)
        delivery_subject = f"{DELIVERY}.{name}.{secrets.token_hex(16)}"
        await origin.add_consumer(name, self._consumer_config(delivery_subject))
        await self._copies.jetstream.add_stream(self._copy_config(name, delivery_subject=delivery_subject))

    async def _find_consumer(self, name: str) -> ConsumerInfo | None:
        try:
            consumer: ConsumerInfo = await self._origin.jetstream.consumer_info(name, self._delivery_consumer)
        except nats.js.errors.NotFoundError:
            return None
        return consumer

    def _consumer_config(self, delivery_subject: str) -> ConsumerConfig:
        return ConsumerConfig(
            name=self._delivery_consumer,
            durable_name=self._delivery_consumer,
            deliver_subject=delivery_subject,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.FLOW_CONTROL,
            flow_control=True,
            idle_heartbeat=HEARTBEAT_S,
            max_ack_pending=MAX_UNCONFIRMED,
        )

    def _copy_config(self, name: str, *, delivery_subject: str) -> StreamConfig:
        return StreamConfig(
            name=name,
            mirror=StreamSource(
                name=name,
                external=ExternalStream(api=ORIGIN_API, deliver=DELIVERY),
                consumer=StreamConsumerSource(name=self._delivery_consumer, deliver_subject=delivery_subject),
            ),
            storage=StorageType.FILE,
            compression=StoreCompression.S2,
            deny_delete=True,
            allow_direct=True,
        )


@contextlib.asynccontextmanager
async def open_copies(*, origin_url: str, copies_url: str, delivery_consumer: str) -> AsyncIterator[Copies]:
    """Connect to both accounts and create the copies; raises `BusUnavailable` or `BusRefused`."""
    async with (
        connect_without_logs(origin_url, name="copies-origin") as origin,
        connect_without_logs(copies_url, name="copies", inbox_prefix=COPIER_INBOX) as copies,
    ):
        made = Copies(origin=origin, copies=copies, delivery_consumer=delivery_consumer)
        try:
            await made.ensure()
        except NATS_ERRORS as error:
            raise bus_error_of(error) from error
        yield made


def new_delivery_consumer() -> str:
    """Return a new secret name for a hub's delivery consumers."""
    return f"{DELIVERY_CONSUMER_PREFIX}-{secrets.token_hex(16)}"


def _is_delivered_by(copy: StreamInfo, delivery: ConsumerInfo) -> bool:
    """Return whether the consumer delivers to this copy."""
    origin = copy.config.mirror.consumer if copy.config.mirror else None
    return origin is not None and origin.deliver_subject == delivery.config.deliver_subject


def _is_whole(copy: StreamInfo, source: StreamInfo) -> bool:
    """Return whether the copy has all messages of the origin from the first to its own end, and no others."""
    has, had = copy.state, source.state
    begins_later = has.last_seq > 0 and has.first_seq > had.first_seq
    is_of_same_range = (has.first_seq, has.last_seq) == (had.first_seq, had.last_seq)
    has_hole = is_of_same_range and has.messages < had.messages
    return not begins_later and not has_hole and has.last_seq <= had.last_seq


async def _message(jetstream: JetStreamContext, name: str, sequence: int) -> tuple[object, ...] | None:
    """Return the subject, headers and body of a stream's message; None when it does not exist.

    Headers for the server are left out: a mirror drops `Nats-Expected-…` headers.
    """
    try:
        message = await jetstream.get_msg(name, sequence)
    except nats.js.errors.NotFoundError:
        return None
    headers = {name: text for name, text in (message.headers or {}).items() if not name.startswith("Nats-")}
    return message.subject, headers, message.data


async def _stream(jetstream: JetStreamContext, name: str) -> StreamInfo | None:
    try:
        return await jetstream.stream_info(name)
    except nats.js.errors.NotFoundError:
        return None
