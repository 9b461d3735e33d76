"""The log, for processes that append to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.store.appender import Appender
from extrato.store.log import LogReader

if TYPE_CHECKING:
    import asyncpg


class EventLog(LogReader):
    """Reads the log, and appends to it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.appender = Appender(self.recorder)
        self.append = self.appender.append

    async def close(self) -> None:
        """Reject further appends, and write the accepted ones."""
        await self.appender.close()
