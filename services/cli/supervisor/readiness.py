"""Checks that a service is ready; without an HTTP library, because they run every few milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_ANSWER_WITHIN_S: Final = 2.0
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - Compared, not bound.


def reachable_host(host: str) -> str:
    """Return the address at which this machine reaches a server that listens on `host`."""
    return _WILDCARDS.get(host, host)


def answers(host: str, port: int, path: str) -> Callable[[int], Awaitable[bool]]:
    """Return a check that is True when GET `path` answers status 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()

    async def ask(_pid: int) -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(reachable_host(host), port)
                try:
                    writer.write(request)
                    return (await reader.readline()).split(b" ")[1:2] == [b"200"]
                finally:
                    writer.close()
        return False

    return ask


def has_written(file: Path) -> Callable[[int], Awaitable[bool]]:
    """Return a check that is True when the service has written its ready file."""

    async def ask(_pid: int) -> bool:
        return file.exists()

    return ask
