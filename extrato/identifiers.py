"""Random identifiers and bytes, many from one system call, and identifiers derived from a name."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from asyncpg.pgproto import pgproto

if TYPE_CHECKING:
    from uuid import UUID

POOL_BYTES: Final = 4096
UUID_BYTES: Final = 16

# Version 4 in the upper half of the seventh byte, the variant of RFC 9562 in the upper bits of the ninth.
_VERSION: Final = bytes(each & 0x0F | 0x40 for each in range(256))
_VARIANT: Final = bytes(each & 0x3F | 0x80 for each in range(256))


def named_uuid(name: str) -> UUID:
    """Return the version 8 UUID (RFC 9562) of a name: its truncated SHA-256. The name need not be valid text."""
    digest = bytearray(hashlib.sha256(name.encode(errors="surrogateescape")).digest()[:UUID_BYTES])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    identifier: UUID = pgproto.UUID(bytes(digest))
    return identifier


class RandomBytes:
    """Returns `size` random bytes of the system; one system call serves `POOL_BYTES`. Threads may share an instance."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ready: list[bytes] = []
        # A fork must not return what its parent returns.
        os.register_at_fork(after_in_child=self._ready.clear)

    def __call__(self) -> bytes:
        """Return the next bytes."""
        try:
            return self._ready.pop()
        except IndexError:
            pool = os.urandom(POOL_BYTES)
            last = len(pool) - self._size
            self._ready.extend(pool[start : start + self._size] for start in range(self._size, last + 1, self._size))
            return pool[: self._size]


class RandomUuids:
    """Creates version 4 UUIDs (RFC 9562) from the system's randomness; one system call serves 256 of them.

    They have asyncpg's class, a subclass of `uuid.UUID` that is created, written and sent ten times as fast. A process
    and its fork must not share one instance.
    """

    def __init__(self) -> None:
        self._pool = bytearray()
        self._used = 0

    def __call__(self) -> UUID:
        """Return the next one."""
        if self._used >= len(self._pool):
            pool = bytearray(os.urandom(POOL_BYTES))
            pool[6::UUID_BYTES] = pool[6::UUID_BYTES].translate(_VERSION)
            pool[8::UUID_BYTES] = pool[8::UUID_BYTES].translate(_VARIANT)
            self._pool, self._used = pool, 0
        start = self._used
        self._used = start + UUID_BYTES
        identifier: UUID = pgproto.UUID(bytes(self._pool[start : self._used]))
        return identifier
