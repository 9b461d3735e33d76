"""What a key of a caller's was used for."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class IdempotencyKeyUsed(Struct, frozen=True, kw_only=True):
    """A creation was asked for under a key of the caller's; it stands alone in the stream that the key names.

    The same request under the same key gives the same payment again; another request is refused.
    """

    schema_version: ClassVar[int] = 1

    request_digest: str
    opened_payment_id: int
