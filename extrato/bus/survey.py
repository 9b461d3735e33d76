"""Reads what `extrato check` and `extrato status` report about NATS; nothing is created or changed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Final

import nats.js.errors
from msgspec import Struct

from contracts.subjects import DEAD_STREAM, PAYMENTS_STREAM, SWEEPS_STREAM
from extrato.bus import timers
from extrato.bus.connection import NATS_ERRORS, STREAMS, bus_error_of, connect_without_logs
from extrato.bus.copies import COPIED_STREAMS, COPIER_INBOX, DELIVERY_CONSUMER_PREFIX
from extrato.bus.messages import position_of
from extrato.bus.publisher import can_publish
from extrato.store.codec import UnreadableEvent

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.api import ConsumerInfo, StreamConfig

WITHIN_S: Final = 2.0

# The durable consumer of each role, which asks for messages without a pause while the role works. Between two requests
# it waits for none, so a consumer is asked a few times.
CONSUMER_OF_ROLE: Final = {
    "monitor": (SWEEPS_STREAM, timers.CONSUMER),
    "projections": (PAYMENTS_STREAM, "projections-read-models"),
}
LOOKS: Final = 6
PAUSE_S: Final = 0.25

# An operator may set replicas and larger limits; of the rest, the hub relies on these.
COMPARED: Final = (
    "subjects",
    "storage",
    "retention",
    "discard",
    "discard_new_per_subject",
    "max_msgs_per_subject",
    "max_age",
    "max_bytes",
    "duplicate_window",
    "compression",
    "allow_direct",
)


class BusSurvey(Struct, frozen=True, kw_only=True):
    """The server's version, whether its stream of payments takes messages, and one sentence for each deviation."""

    version: str
    publishes: bool
    missing_streams: list[str]
    differences: list[str]


class StreamFill(Struct, frozen=True, kw_only=True):
    """A stream's messages and its size on the disk."""

    stream: str
    messages: int
    size_bytes: int


class CopyLag(Struct, frozen=True, kw_only=True):
    """The messages of a stream that its copy for subscribers lacks."""

    stream: str
    behind: int


class BusTraffic(Struct, frozen=True, kw_only=True):
    """The existing streams, the copies, and which roles take messages.

    `published` is the position of the newest event in the stream of payments; 0 when it is empty, and None when its
    last message is not the hub's. `newest_dead_letter_at` is the time at which NATS stored the newest dead letter.
    """

    published: int | None
    newest_dead_letter_at: datetime | None
    streams: list[StreamFill]
    copies: list[CopyLag]
    takes_messages: dict[str, bool]


async def survey_traffic(nats_url: str) -> BusTraffic:
    """Connect to NATS and read how far its streams are; raises `BusUnavailable` or `BusRefused`."""
    async with connect_without_logs(nats_url, name="status") as bus:
        jetstream = bus.jetstream
        try:
            fills, last = await _fills(jetstream)
            published = await _published(jetstream, last.get(PAYMENTS_STREAM, 0))
            newest_dead_letter_at = await _stored_at(jetstream, DEAD_STREAM, last.get(DEAD_STREAM, 0))
            copies = [copy for name in COPIED_STREAMS if name in last for copy in await _copies(jetstream, name)]
            roles = await asyncio.gather(*(_takes(jetstream, *where) for where in CONSUMER_OF_ROLE.values()))
        except NATS_ERRORS as error:
            raise bus_error_of(error) from error
        return BusTraffic(
            published=published,
            newest_dead_letter_at=newest_dead_letter_at,
            streams=fills,
            copies=copies,
            takes_messages=dict(zip(CONSUMER_OF_ROLE, roles, strict=True)),
        )


