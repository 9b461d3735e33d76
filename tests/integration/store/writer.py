"""Appends to the log for a test: `python -m tests.integration.store.writer <how> <url> <streams>`.

`ours` appends through an Appender with many callers at once, `theirs` through the library's own recorder.
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

import asyncpg

from extrato.store.event_log import EventLog
from tests.integration.store.examples import append_to, new_event, stored
from tests.integration.store.library import library_recorder

EVENTS_OF_STREAM = 5


async def write_ours(database_url: str, streams: int) -> None:
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        log = EventLog(pool)
        await asyncio.gather(*(_write_stream(log) for _ in range(streams)))
        await log.close()


async def _write_stream(log: EventLog) -> None:
    stream = uuid4()
    for version in range(EVENTS_OF_STREAM):
        await log.append(append_to(stream, at=version))


def write_theirs(database_url: str, streams: int) -> None:
    with library_recorder(database_url) as recorder:
        for _ in range(streams):
            stream = uuid4()
            for version in range(1, EVENTS_OF_STREAM + 1):
                recorder.insert_events([stored(new_event(), stream_id=stream, version=version)])


if __name__ == "__main__":
    how, url, number = sys.argv[1:]
    if how == "ours":
        asyncio.run(write_ours(url, int(number)))
    else:
        write_theirs(url, int(number))
