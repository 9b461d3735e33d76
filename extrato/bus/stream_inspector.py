"""Compares the stream with the log by events, not only by positions.

A stream carries one log; its metadata has the log's id. Its last event must be the log's event at that position.
Otherwise another client wrote to the stream, or the log went back: a restored copy lacks events that the stream has.
The inspector then logs the lost events, begins an epoch and empties the stream, because JetStream cannot remove the
last messages only.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import nats.js.errors
import structlog
from msgspec import Struct

from contracts.digits import POSITION_DIGITS, number_in
from contracts.subjects import (
    DEAD_STREAM,
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
# Twice as many messages as a relay may have in flight.
COMPARED: Final = 8000


class ForeignStream(Exception):
    """The stream carries another log and is left unchanged. The message is one sentence for an operator."""


class StreamContents(Struct, frozen=True, kw_only=True):
    """The stream's events: the last one is `event_id` at `position`, with the sequence number `sequence`.

    The first one has `first_sequence`. With `may_shrink`, an operator has limited the stream, and its oldest messages
    disappear. A message has at most `max_message_bytes`. With `begins_epoch`, the stream's metadata still has an older
    epoch.
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
    """The newest position, payment id and epoch that the log may have lost, and the number of lost events."""

    position: int
    payment_id: int
    epoch: int
    last_common: int
    lost: int


