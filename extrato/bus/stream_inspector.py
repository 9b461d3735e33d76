"""What the stream holds of this log, found out by comparing events and not positions only.

A stream carries one log, by the id in its metadata. Its last event must be the log's event at that position. If it is
not, either others have written to the stream, or the log went back: it was restored from a copy that lacks events
which the stream has. Such events are named, a new epoch begins, and the stream is filled anew: JetStream cannot cut a
tail.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import nats.js.errors
import structlog
from msgspec import Struct

from contracts.subjects import (
    HEADER_EPOCH,
    HEADER_ID,
    HEADER_LOG,
    HEADER_SUBJECT,
    PAYMENTS_STREAM,
    STREAM_BUS,
    STREAM_EPOCH,
    STREAM_LOG,
)
from extrato.bus.lease import leader_bus_id
from extrato.bus.messages import fits, position_of, to_message
from extrato.store.codec import UnreadableEvent
from extrato.store.identity import Identity

if TYPE_CHECKING:
    import asyncpg
    from nats.js import JetStreamContext
    from nats.js.api import StreamConfig, StreamInfo, StreamState

    from extrato.bus.connection import Bus
    from extrato.bus.lease import RelayProgress
    from extrato.store.codec import LogRow
    from extrato.store.log import LogReader

FIRST_EPOCH: Final = 1
ANY_SUBJECT: Final = ">"
NAMED_IN_A_LINE: Final = 500
CHECKS: Final = 10
CHECK_AGAIN_S: Final = 0.5
# As many messages as a relay may have in flight, and as many again.
COMPARED: Final = 8000


class ForeignStream(Exception):
    """The stream carries another log; it is left as it is. The message is one sentence for an operator."""


class StreamContents(Struct, frozen=True, kw_only=True):
    """What the stream holds: events up to `position`, whose id is `event_id`, at sequence numbers up to `sequence`.

    `first_sequence` is where they begin. With `may_shrink` an operator has limited the stream, and its beginning goes.
    A message has at most `max_message_bytes`. With `begins_epoch` the stream is not signed with the epoch yet.
    """

    identity: Identity
    bus_id: str
    first_sequence: int
    sequence: int
    position: int
    event_id: str
    may_shrink: bool
    max_message_bytes: int
    begins_epoch: bool


class LossReport(Struct, frozen=True, kw_only=True):
    """What the stream knows and the log may have lost: the newest of each, and how many events are lost."""

    position: int
    payment_id: int
    epoch: int
    last_common: int
    lost: int


class StoredMessage(Struct, frozen=True, kw_only=True):
    """One message of the stream. `log` is None where an older version wrote it."""

    sequence: int
    position: int
    previous: int
    event_id: str
    payment_id: int
    log: str | None
    epoch: int


class StreamInspector:
    """Compares the stream `PAYMENTS` with the log."""

    def __init__(self, bus: Bus, log: LogReader) -> None:
        self._bus = bus
        self._log = log
        self._logged_limits: tuple[object, ...] = ()
        self._logger = structlog.get_logger(component="relay")

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._bus.jetstream

    async def reconcile(
        self, known: tuple[int, int] | None = None, *, progress: RelayProgress | None = None
    ) -> StreamContents:
        """Find out how far the stream has come, and empty it where it holds something else; raises `ForeignStream`.

        `known` is a sequence number with its position up to which the stream was right. What came behind it is compared
        message by message: a foreign one that took the place of one in flight is refused by no later one.
        `progress` tells what a stream held last that an operator's limits have emptied.
        """
        await self._bus.ensure_streams()
        identity = await self._log.identity.read()
        info = await self._jetstream.stream_info(PAYMENTS_STREAM)
        may_shrink = self._log_limits(info.config)
        owner, epoch = _owner(info.config)
        if owner not in {None, str(identity.log_id)}:
            raise ForeignStream(_foreign(owner))
        max_bytes = self._max_bytes(info.config)
        last = await self._message(info.state.last_seq) if info.state.messages else None
        if (
            last is not None
            and await self._is_in_log(last)
            and (may_shrink or await self._is_whole(info.state, identity, max_bytes))
            and (known is None or await self._is_right_behind(known, info.state, last, identity, max_bytes))
        ):
            identity = await self._in_epoch_after(identity, max(epoch, last.epoch) - 1, last.position)
            first, position, event_id = info.state.first_seq, last.position, last.event_id
        else:
            first, position, event_id = info.state.last_seq + 1, 0, ""
            if info.state.messages:
                identity = await self._empty_stream(info, identity, last, epoch=epoch, owner=owner)
            elif may_shrink and progress is not None and await self._has_aged(info, identity, progress):
                position, event_id = progress.position, progress.event_id
        begins_epoch = identity.epoch > max(epoch, FIRST_EPOCH)
        return StreamContents(
            identity=identity,
            bus_id=await self._sign(info, identity, epoch=epoch if begins_epoch else identity.epoch),
            first_sequence=first,
            sequence=info.state.last_seq,
            position=position,
            event_id=event_id,
            may_shrink=may_shrink,
            max_message_bytes=max_bytes,
            begins_epoch=begins_epoch,
        )

    async def sign_epoch(self, identity: Identity) -> None:
        """Write into the stream's metadata that its subscribers were told of the epoch."""
        await self._sign(await self._jetstream.stream_info(PAYMENTS_STREAM), identity, epoch=identity.epoch)

    async def check(self, pool: asyncpg.Pool) -> None:
        """See that this NATS carries this log, or nothing yet; raises `ForeignStream`.

        When a relay leads, it must be this NATS that it leads to. A stream that was lost a moment ago gets its id when
        the leader makes it, so that it is asked for several times.
        """
        for _ in range(CHECKS):
            identity, metadata = await self._log.identity.read(), await self._metadata()
            owner, bus_id = metadata.get(STREAM_LOG), await leader_bus_id(pool)
            if owner not in {None, str(identity.log_id)}:
                raise ForeignStream(_foreign(owner))
            if bus_id is None or metadata.get(STREAM_BUS) == bus_id:
                return
            await asyncio.sleep(CHECK_AGAIN_S)
        raise ForeignStream("The relay of this log leads to another NATS: every process of a hub uses the same one.")

    async def _metadata(self) -> dict[str, str]:
        try:
            return (await self._jetstream.stream_info(PAYMENTS_STREAM)).config.metadata or {}
        except nats.js.errors.NotFoundError:
            return {}

    async def report_losses(self) -> LossReport:
        """Find out what the stream knows and the log may have lost, and change neither; raises `ForeignStream`."""
        identity, head = await self._log.identity.read(), await self._log.head()
        try:
            info = await self._jetstream.stream_info(PAYMENTS_STREAM)
        except nats.js.errors.NotFoundError:
            return LossReport(position=0, payment_id=0, epoch=0, last_common=head, lost=0)
        owner, epoch = _owner(info.config)
        if owner not in {None, str(identity.log_id)}:
            raise ForeignStream(_foreign(owner))
        last = await self._message(info.state.last_seq) if info.state.messages else None
        if last is None or await self._is_in_log(last):
            return LossReport(position=0, payment_id=0, epoch=epoch, last_common=head, lost=0)
        sequence, common = await self._last_common(info.state)
        lost = await self._lost(identity, sequence or info.state.first_seq - 1, info.state.last_seq)
        return LossReport(
            position=max((each.position for each in lost), default=0),
            payment_id=max((each.payment_id for each in lost), default=0),
            epoch=max((epoch, *(each.epoch for each in lost))),
            last_common=common,
            lost=len(lost),
        )

    async def _empty_stream(
        self, info: StreamInfo, identity: Identity, last: StoredMessage | None, *, epoch: int, owner: str | None
    ) -> Identity:
        """Empty a stream of this log that does not end where the log can go on; gives the identity to fill it with."""
        sequence, common = await self._last_common(info.state)
        if owner is None and not common:
            raise ForeignStream(_foreign("nobody"))
        lost = await self._lost(identity, sequence or info.state.first_seq - 1, info.state.last_seq)
        if lost:
            newest = max(epoch, *(each.epoch for each in lost))
            for first in range(0, len(lost), NAMED_IN_A_LINE):
                # A fact has so many lines: a loss of thousands of events is named all the same.
                named = [[each.position, each.event_id] for each in lost[first : first + NAMED_IN_A_LINE]]
                self._logger.error("log_lost_events", events=named)
            self._logger.error("log_went_back", last_common=common, lost=len(lost), epoch=newest)
            identity = await self._in_epoch_after(identity, newest, common)
            await self._log.recorder.right_sequences(
                position=max(each.position for each in lost), payment=max(each.payment_id for each in lost)
            )
        self._logger.warning("relay_empties_stream", position=last.position if last else None, last_common=common)
        await self._jetstream.purge_stream(PAYMENTS_STREAM)
        return identity

    async def _in_epoch_after(self, identity: Identity, epoch: int, last_common: int) -> Identity:
        """Give an identity whose epoch is above `epoch`."""
        if identity.epoch > epoch:
            return identity
        return await self._log.identity.begin_epoch(epoch, last_common=last_common, reason="the stream knew more")

    async def _has_aged(self, info: StreamInfo, identity: Identity, progress: RelayProgress) -> bool:
        """Say whether an empty stream is as this log left it, and only its messages grew too old."""
        _, epoch = _owner(info.config)
        return (
            (info.config.metadata or {}).get(STREAM_BUS) == progress.bus_id
            and info.state.last_seq == progress.sequence
            and epoch == identity.epoch
            and await self._log.event_id_at(progress.position) == progress.event_id
        )

    async def _sign(self, info: StreamInfo, identity: Identity, *, epoch: int) -> str:
        """Write into the stream's metadata whose it is; gives the id of this NATS."""
        known = info.config.metadata or {}
        bus_id: str = known.get(STREAM_BUS) or uuid4().hex
        signed = {STREAM_LOG: str(identity.log_id), STREAM_EPOCH: str(epoch), STREAM_BUS: bus_id}
        if not signed.items() <= known.items():
            await self._jetstream.update_stream(info.config.evolve(metadata={**known, **signed}))
        return bus_id

    async def _last_common(self, state: StreamState) -> tuple[int, int]:
        """Find the last message whose event the log has; gives its sequence number and position, or zeros."""
        low, high = state.first_seq - 1, state.last_seq
        position = 0
        while low < high:
            middle = (low + high + 1) // 2
            message = await self._message(middle, or_next=True)
            if message is not None and message.sequence <= high and await self._is_in_log(message):
                low, position = message.sequence, message.position
            else:
                high = middle - 1
        return (low, position) if position else (0, 0)

    async def _lost(self, identity: Identity, after: int, last: int) -> list[StoredMessage]:
        """Give the events behind a message that this log had once: each names the log and its place in the chain."""
        lost: list[StoredMessage] = []
        while after < last:
            message = await self._message(after + 1, or_next=True)
            if message is None or message.log not in {None, str(identity.log_id)} or not message.event_id:
                break
            lost.append(message)
            after = message.sequence
        return lost

    async def _is_whole(self, state: StreamState, identity: Identity, max_bytes: int) -> bool:
        """Say whether the stream has its beginning: before its first message is nothing that could be published."""
        first = await self._message(state.first_seq)
        return first is not None and (
            first.previous == 0 or await self._published_between(0, first.previous, identity, max_bytes) == []
        )

    async def _is_right_behind(
        self, known: tuple[int, int], state: StreamState, last: StoredMessage, identity: Identity, max_bytes: int
    ) -> bool:
        """Say whether the stream has the log's events behind what is known of it, and no other messages."""
        sequence, position = known
        if state.first_seq > sequence + 1 or state.last_seq - sequence > COMPARED:
            # Another relay has filled it since.
            return True
        messages = [await self._message(number) for number in range(sequence + 1, state.last_seq + 1)]
        found = [message.position if message else 0 for message in messages]
        return found == await self._published_between(position, last.position, identity, max_bytes)

    async def _published_between(self, after: int, up_to: int, identity: Identity, max_bytes: int) -> list[int] | None:
        """Give the positions of the events that can be published; None when there are too many to tell."""
        rows = await self._log.read_rows(after, up_to=up_to, limit=COMPARED + 1)
        return None if len(rows) > COMPARED else [row.id for row in rows if _is_published(row, identity, max_bytes)]

    async def _is_in_log(self, message: StoredMessage) -> bool:
        return await self._log.event_id_at(message.position) == message.event_id

    async def _message(self, sequence: int, *, or_next: bool = False) -> StoredMessage | None:
        """Read a message of the stream, or the next one; None when there is none there, or none of the hub's."""
        subject = ANY_SUBJECT if or_next else None
        try:
            message = await self._jetstream.get_msg(PAYMENTS_STREAM, seq=sequence, subject=subject, next=or_next)
            position, previous = position_of(message)
        except (nats.js.errors.NotFoundError, UnreadableEvent):
            return None
        headers = message.headers or {}
        return StoredMessage(
            sequence=message.seq or sequence,
            position=position,
            previous=previous,
            event_id=headers.get(HEADER_ID, ""),
            payment_id=_number(headers.get(HEADER_SUBJECT)),
            log=headers.get(HEADER_LOG),
            epoch=_number(headers.get(HEADER_EPOCH)),
        )

    def _max_bytes(self, config: StreamConfig) -> int:
        """Give how large a message may be: an operator may allow less than the server does."""
        allowed: int = self._bus.client.max_payload
        return min(allowed, config.max_msg_size) if config.max_msg_size and config.max_msg_size > 0 else allowed

    def _log_limits(self, config: StreamConfig) -> bool:
        """Say once what an operator's limits mean; says whether there are any."""
        limits = tuple(
            limit if limit and limit > 0 else None for limit in (config.max_msgs, config.max_bytes, config.max_age)
        )
        is_limited = any(limits)
        if is_limited and limits != self._logged_limits:
            self._logger.warning(
                "stream_is_limited",
                max_msgs=limits[0],
                max_bytes=limits[1],
                max_age_s=limits[2],
                meaning="subscribers that begin or fall behind do not get the oldest events",
            )
        self._logged_limits = limits
        return is_limited


def _is_published(row: LogRow, identity: Identity, max_bytes: int) -> bool:
    try:
        return fits(to_message(row, previous=row.id, identity=identity), max_bytes=max_bytes)
    except UnreadableEvent:
        return False


def _owner(config: StreamConfig) -> tuple[str | None, int]:
    """Read whose a stream is, and in which epoch it was written to last."""
    metadata = config.metadata or {}
    return metadata.get(STREAM_LOG), _number(metadata.get(STREAM_EPOCH))


def _number(text: str | None) -> int:
    """Read a number of up to 18 digits; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _foreign(owner: str | None) -> str:
    return f"The stream {PAYMENTS_STREAM} of this NATS carries another log ({owner}); give this hub a NATS of its own."
