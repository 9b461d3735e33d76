"""The event about a caller's idempotency key."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class IdempotencyKeyUsed(Struct, frozen=True, kw_only=True):
    """A caller sent an idempotency key with a creation, or with another request about a payment of `/v1`.

    This is the only event in the stream that the key names. The same request with the same key is about the same
    payment; another request is refused.
    """

    schema_version: ClassVar[int] = 1

    request_digest: str
    opened_payment_id: int