async def _fills(jetstream: JetStreamContext) -> tuple[list[StreamFill], dict[str, int]]:
    """Return the existing streams of the hub, and the last sequence number of each."""
    fills: list[StreamFill] = []
    last: dict[str, int] = {}
    for wanted in STREAMS:
        name = wanted.name or ""
        try:
            state = (await jetstream.stream_info(name)).state
        except nats.js.errors.NotFoundError:
            continue
        fills.append(StreamFill(stream=name, messages=state.messages, size_bytes=state.bytes))
        last[name] = state.last_seq if state.messages else 0
    return fills, last


async def _published(jetstream: JetStreamContext, last_sequence: int) -> int | None:
    if not last_sequence:
        return 0
    try:
        return position_of(await jetstream.get_msg(PAYMENTS_STREAM, seq=last_sequence))[0]
    except (nats.js.errors.NotFoundError, UnreadableEvent):
        return None


async def _stored_at(jetstream: JetStreamContext, stream: str, sequence: int) -> datetime | None:
    if not sequence:
        return None
    try:
        stored_at: datetime | None = (await jetstream.get_msg(stream, seq=sequence)).time
    except nats.js.errors.NotFoundError:
        return None
    return stored_at


async def _copies(jetstream: JetStreamContext, name: str) -> list[CopyLag]:
    """Return the copy of a stream, which one consumer with a secret name feeds; empty without a copy."""
    return [
        CopyLag(stream=name, behind=(each.num_pending or 0) + (each.num_ack_pending or 0))
        for each in await jetstream.consumers_info(name)
        if each.name.startswith(DELIVERY_CONSUMER_PREFIX)
    ]


async def _takes(jetstream: JetStreamContext, stream: str, durable: str) -> bool:
    """Return whether a process asks for the messages of a consumer."""
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(PAUSE_S)
        try:
            found: ConsumerInfo = await jetstream.consumer_info(stream, durable)
        except nats.js.errors.NotFoundError:
            return False
        if found.num_waiting:
            return True
    return False


async def survey_bus(nats_url: str) -> BusSurvey:
    """Connect to NATS and survey its streams; raises `BusUnavailable` or `BusRefused`, also without JetStream."""
    async with connect_without_logs(nats_url, name="check") as bus:
        try:
            await bus.jetstream.account_info()
            missing, differences = await _compare_streams(bus.jetstream)
        except NATS_ERRORS as error:
            raise bus_error_of(error) from error
        version = bus.client.connected_server_version
        return BusSurvey(
            version=f"{version.major}.{version.minor}.{version.patch}",
            publishes=await can_publish(bus, within_s=WITHIN_S),
            missing_streams=missing,
            differences=differences,
        )


async def missing_copies(copies_url: str) -> list[str]:
    """Return which of the subscribers' copies do not exist; raises `BusUnavailable` or `BusRefused`."""
    async with connect_without_logs(copies_url, name="check", inbox_prefix=COPIER_INBOX) as bus:
        missing = []
        for name in COPIED_STREAMS:
            try:
                await bus.jetstream.stream_info(name)
            except nats.js.errors.NotFoundError:
                missing.append(name)
            except NATS_ERRORS as error:
                raise bus_error_of(error) from error
        return missing


async def _compare_streams(jetstream: JetStreamContext) -> tuple[list[str], list[str]]:
    missing: list[str] = []
    differences: list[str] = []
    for wanted in STREAMS:
        name = wanted.name or ""
        try:
            found = (await jetstream.stream_info(name)).config
        except nats.js.errors.NotFoundError:
            missing.append(name)
        else:
            differences += [
                f"{field} of stream {name} is {_shown(found, field)}, not {_shown(wanted, field)}"
                for field in COMPARED
                if getattr(wanted, field) and _shown(found, field) != _shown(wanted, field)
            ]
    return missing, differences


def _shown(config: StreamConfig, field: str) -> str:
    """Return a value as text; the server returns enumerations as text and seconds as fractions."""
    value = getattr(config, field)
    value = getattr(value, "value", value)
    if isinstance(value, list):
        return ", ".join(sorted(value))
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)
