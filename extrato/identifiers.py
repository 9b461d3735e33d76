"""Random identifiers, many from one question to the operating system."""

from __future__ import annotations

import os
from typing import Final
from uuid import UUID

POOL_BYTES: Final = 4096
UUID_BYTES: Final = 16


class RandomUuids:
    """Gives version 4 UUIDs (RFC 9562) of the system's randomness; one system call serves 256 of them.

    Not for use by a process and a fork of it.
    """

    def __init__(self) -> None:
        self._pool = b""
        self._used = 0

    def __call__(self) -> UUID:
        """Give the next one."""
        if self._used >= len(self._pool):
            self._pool, self._used = os.urandom(POOL_BYTES), 0
        start = self._used
        self._used = start + UUID_BYTES
        return UUID(bytes=self._pool[start : self._used], version=4)
