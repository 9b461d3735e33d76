"""Publishes short-lived telemetry to the stream CHECKS, as CloudEvents."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from contracts import subjects as names
from extrato.bus.connection import NATS_ERRORS, Bus

if TYPE_CHECKING:
    from datetime import datetime

_encode = msgspec.json.Encoder().encode


class TelemetryPublisher:
    """Publishes Structs of `contracts/telemetry.py`; they are lost while the bus is unavailable, by design."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus

    async def publish(self, subject: str, fact: msgspec.Struct, *, at: datetime, correlation_id: str) -> None:
        """Publish without waiting for an acknowledgement."""
        if self._bus is None:
            return
        headers = _headers(fact, str(uuid4()), at, correlation_id)
        try:
            await self._bus.client.publish(subject, _encode(fact), headers=headers)
        except NATS_ERRORS:
            return


async def publish_confirmed(bus: Bus, subject: str, fact: msgspec.Struct, *, at: datetime, event_id: str) -> None:
    """Publish and wait until the server stores it, once for an `event_id`; raises an error of `NATS_ERRORS`."""
    headers = {names.HEADER_MESSAGE_ID: event_id, **_headers(fact, event_id, at, event_id)}
    await bus.jetstream.publish(subject, _encode(fact), headers=headers)


def _headers(fact: msgspec.Struct, event_id: str, at: datetime, correlation_id: str) -> dict[str, str]:
    return {
        names.HEADER_SPEC_VERSION: "1.0",
        names.HEADER_ID: event_id,
        names.HEADER_SOURCE: names.CE_SOURCE,
        names.HEADER_TYPE: names.CE_TYPE_PREFIX + type(fact).__name__,
        names.HEADER_TIME: at.isoformat(),
        names.HEADER_CONTENT_TYPE: "application/json",
        names.HEADER_CORRELATION_ID: correlation_id,
    }
