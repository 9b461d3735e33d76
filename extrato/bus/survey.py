"""Reads what `extrato check` reports about NATS; nothing is created or changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import nats.js.errors
from msgspec import Struct

from extrato.bus.connection import NATS_ERRORS, STREAMS, bus_error_of, connect_without_logs
from extrato.bus.copies import COPIED_STREAMS, COPIER_INBOX
from extrato.bus.publisher import can_publish

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.api import StreamConfig

WITHIN_S: Final = 2.0

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


async def survey_bus(nats_url: str) -> BusSurvey:
    """Connect to NATS and survey its streams; raises `BusUnavailable` or `BusRefused`, also without JetStream."""
    async with connect_without_logs(nats_url, name="check") as bus:
        try:
            await bus.jetstream.account_info()
            missing, differences = await _compare_streams(bus.jetstream)
        except NATS_ERRORS as error:
            raise bus_error_of(error) from error
        return BusSurvey(
            version=str(bus.client.connected_server_version),
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
