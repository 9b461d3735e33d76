"""A reader's position in the log. It detects a log that went back, such as after a restore."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from extrato.store.codec import UnreadableEvent, read_state_text
from extrato.store.log import READ_PAGE
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from extrato.store.codec import LogRow
    from extrato.store.log import LogReader

# How many earlier positions a cursor remembers, at most one a second, to find the last one that the log still has.
REMEMBERED: Final = 1000
REMEMBER_EACH_S: Final = 1.0
# How long a cursor waits for the relay, which finds in the stream exactly which events the log lost.
RELAY_WITHIN_S: Final = 5.0
CHECK_INTERVAL_S: Final = 1.0
EPOCH_INTERVAL_S: Final = 0.2


class LogWentBack(Exception):
    """The log lost the event at the cursor; it has all events up to `last_common`."""

    def __init__(self, last_common: int) -> None:
        super().__init__(last_common)
        self.last_common = last_common


class LogCursor:
    """A reader's `position` in the log, and the `epoch` of that position."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._seen: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)
        self._keep_at_s = 0.0
        self.position = 0
        self.epoch = 0

    async def read_end(self) -> tuple[int, str | None]:
        """Return the position and the event id at the end of the log; the cursor does not move."""
        head = await self._log.head()
        return head, await self._log.event_id_at(head)

    async def move_to_end(self) -> None:
        """Move to the present end of the log, and forget earlier positions."""
        epoch, end = (await self._log.identity.read()).epoch, await self.read_end()
        self._seen.clear()
        self.move_to(*end)
        self.epoch = epoch

    async def read_next(self, *, up_to: int | None = None, limit: int = READ_PAGE) -> list[LogRow]:
        """Return the rows after the cursor, up to `up_to`; the cursor does not move. Raises `LogWentBack`.

        It also reads the row at the cursor: a log that went back has no row there, or another one.
        """
        if up_to is not None and up_to <= self.position:
            return []
        if not self._seen:
            return await self._log.read_rows(self.position, up_to=up_to, limit=limit)
        rows = await self._log.read_rows(self.position - 1, up_to=up_to, limit=limit + 1)
        position, event_id = self._seen[-1]
        if not rows or rows[0].id != position or _event_id(rows[0]) != event_id:
            raise LogWentBack(await self._last_common())
        return rows[1:]

    async def check(self) -> None:
        """Read the epoch again; raises `LogWentBack`."""
        await self.read_next(limit=0)
        self.epoch = (await self._log.identity.read()).epoch

    def move_to_row(self, row: LogRow) -> None:
        """Move to a row after the cursor."""
        self.move_to(row.id, _event_id(row))

    def move_to(self, position: int, event_id: str | None) -> None:
        """Move to an event after the cursor; an unreadable one has no id."""
        self.position = position
        if position and event_id is not None:
            if self._seen and time.monotonic() < self._keep_at_s:
                self._seen.pop()
            else:
                self._keep_at_s = time.monotonic() + REMEMBER_EACH_S
            self._seen.append((position, event_id))
        else:
            # Without an id, the next read cannot compare the event.
            self._seen.clear()

    async def _last_common(self) -> int:
        """Return the last position that this epoch has in common with the log; begins an epoch if none begins soon."""
        for _ in range(round(RELAY_WITHIN_S / EPOCH_INTERVAL_S)):
            # A log that went back far enough lost this epoch too, and is in an older one.
            if (await self._log.identity.read()).epoch > self.epoch:
                break
            await asyncio.sleep(EPOCH_INTERVAL_S)
        else:
            await self._log.identity.begin_epoch(
                self.epoch, last_common=await self._newest_in_log(), reason="a follower knew more"
            )
        return await self._log.identity.last_common_since(self.epoch)

    async def _newest_in_log(self) -> int:
        for position, event_id in reversed(self._seen):
            if await self._log.event_id_at(position) == event_id:
                return position
        return 0


async def watch_log(log: LogReader, *, went_back: Callable[[int], None]) -> None:
    """Check once a second, without end, whether the log went back; calls `went_back` with the last common position."""
    cursor = LogCursor(log)
    is_at_end = False
    while True:
        try:
            if is_at_end:
                await cursor.check()
                cursor.move_to(*await cursor.read_end())
            else:
                await cursor.move_to_end()
                is_at_end = True
        except LogWentBack as back:
            went_back(back.last_common)
            is_at_end = False
        except DATABASE_ERRORS:
            # The next round checks again: the log may be another one after an outage.
            pass
        await asyncio.sleep(CHECK_INTERVAL_S)


def _event_id(row: LogRow) -> str | None:
    try:
        return read_state_text(row).event_id
    except UnreadableEvent:
        return None
