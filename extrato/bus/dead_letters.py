"""Publishes refused messages under `dead.>` with the reason. Every size and every subject is accepted."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

import msgspec

from contracts.subjects import dead_subject

if TYPE_CHECKING:
    from extrato.bus.connection import Bus

MAX_BODY_BYTES: Final = 64 << 10
MAX_SUBJECT: Final = 500
MAX_REASON: Final = 500
_NOT_IN_A_SUBJECT: Final = re.compile(r"[^!-)+-\-/-=?-~.]|(?<=\.)\.|^\.|\.$")


async def publish_dead_letter(bus: Bus, *, consumer: str, subject: str, body: bytes, headers: dict[str, str]) -> None:
    """Publish a message that `consumer` refuses, a large one as size and digest; raises an error of `NATS_ERRORS`."""
    if len(body) > MAX_BODY_BYTES:
        stub = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        body = msgspec.json.encode(stub)
    safe = _NOT_IN_A_SUBJECT.sub("_", subject[:MAX_SUBJECT]) or "_"
    short = {name: value[:MAX_REASON] for name, value in headers.items()}
    await bus.jetstream.publish(dead_subject(consumer, safe), body, headers=short)
