"""Publishes what is worth watching and not worth keeping, to the CHECKS stream as CloudEvents."""

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
    """Publishes Structs of `contracts/telemetry.py`; a bus that is away loses them, which is all right."""

    def __init__(self, bus: Bus | None) -> None:
        self._bus = bus

    async def publish(self, subject: str, fact: msgspec.Struct, *, at: datetime, correlation_id: str) -> None:
        """Publish and do not wait for an answer."""
        if self._bus is None:
            return
        headers = _headers(fact, str(uuid4()), at, correlation_id)
        try:
            await self._bus.client.publish(subject, _encode(fact), headers=headers)
        except NATS_ERRORS:
            return


async def publish_confirmed(bus: Bus, subject: str, fact: msgspec.Struct, *, at: datetime, event_id: str) -> None:
    """Publish and wait until it is stored; raises an error of `NATS_ERRORS`. The same `event_id` is stored once."""
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
