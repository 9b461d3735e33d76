"""Ways to find out that a service is ready, without a library: they are asked every few milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_ANSWER_WITHIN_S: Final = 2.0
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - Compared, not bound.


def reachable_host(host: str) -> str:
    """Give the address at which this machine reaches a server that listens on `host`."""
    return _EVERYWHERE.get(host, host)


def answers(host: str, port: int, path: str) -> Callable[[int], Awaitable[bool]]:
    """Give a question that is answered with yes when GET `path` gives status 200."""
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
    """Give a question that is answered with yes when the service has written its ready file."""

    async def ask(_pid: int) -> bool:
        return file.exists()

    return ask
