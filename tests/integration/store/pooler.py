"""A pooler before PostgreSQL that behaves like PgBouncer in session or transaction mode."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Mode = Literal["session", "transaction"]
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]

READY = b"Z"
BACKEND_KEY = b"K"
GOODBYE = b"X"


class _Pooler:
    """Passes PostgreSQL's handshake to each client; in transaction mode all share the first one's connection."""

    def __init__(self, socket: str, mode: Mode) -> None:
        self._socket = socket
        self._mode = mode
        self._shared: Line | None = None
        self._free = asyncio.Lock()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            server = await self._greet((reader, writer))
            if self._mode == "transaction":
                self._shared = server = self._shared or server
            await self._carry((reader, writer), server)
        writer.close()

    async def _greet(self, client: Line) -> Line:
        server = await asyncio.open_unix_connection(self._socket)
        self.writers.append(server[1])
        length = await client[0].readexactly(4)
        server[1].write(length + await client[0].readexactly(struct.unpack("!i", length)[0] - 4))
        await _answer(client, server)
        return server

    async def _carry(self, client: Line, server: Line) -> None:
        asked = asyncio.create_task(_message(client[0]))
        try:
            while (await asked)[0] != GOODBYE:
                async with self._free if self._mode == "transaction" else contextlib.nullcontext():
                    answered = asyncio.create_task(_answer(client, server))
                    while not answered.done():
                        if asked.done():
                            server[1].write(asked.result()[1])
                            asked = asyncio.create_task(_message(client[0]))
                        await asyncio.wait((asked, answered), return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()


async def _answer(client: Line, server: Line) -> None:
    """Forward the server's answers until it is outside a transaction."""
    kind = message = b""
    while (kind, message[5:]) != (READY, b"I"):
        kind, message = await _message(server[0])
        if kind == BACKEND_KEY:
            message = message[:5] + struct.pack("!i", 1) + message[9:]
        client[1].write(message)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)


@contextlib.asynccontextmanager
async def pooling(database_url: str, mode: Mode) -> AsyncIterator[str]:
    """Run a pooler before a database for the time of the context; return its address."""
    parts = urlsplit(database_url)
    pooler = _Pooler(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432", mode)
    listening = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
    finally:
        listening.close()
        for writer in pooler.writers:
            writer.close()
