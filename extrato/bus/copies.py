"""Copies of the streams that others may read, in an account of NATS where nothing of the hub can be reached.

Who may make a consumer may say where its messages go, and the server sends them there with a right of its own, into
a stream too. So subscribers have an account of their own: what they can name lies in it, and a mirror takes its
messages from its origin only.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import nats.js.errors
from nats.js.api import ExternalStream, StorageType, StreamConfig, StreamSource

from contracts.subjects import CHECKS_STREAM, PAYMENTS_STREAM
from extrato.bus.connection import BUS_AWAY, UNUSABLE, Bus, connect_quietly, heed_cancellation
from extrato.errors import BusUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nats.js import JetStreamContext
    from nats.js.api import StreamInfo

COPIED_STREAMS: Final = (PAYMENTS_STREAM, CHECKS_STREAM)

# How the server reaches the origin from the copy's account: where it asks for the messages, and where they come.
ORIGIN_API: Final = "origin.API"
DELIVERY: Final = "copies"

LOOK_AGAIN_S: Final = 1.0
ORIGIN_MADE_AT: Final = "origin-made-at"


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

    async def run(self) -> None:
        """Look after the copies until cancelled."""
        while True:
            heed_cancellation()
            await asyncio.sleep(LOOK_AGAIN_S)
            # A server that is away is started again by others, and the next look finds it.
            with contextlib.suppress(*BUS_AWAY):
                await self.ensure()

    async def _ensure(self, name: str) -> None:
        # The copy is asked first, so that it cannot be ahead of its origin.
        copy, origin = await _info(self._copies.jetstream, name), await _info(self._origin.jetstream, name)
        if origin is None:
            return
        made_at = str(origin.created)
        if copy is not None and not _is_copy(copy, origin, made_at):
            await self._copies.jetstream.delete_stream(name)
            copy = None
        if copy is None:
            await self._copies.jetstream.add_stream(_copy_of(name, made_at))
        elif copy.state.messages and copy.state.first_seq < origin.state.first_seq:
            # A mirror keeps what its origin has let go.
            await self._copies.jetstream.purge_stream(name, seq=origin.state.first_seq)


@contextlib.asynccontextmanager
async def open_copies(*, origin_url: str, copies_url: str) -> AsyncIterator[Copies]:
    """Connect to both accounts and make the copies; raises `BusUnavailable`."""
    async with (
        connect_quietly(origin_url, name="copies-origin") as origin,
        connect_quietly(copies_url, name="copies") as copies,
    ):
        kept = Copies(origin=origin, copies=copies)
        try:
            await kept.ensure()
        except BUS_AWAY as error:
            raise BusUnavailable(UNUSABLE) from error
        yield kept


def _copy_of(name: str, made_at: str) -> StreamConfig:
    external = ExternalStream(api=ORIGIN_API, deliver=f"{DELIVERY}.{name}")
    return StreamConfig(
        name=name,
        mirror=StreamSource(name=name, external=external),
        storage=StorageType.FILE,
        deny_delete=True,
        allow_direct=True,
        metadata={ORIGIN_MADE_AT: made_at},
    )


def _is_copy(copy: StreamInfo, origin: StreamInfo, made_at: str) -> bool:
    """Tell a copy from one of an earlier stream of this name, and from one that lost its beginning."""
    begins_later = copy.state.last_seq > 0 and copy.state.first_seq > origin.state.first_seq
    return (copy.config.metadata or {}).get(ORIGIN_MADE_AT) == made_at and not begins_later


async def _info(jetstream: JetStreamContext, name: str) -> StreamInfo | None:
    try:
        return await jetstream.stream_info(name)
    except nats.js.errors.NotFoundError:
        return None