class StoredMessage(Struct, frozen=True, kw_only=True):
    """One message of the stream. `log` is None when an older version published it."""

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
        """Return what the stream has of the log; empty a stream with other messages. Raises `ForeignStream`.

        `known` is a sequence number and its position up to which the stream was correct. Later messages are compared
        one by one: no later message fails after a foreign one that took the number of a message in flight. `progress`
        is the last known event of a stream that an operator's limits may have emptied.
        """
        await self._bus.ensure_streams()
        identity = await self._log.identity.read()
        info = await self._jetstream.stream_info(PAYMENTS_STREAM)
        may_shrink = self._log_limits(info.config)
        owner, epoch = _owner(info.config)
        _check_owner(owner, identity)
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
        """Write the epoch into the stream's metadata, after its announcement to subscribers."""
        await self._sign(await self._jetstream.stream_info(PAYMENTS_STREAM), identity, epoch=identity.epoch)

    async def check(self, pool: asyncpg.Pool) -> None:
        """Check that this NATS carries this log or none, and that a leading relay uses it; raises `ForeignStream`.

        A recreated stream gets its id when the leader signs it, so the check is repeated several times.
        """
        for _ in range(CHECKS):
            identity, metadata = await self._log.identity.read(), await self._metadata()
            owner, bus_id = metadata.get(STREAM_LOG), await leader_bus_id(pool)
            _check_owner(owner, identity)
            if bus_id is None or metadata.get(STREAM_BUS) == bus_id:
                return
            await asyncio.sleep(CHECK_AGAIN_S)
        raise ForeignStream("The relay of this log uses another NATS: every process of a hub must use the same one.")

    async def _metadata(self) -> dict[str, str]:
        try:
            return (await self._jetstream.stream_info(PAYMENTS_STREAM)).config.metadata or {}
        except nats.js.errors.NotFoundError:
            return {}

    async def report_losses(self) -> LossReport:
        """Report the stream's events that the log may have lost, without changes; raises `ForeignStream`."""
        identity, head = await self._log.identity.read(), await self._log.head()
        try:
            info = await self._jetstream.stream_info(PAYMENTS_STREAM)
        except nats.js.errors.NotFoundError:
            return LossReport(position=0, payment_id=0, epoch=0, last_common=head, lost=0)
        owner, epoch = _owner(info.config)
        _check_owner(owner, identity)
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

    async def empty_streams(self) -> int:
        """Empty every stream that has data of events, also dead letters; return the stream's newest epoch, or 0.

        The relay fills the stream of payments again, and the copies follow. Raises `ForeignStream`.
        """
        identity, epoch = await self._log.identity.read(), 0
        try:
            owner, epoch = _owner((await self._jetstream.stream_info(PAYMENTS_STREAM)).config)
            _check_owner(owner, identity)
            await self._jetstream.purge_stream(PAYMENTS_STREAM)
        except nats.js.errors.NotFoundError:
            pass
        with contextlib.suppress(nats.js.errors.NotFoundError):
            await self._jetstream.purge_stream(DEAD_STREAM)
        return epoch

    async def _empty_stream(
        self, info: StreamInfo, identity: Identity, last: StoredMessage | None, *, epoch: int, owner: str | None
    ) -> Identity:
        """Empty a stream whose end differs from the log; return the identity for the next messages."""
        sequence, common = await self._last_common(info.state)
        if owner is None and not common:
            raise ForeignStream(_foreign("unknown"))
        lost = await self._lost(identity, sequence or info.state.first_seq - 1, info.state.last_seq)
        if lost:
            newest = max(epoch, *(each.epoch for each in lost))
            for first in range(0, len(lost), NAMED_IN_A_LINE):
                # Many events a line: the log throttle would drop thousands of lines.
                named = [[each.position, each.event_id] for each in lost[first : first + NAMED_IN_A_LINE]]
                self._logger.error("log_lost_events", events=named)
            self._logger.error("log_went_back", last_common=common, lost=len(lost), epoch=newest)
            identity = await self._in_epoch_after(identity, newest, common)
            await self._log.recorder.advance_sequences(
                position=max(each.position for each in lost), payment=max(each.payment_id for each in lost)
            )
        self._logger.warning("relay_empties_stream", position=last.position if last else None, last_common=common)
        await self._jetstream.purge_stream(PAYMENTS_STREAM)
        return identity

    async def _in_epoch_after(self, identity: Identity, epoch: int, last_common: int) -> Identity:
        """Return an identity with an epoch above `epoch`."""
        if identity.epoch > epoch:
            return identity
        return await self._log.identity.begin_epoch(epoch, last_common=last_common, reason="the stream knew more")

    async def _has_aged(self, info: StreamInfo, identity: Identity, progress: RelayProgress) -> bool:
        """Return whether an empty stream is unchanged except for expired messages."""
        _, epoch = _owner(info.config)
        return (
            (info.config.metadata or {}).get(STREAM_BUS) == progress.bus_id
            and info.state.last_seq == progress.sequence
            and epoch == identity.epoch
            and await self._log.event_id_at(progress.position) == progress.event_id
        )

    async def _sign(self, info: StreamInfo, identity: Identity, *, epoch: int) -> str:
        """Write the log's id and epoch into the stream's metadata; return the id of this NATS."""
        known = info.config.metadata or {}
        bus_id: str = known.get(STREAM_BUS) or uuid4().hex
        signed = {STREAM_LOG: str(identity.log_id), STREAM_EPOCH: str(epoch), STREAM_BUS: bus_id}
        if not signed.items() <= known.items():
            await self._jetstream.update_stream(info.config.evolve(metadata={**known, **signed}))
        return bus_id

    async def _last_common(self, state: StreamState) -> tuple[int, int]:
        """Return the sequence number and position of the last message whose event the log has, or zeros."""
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
        """Return the messages after sequence number `after` that name this log, whose events it has lost."""
        lost: list[StoredMessage] = []
        while after < last:
            message = await self._message(after + 1, or_next=True)
            if message is None or message.log not in {None, str(identity.log_id)} or not message.event_id:
                break
            lost.append(message)
            after = message.sequence
        return lost

    async def _is_whole(self, state: StreamState, identity: Identity, max_bytes: int) -> bool:
        """Return whether the log has no publishable event before the stream's first message."""
        first = await self._message(state.first_seq)
        return first is not None and (
            first.previous == 0 or await self._published_between(0, first.previous, identity, max_bytes) == []
        )

    async def _is_right_behind(
        self, known: tuple[int, int], state: StreamState, last: StoredMessage, identity: Identity, max_bytes: int
    ) -> bool:
        """Return whether the stream's messages after `known` are the log's events, and no others."""
        sequence, position = known
        if state.first_seq > sequence + 1 or state.last_seq - sequence > COMPARED:
            # Another relay has filled the stream since.
            return True
        messages = [await self._message(number) for number in range(sequence + 1, state.last_seq + 1)]
        found = [message.position if message else 0 for message in messages]
        return found == await self._published_between(position, last.position, identity, max_bytes)

    async def _published_between(self, after: int, up_to: int, identity: Identity, max_bytes: int) -> list[int] | None:
        """Return the positions of the publishable events; None for more than `COMPARED` rows."""
        rows = await self._log.read_rows(after, up_to=up_to, limit=COMPARED + 1)
        return None if len(rows) > COMPARED else [row.id for row in rows if _is_published(row, identity, max_bytes)]

    async def _is_in_log(self, message: StoredMessage) -> bool:
        return await self._log.event_id_at(message.position) == message.event_id

    async def _message(self, sequence: int, *, or_next: bool = False) -> StoredMessage | None:
        """Return a message of the stream, or the next one; None when it is missing or not the hub's."""
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
        """Return the largest size of a message: an operator's limit may be below the server's."""
        allowed: int = self._bus.client.max_payload
        return min(allowed, config.max_msg_size) if config.max_msg_size and config.max_msg_size > 0 else allowed

    def _log_limits(self, config: StreamConfig) -> bool:
        """Log once what an operator's limits mean; return whether there are limits."""
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
    """Return the log id and the epoch of a stream's metadata."""
    metadata = config.metadata or {}
    return metadata.get(STREAM_LOG), _number(metadata.get(STREAM_EPOCH))


def _check_owner(owner: str | None, identity: Identity) -> None:
    """Raise `ForeignStream` for a stream that carries another log."""
    if owner not in {None, str(identity.log_id)}:
        raise ForeignStream(_foreign(owner))


def _number(text: str | None) -> int:
    """Return the number of a header or of metadata; 0 for any other text."""
    return number_in(text or "", digits=POSITION_DIGITS) or 0


def _foreign(owner: str | None) -> str:
    return f"The stream {PAYMENTS_STREAM} of this NATS carries another log ({owner}); give this hub a separate NATS."
