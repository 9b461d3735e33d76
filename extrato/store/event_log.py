"""The log for those who append to it as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extrato.store.appender import Appender
from extrato.store.log import LogReader

if TYPE_CHECKING:
    import asyncpg


class EventLog(LogReader):
    """Reads and appends."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.appender = Appender(self.recorder)
        self.append = self.appender.append

    async def close(self) -> None:
        """Write what was accepted, and accept no more."""
        await self.appender.close()
