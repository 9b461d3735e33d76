"""Copies of the streams that others may read, in an account of NATS where nothing of the hub can be reached.

Who may make a consumer may say where its messages go, and who asks may say where the answer goes: the server sends
both there with a right of its own, into a stream too. So subscribers have an account of their own: what they can name
lies in it, and a mirror takes its messages from its origin only.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Final

import nats.js.errors
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
from extrato.bus.connection import BUS_AWAY, Bus, compress_like, connect_quietly, heed_cancellation, unusable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo, StreamInfo

COPIED_STREAMS: Final = (PAYMENTS_STREAM, CHECKS_STREAM)

# The consumer of an origin that feeds its copy. From the copy's account the server reaches nothing else: it may say
# from where on it wants the messages, and how many have come.
FEED: Final = "subscribers-copy"
ORIGIN_API: Final = "origin.API"
DELIVERY: Final = "copies"

HEARTBEAT_S: Final = 1
MAX_UNCONFIRMED: Final = 1000
LOOK_AGAIN_S: Final = 1.0


class Copies:
    """Makes the copies, and sees to it that they stay copies."""

    def __init__(self, *, origin: Bus, copies: Bus) -> None:
        self._origin = origin
        self._copies = copies

    async def ensure(self) -> None:
        """Make the copies that are missing, and make those anew that are copies of something else."""
        await self._origin.ensure_streams()
        for name in COPIED_STREAMS:
            await self._ensure(name)
        heed_cancellation()

    async def run(self) -> None:
        """Look after the copies until cancelled."""
        while True:
            await asyncio.sleep(LOOK_AGAIN_S)
            # A server that is away is started again by others, and the next look finds it.
            with contextlib.suppress(*BUS_AWAY):
                await self.ensure()
            heed_cancellation()

    async def _ensure(self, name: str) -> None:
        origin, copies = self._origin.jetstream, self._copies.jetstream
        # The copy is asked first, so that it cannot be ahead of its origin.
        copy, source = await _stream(copies, name), await _stream(origin, name)
        if source is None:
            return
        # A feed goes with its origin, so a copy whose feed is there is a copy of this origin.
        feed = await _feed(origin, name)
        if copy is None or feed is None or not _is_whole(copy, source, feed):
            await self._make_anew(name, copy, feed)
            return
        await compress_like(copies, copy.config, _copy_of(name, inlet=""))
        if copy.state.messages and copy.state.first_seq < source.state.first_seq:
            # A mirror keeps what its origin has let go.
            await copies.purge_stream(name, seq=source.state.first_seq)

    async def _make_anew(self, name: str, copy: StreamInfo | None, feed: ConsumerInfo | None) -> None:
        if copy is not None:
            await self._copies.jetstream.delete_stream(name)
        if feed is not None:
            await self._origin.jetstream.delete_consumer(name, FEED)
        # Who knew this name could have the server send other messages there, and they would be taken for the origin's.
        inlet = f"{DELIVERY}.{name}.{secrets.token_hex(16)}"
        await self._origin.jetstream.add_consumer(name, _feed_of(inlet))
        await self._copies.jetstream.add_stream(_copy_of(name, inlet=inlet))


@contextlib.asynccontextmanager
async def open_copies(*, origin_url: str, copies_url: str) -> AsyncIterator[Copies]:
    """Connect to both accounts and make the copies; raises `BusUnavailable` or `BusRefused`."""
    async with (
        connect_quietly(origin_url, name="copies-origin") as origin,
        connect_quietly(copies_url, name="copies") as copies,
    ):
        kept = Copies(origin=origin, copies=copies)
        try:
            await kept.ensure()
        except BUS_AWAY as error:
            raise unusable(error) from error
        yield kept


def _feed_of(inlet: str) -> ConsumerConfig:
    return ConsumerConfig(
        name=FEED,
        durable_name=FEED,
        deliver_subject=inlet,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.FLOW_CONTROL,
        flow_control=True,
        idle_heartbeat=HEARTBEAT_S,
        max_ack_pending=MAX_UNCONFIRMED,
    )


def _copy_of(name: str, *, inlet: str) -> StreamConfig:
    return StreamConfig(
        name=name,
        mirror=StreamSource(
            name=name,
            external=ExternalStream(api=ORIGIN_API, deliver=DELIVERY),
            consumer=StreamConsumerSource(name=FEED, deliver_subject=inlet),
        ),
        storage=StorageType.FILE,
        compression=StoreCompression.S2,
        deny_delete=True,
        allow_direct=True,
    )


def _is_whole(copy: StreamInfo, source: StreamInfo, feed: ConsumerInfo) -> bool:
    """Tell whether the feed leads into this copy, and whether the copy still has its beginning."""
    consumer = copy.config.mirror.consumer if copy.config.mirror else None
    begins_later = copy.state.last_seq > 0 and copy.state.first_seq > source.state.first_seq
    return consumer is not None and consumer.deliver_subject == feed.config.deliver_subject and not begins_later


async def _stream(jetstream: JetStreamContext, name: str) -> StreamInfo | None:
    try:
        return await jetstream.stream_info(name)
    except nats.js.errors.NotFoundError:
        return None


async def _feed(jetstream: JetStreamContext, name: str) -> ConsumerInfo | None:
    try:
        feed: ConsumerInfo = await jetstream.consumer_info(name, FEED)
    except nats.js.errors.NotFoundError:
        return None
    return feed
