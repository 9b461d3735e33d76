"""What the stream holds of this log, found out by comparing events and not positions only.

A stream carries one log, by the id in its metadata. Its last event must be the log's event at that position. If it is
not, either others have written to the stream, or the log went back: it was restored from a copy that lacks events
which the stream has. Such events are named, a new epoch begins, and the stream is filled anew: JetStream cannot cut a
tail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import nats.js.errors
import structlog
from msgspec import Struct

from contracts.subjects import (
    HEADER_EPOCH,
    HEADER_ID,
    HEADER_LOG,
    PAYMENTS_STREAM,
    STREAM_EPOCH,
    STREAM_LOG,
)
from extrato.bus.messages import position_of
from extrato.store.codec import UnreadableEvent
from extrato.store.identity import Identity

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.api import StreamConfig, StreamInfo, StreamState

    from extrato.bus.connection import Bus
    from extrato.store.log import LogReader

NAMED_LOSSES: Final = 1000


class ForeignStream(Exception):
    """The stream carries another log; it is left as it is. The message is one sentence for an operator."""


class Holding(Struct, frozen=True, kw_only=True):
    """What the stream holds: events up to `position`, whose id is `event_id`, at sequence numbers up to `sequence`.

    `first_sequence` is where they begin. With `may_shrink` an operator has limited the stream, and its beginning goes.
    """

    identity: Identity
    first_sequence: int
    sequence: int
    position: int
    event_id: str
    may_shrink: bool


class Stored(Struct, frozen=True, kw_only=True):
    """One message of the stream. `log` is None where an older version wrote it."""

    position: int
    previous: int
    event_id: str
    log: str | None
    epoch: int


class StreamReader:
    """Compares the stream `PAYMENTS` with the log."""

    def __init__(self, bus: Bus, log: LogReader) -> None:
        self._bus = bus
        self._log = log
        self._limits_told: tuple[object, ...] = ()
        self._logger = structlog.get_logger(component="relay")

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._bus.jetstream

    async def look(self) -> Holding:
        """Find out how far the stream has come, and empty it where it holds something else; raises `ForeignStream`."""
        await self._bus.ensure_streams()
        identity = await self._log.identity.read()
        info = await self._jetstream.stream_info(PAYMENTS_STREAM)
        may_shrink = self._tell_limits(info.config)
        owner, epoch = _owner(info.config)
        if owner not in {None, str(identity.log_id)}:
            raise ForeignStream(_foreign(owner))
        last = await self._message(info.state.last_seq) if info.state.messages else None
        if last is not None and await self._is_in_log(last) and (may_shrink or await self._is_whole(info.state)):
            identity = await self._in_epoch_after(identity, max(epoch, last.epoch) - 1, last.position)
            await self._sign(info, identity)
            return Holding(
                identity=identity,
                first_sequence=info.state.first_seq,
                sequence=info.state.last_seq,
                position=last.position,
                event_id=last.event_id,
                may_shrink=may_shrink,
            )
        if info.state.messages:
            identity = await self._start_over(info, identity, last, epoch=epoch, owner=owner)
        await self._sign(info, identity)
        return Holding(
            identity=identity,
            first_sequence=info.state.last_seq + 1,
            sequence=info.state.last_seq,
            position=0,
            event_id="",
            may_shrink=may_shrink,
        )

    async def _start_over(
        self, info: StreamInfo, identity: Identity, last: Stored | None, *, epoch: int, owner: str | None
    ) -> Identity:
        """Empty a stream of this log that does not end where the log can go on; gives the identity to fill it with."""
        common_sequence, common = await self._last_common(info.state)
        if owner is None and not common:
            raise ForeignStream(_foreign("nobody"))
        lost = await self._lost(identity, common_sequence, info.state.last_seq) if common_sequence else []
        if lost:
            newest = max(epoch, *(each.epoch for each in lost))
            for each in lost[:NAMED_LOSSES]:
                self._logger.error("log_lost_event", position=each.position, event_id=each.event_id, epoch=each.epoch)
            self._logger.error("log_went_back", last_common=common, lost=len(lost), epoch=newest)
            identity = await self._in_epoch_after(identity, newest, common)
        self._logger.warning("relay_empties_stream", position=last.position if last else None, last_common=common)
        await self._jetstream.purge_stream(PAYMENTS_STREAM)
        return identity

    async def _in_epoch_after(self, identity: Identity, epoch: int, last_common: int) -> Identity:
        """Give an identity whose epoch is above `epoch`."""
        if identity.epoch > epoch:
            return identity
        return await self._log.identity.begin_epoch(epoch, last_common=last_common, reason="the stream knew more")

    async def _sign(self, info: StreamInfo, identity: Identity) -> None:
        """Write into the stream's metadata whose it is."""
        signed = {STREAM_LOG: str(identity.log_id), STREAM_EPOCH: str(identity.epoch)}
        known = info.config.metadata or {}
        if not signed.items() <= known.items():
            await self._jetstream.update_stream(info.config.evolve(metadata={**known, **signed}))

    async def _last_common(self, state: StreamState) -> tuple[int, int]:
        """Find the last message whose event the log has; gives its sequence number and position, or zeros."""
        low, high = state.first_seq - 1, state.last_seq
        position = 0
        while low < high:
            middle = (low + high + 1) // 2
            message = await self._message(middle)
            if message is not None and await self._is_in_log(message):
                low, position = middle, message.position
            else:
                high = middle - 1
        return (low, position) if position else (0, 0)

    async def _lost(self, identity: Identity, after: int, last: int) -> list[Stored]:
        """Give the events behind a message that this log had once: each names the log and its place in the chain."""
        lost: list[Stored] = []
        for sequence in range(after + 1, last + 1):
            message = await self._message(sequence)
            if message is None or message.log not in {None, str(identity.log_id)} or not message.event_id:
                break
            lost.append(message)
        return lost

    async def _is_whole(self, state: StreamState) -> bool:
        first = await self._message(state.first_seq)
        return first is not None and first.previous == 0

    async def _is_in_log(self, message: Stored) -> bool:
        return await self._log.event_id_at(message.position) == message.event_id

    async def _message(self, sequence: int) -> Stored | None:
        """Read a message of the stream; None when there is none there, or none of the hub's."""
        try:
            message = await self._jetstream.get_msg(PAYMENTS_STREAM, seq=sequence)
            position, previous = position_of(message)
        except (nats.js.errors.NotFoundError, UnreadableEvent):
            return None
        headers = message.headers or {}
        epoch = headers.get(HEADER_EPOCH, "0")
        return Stored(
            position=position,
            previous=previous,
            event_id=headers.get(HEADER_ID, ""),
            log=headers.get(HEADER_LOG),
            epoch=int(epoch) if epoch.isdigit() else 0,
        )

    def _tell_limits(self, config: StreamConfig) -> bool:
        """Say once what an operator's limits mean; says whether there are any."""
        limits = tuple(
            limit if limit and limit > 0 else None for limit in (config.max_msgs, config.max_bytes, config.max_age)
        )
        is_limited = any(limits)
        if is_limited and limits != self._limits_told:
            self._logger.warning(
                "stream_is_limited",
                max_msgs=limits[0],
                max_bytes=limits[1],
                max_age_s=limits[2],
                meaning="subscribers that begin or fall behind do not get the oldest events",
            )
        self._limits_told = limits
        return is_limited


def _owner(config: StreamConfig) -> tuple[str | None, int]:
    """Read whose a stream is, and in which epoch it was written to last."""
    metadata = config.metadata or {}
    epoch = metadata.get(STREAM_EPOCH, "0")
    return metadata.get(STREAM_LOG), int(epoch) if epoch.isdigit() else 0


def _foreign(owner: str | None) -> str:
    return f"The stream {PAYMENTS_STREAM} of this NATS carries another log ({owner}); give this hub a NATS of its own."
