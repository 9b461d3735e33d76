"""Copies of the streams that others may read, in an account of NATS where nothing of the hub can be reached.

Who may make a consumer may say where its messages go, and who asks may say where the answer goes: the server sends
both there with a right of its own, into a stream too. So subscribers have an account of their own: what they can name
lies in it, and a mirror takes its messages from its origin only.

A mirror believes a message that comes on its inlet from a consumer with the name of its feed. Both are secret, and what
the copier is answered, which holds them, comes on an inbox that no subscriber may listen to.
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
from extrato.bus.connection import NATS_ERRORS, Bus, compress_like, connect_quietly, heed_cancellation, unusable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo, StreamInfo

COPIED_STREAMS: Final = (PAYMENTS_STREAM, CHECKS_STREAM)

# How the name of the consumer begins that feeds the copy of an origin; the rest is a secret of this hub. From the
# copy's account the server reaches nothing else: it may say from where on it wants the messages, and how many
# have come.
FEED_PREFIX: Final = "subscribers-copy"
ORIGIN_API: Final = "origin.API"
DELIVERY: Final = "copies"

# Subscribers may listen to `_INBOX.>`, all of them to the same.
COPIER_INBOX: Final = "_COPIER"

HEARTBEAT_S: Final = 1
MAX_UNCONFIRMED: Final = 1000
LOOK_AGAIN_S: Final = 1.0

# So many messages of a copy are compared with its origin at each look, besides the last one.
SAMPLES: Final = 2


class Copies:
    """Makes the copies, and sees to it that they stay copies; `feed` is the name of the consumers that feed them."""

    def __init__(self, *, origin: Bus, copies: Bus, feed: str) -> None:
        self._origin = origin
        self._copies = copies
        self._feed = feed
        self._logger = structlog.get_logger(component="copies")

    async def ensure(self) -> None:
        """Make the copies that are missing, and recreate those that hold something else than their origin."""
        await self._origin.ensure_streams()
        for name in COPIED_STREAMS:
            await self._ensure(name)
        heed_cancellation()

    async def run(self) -> None:
        """Look after the copies until cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            # A server that is away is started again by others, and the next look finds it.
            with contextlib.suppress(*NATS_ERRORS):
                await self.ensure()
            heed_cancellation()

    async def _ensure(self, name: str) -> None:
        origin, copies = self._origin.jetstream, self._copies.jetstream
        # The copy is asked first, so that it cannot be ahead of its origin.
        copy, source = await _stream(copies, name), await _stream(origin, name)
        if source is None:
            return
        # A feed goes with its origin, so a copy whose feed is there is a copy of this origin.
        feed = await self._find_feed(name)
        if copy is None or feed is None or not _is_fed_by(copy, feed):
            await self._recreate(name, copy)
            return
        if not _is_whole(copy, source) or await self._differs(name, copy, source):
            self._logger.warning("copy_differs", stream=name, messages=copy.state.messages, last=copy.state.last_seq)
            await self._recreate(name, copy)
            return
        await compress_like(copies, copy.config, self._copy_of(name, inlet=""))
        if copy.state.messages and copy.state.first_seq < source.state.first_seq:
            # A mirror keeps what its origin has let go.
            await copies.purge_stream(name, seq=source.state.first_seq)

    async def _differs(self, name: str, copy: StreamInfo, source: StreamInfo) -> bool:
        """Compare the last message of a copy, and a few others, with those of its origin."""
        first, last = max(copy.state.first_seq, source.state.first_seq), copy.state.last_seq
        if copy.state.messages == 0 or first > last:
            return False
        sequences = {last, *(random.randint(first, last) for _ in range(SAMPLES))}  # noqa: S311 - a sample
        for sequence in sequences:
            copied = await _message(self._copies.jetstream, name, sequence)
            original = await _message(self._origin.jetstream, name, sequence)
            # An origin may let go of what its copy still has.
            if original is not None and copied != original:
                return True
        return False

    async def _recreate(self, name: str, copy: StreamInfo | None) -> None:
        if copy is not None:
            await self._copies.jetstream.delete_stream(name)
        origin = self._origin.jetstream
        for consumer in await origin.consumers_info(name):
            if consumer.name.startswith(FEED_PREFIX):
                await origin.delete_consumer(name, consumer.name)
        inlet = f"{DELIVERY}.{name}.{secrets.token_hex(16)}"
        await origin.add_consumer(name, self._feed_of(inlet))
        await self._copies.jetstream.add_stream(self._copy_of(name, inlet=inlet))

    async def _find_feed(self, name: str) -> ConsumerInfo | None:
        try:
            feed: ConsumerInfo = await self._origin.jetstream.consumer_info(name, self._feed)
        except nats.js.errors.NotFoundError:
            return None
        return feed

    def _feed_of(self, inlet: str) -> ConsumerConfig:
        return ConsumerConfig(
            name=self._feed,
            durable_name=self._feed,
            deliver_subject=inlet,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.FLOW_CONTROL,
            flow_control=True,
            idle_heartbeat=HEARTBEAT_S,
            max_ack_pending=MAX_UNCONFIRMED,
        )

    def _copy_of(self, name: str, *, inlet: str) -> StreamConfig:
        return StreamConfig(
            name=name,
            mirror=StreamSource(
                name=name,
                external=ExternalStream(api=ORIGIN_API, deliver=DELIVERY),
                consumer=StreamConsumerSource(name=self._feed, deliver_subject=inlet),
            ),
            storage=StorageType.FILE,
            compression=StoreCompression.S2,
            deny_delete=True,
            allow_direct=True,
        )


@contextlib.asynccontextmanager
async def open_copies(*, origin_url: str, copies_url: str, feed: str) -> AsyncIterator[Copies]:
    """Connect to both accounts and make the copies; raises `BusUnavailable` or `BusRefused`."""
    async with (
        connect_quietly(origin_url, name="copies-origin") as origin,
        connect_quietly(copies_url, name="copies", inbox_prefix=COPIER_INBOX) as copies,
    ):
        kept = Copies(origin=origin, copies=copies, feed=feed)
        try:
            await kept.ensure()
        except NATS_ERRORS as error:
            raise unusable(error) from error
        yield kept


def new_feed() -> str:
    """Make the name of the consumers that feed the copies of a hub."""
    return f"{FEED_PREFIX}-{secrets.token_hex(16)}"


def _is_fed_by(copy: StreamInfo, feed: ConsumerInfo) -> bool:
    """Tell whether the feed leads into this copy."""
    consumer = copy.config.mirror.consumer if copy.config.mirror else None
    return consumer is not None and consumer.deliver_subject == feed.config.deliver_subject


def _is_whole(copy: StreamInfo, source: StreamInfo) -> bool:
    """Tell whether the copy has its beginning, no hole that its origin has not, and nothing that is not there yet."""
    has, had = copy.state, source.state
    begins_later = has.last_seq > 0 and has.first_seq > had.first_seq
    is_of_same_range = (has.first_seq, has.last_seq) == (had.first_seq, had.last_seq)
    has_hole = is_of_same_range and has.messages < had.messages
    return not begins_later and not has_hole and has.last_seq <= had.last_seq


async def _message(jetstream: JetStreamContext, name: str, sequence: int) -> tuple[object, ...] | None:
    """Read what makes a message of a stream; None when it is not there.

    Headers for the server itself are left out: a mirror drops those that say what a message is to follow.
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
