"""A place in the log, held by somebody who follows it: it notices when the log goes back behind it."""

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

    from eventsourcing.persistence import Notification

    from extrato.store.log import LogReader

# So many places of before are remembered, one for each second at most, to find the last one that the log still has.
REMEMBERED: Final = 1000
REMEMBER_EACH_S: Final = 1.0
# For so long the relay is waited for, which finds out by the stream what exactly the log has lost.
RELAY_WITHIN_S: Final = 5.0
LOOK_S: Final = 1.0
LOOK_FOR_EPOCH_S: Final = 0.2


class LogWentBack(Exception):
    """The log does not have the event any more that the follower stands at; it has all up to `last_common`."""

    def __init__(self, last_common: int) -> None:
        super().__init__(last_common)
        self.last_common = last_common


class Place:
    """Where a follower stands: at `position`, in `epoch`."""

    def __init__(self, log: LogReader) -> None:
        self._log = log
        self._seen: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)
        self._keep_at_s = 0.0
        self.position = 0
        self.epoch = 0

    async def end(self) -> tuple[int, str | None]:
        """Look up the end of the log, and stay; gives its position and the id of the event there."""
        head = await self._log.head()
        return head, await self._log.event_id_at(head)

    async def go_to_end(self) -> None:
        """Stand at the present end of the log, and forget what led to where this was before."""
        epoch, end = (await self._log.identity.read()).epoch, await self.end()
        self._seen.clear()
        self.stand_at(*end)
        self.epoch = epoch

    async def following(self, *, up_to: int | None = None, limit: int = READ_PAGE) -> list[Notification]:
        """Read the rows that follow, up to `up_to`, and stay; raises `LogWentBack`.

        The row before them is read as well: a log that went back has none there, or another one.
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

    async def look(self) -> None:
        """Learn of another epoch; raises `LogWentBack`."""
        await self.following(limit=0)
        self.epoch = (await self._log.identity.read()).epoch

    def move_to(self, row: Notification) -> None:
        """Stand at a row that followed."""
        self.stand_at(row.id, _event_id(row))

    def stand_at(self, position: int, event_id: str | None) -> None:
        """Stand at an event that followed."""
        self.position = position
        if position and event_id is not None:
            if self._seen and time.monotonic() < self._keep_at_s:
                self._seen.pop()
            else:
                self._keep_at_s = time.monotonic() + REMEMBER_EACH_S
            self._seen.append((position, event_id))
        else:
            # An event that cannot be read has no id to be known by.
            self._seen.clear()

    async def _last_common(self) -> int:
        """Begin another epoch, unless one begins soon; gives up to where the log has what it had in this one."""
        for _ in range(round(RELAY_WITHIN_S / LOOK_FOR_EPOCH_S)):
            # A log that went back far enough has forgotten this epoch, and stands in an older one.
            if (await self._log.identity.read()).epoch > self.epoch:
                break
            await asyncio.sleep(LOOK_FOR_EPOCH_S)
        else:
            await self._log.identity.begin_epoch(
                self.epoch, last_common=await self._newest_that_is_left(), reason="a follower knew more"
            )
        return await self._log.identity.last_common_since(self.epoch)

    async def _newest_that_is_left(self) -> int:
        for position, event_id in reversed(self._seen):
            if await self._log.event_id_at(position) == event_id:
                return position
        return 0


async def watch(log: LogReader, *, went_back: Callable[[int], None]) -> None:
    """Look once a second whether the log went back, for ever; `went_back` is called with the last common position."""
    place = Place(log)
    is_at_end = False
    while True:
        try:
            if is_at_end:
                await place.look()
                place.stand_at(*await place.end())
            else:
                await place.go_to_end()
                is_at_end = True
        except LogWentBack as back:
            went_back(back.last_common)
            is_at_end = False
        except DATABASE_ERRORS:
            # It may be another log when it is back.
            pass
        await asyncio.sleep(LOOK_S)


def _event_id(row: Notification) -> str | None:
    try:
        return read_state_text(row).event_id
    except UnreadableEvent:
        return None
