"""Searches what a hub stores for the personal data of one payer: files, rows and messages, in several encodings.

Files alone would not do: PostgreSQL and NATS compress larger values, so rows and messages are read too.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import nats

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from tests.running_hub import RunningHub

# The write-ahead log keeps older pages until PostgreSQL uses its files again; the simulated provider is not the hub.
LEFT_OUT = frozenset({"pg_wal", "sandbox"})
TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY c.relname
"""
STREAMS = ("PAYMENTS", "CHECKS")


def found_in(data: bytes, texts: Sequence[str]) -> list[str]:
    """Return the texts that the data contain: plain and in hex in any case, as UTF-16, or in base64."""
    folded = data.lower()
    return [
        text
        for text in texts
        if any(form in folded for form in _folded_forms(text)) or any(form in data for form in _base64_forms(text))
    ]


def files_of(home: Path) -> Iterator[tuple[str, bytes]]:
    """Return the files below a hub's home with their bytes, without those in `LEFT_OUT`."""
    for folder, folders, names in os.walk(home):
        folders[:] = [each for each in folders if each not in LEFT_OUT]
        for path in (Path(folder, name) for name in names):
            if path.is_file():
                yield str(path.relative_to(home)), path.read_bytes()


async def rows_of(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Return the values of each table, as PostgreSQL decompresses them."""
    connection = await asyncpg.connect(url)
    try:
        for (table,) in await connection.fetch(TABLES):
            rows = await connection.fetch(f'SELECT * FROM "{table}"')
            yield f"table {table}", b"\n".join(_bytes_of(value) for row in rows for value in row.values())
    finally:
        await connection.close()


async def messages_of(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Return the messages of each stream, as NATS decompresses them; `url` is that of subscribers."""
    async with await nats.connect(url) as client:
        jetstream = client.jetstream()
        for stream in STREAMS:
            subscription = await jetstream.subscribe(">", stream=stream, ordered_consumer=True)
            info = await subscription.consumer_info()
            number = info.delivered.consumer_seq + info.num_pending
            messages = [await subscription.next_msg(timeout=10) for _ in range(number)]
            parts = [
                part for each in messages for part in (each.subject.encode(), each.data, repr(each.header).encode())
            ]
            yield f"stream {stream}", b"\n".join(parts)


async def compact(hub: RunningHub) -> None:
    """Remove old versions of rows from the data files, and write all pages to the disk."""
    for url in (hub.addresses["database_url"], hub.owners_database_url):
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("VACUUM FULL")
            if url == hub.owners_database_url:
                await connection.execute("CHECKPOINT")
        finally:
            await connection.close()


def _bytes_of(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()


def _folded_forms(text: str) -> tuple[bytes, ...]:
    plain = text.lower()
    return plain.encode(), plain.encode("utf-16-le"), plain.encode().hex().encode()


def _base64_forms(text: str) -> list[bytes]:
    """Return the part of the base64 that does not depend on what stands around the text, for its three places."""
    forms = []
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + text.encode())
        start, end = (before * 8 + 5) // 6, (before + len(text.encode())) * 8 // 6
        forms.append(encoded[start:end])
    return forms
