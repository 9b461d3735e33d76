"""The log's id and epoch. A position is unique only together with both."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec import Struct

from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    import asyncpg

TIMEOUT_S: Final = 5.0

# The reason of an epoch whose log did not go back: its events are the same, but their personal data is sealed.
SEALED: Final = "sealed"

IDENTITY: Final = """
    SELECT log_id, epoch, last_common, began_at FROM log_identity, log_epochs ORDER BY epoch DESC LIMIT 1
"""
BEGIN: Final = """
    INSERT INTO log_epochs (epoch, last_common, reason) VALUES ($1, $2, $3) ON CONFLICT (epoch) DO NOTHING
"""

WENT_BACK_TO: Final = """
    SELECT min(last_common) AS last_common FROM log_epochs
    WHERE epoch > 1 AND reason <> 'sealed' AND began_at > now() - $1::interval
"""

LAST_COMMON: Final = "SELECT coalesce(min(last_common), 0) AS last_common FROM log_epochs WHERE epoch > $1"


class Identity(Struct, frozen=True, kw_only=True):
    """A log's random id and epoch. Up to `last_common`, the epoch has the events of the epoch before."""

    log_id: UUID
    epoch: int
    last_common: int
    began_at: datetime


class LogIdentity:
    """Reads the identity of the log in a database, and begins epochs."""

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection) -> None:
        self._pool = pool

    async def read(self) -> Identity:
        """Return the current identity; raises `StoreUnavailable`."""
        row = await self._ask(IDENTITY)
        return Identity(
            log_id=UUID(str(row["log_id"])),
            epoch=row["epoch"],
            last_common=row["last_common"],
            began_at=row["began_at"],
        )

    async def begin_epoch(self, after: int, *, last_common: int, reason: str) -> Identity:
        """Begin the epoch that follows `after`, unless another process did; return the newest epoch."""
        await self._ask(BEGIN, after + 1, last_common, reason)
        return await self.read()

    async def went_back_to(self, *, within: timedelta) -> int | None:
        """Return the lowest position to which the log went back within a time; None when it did not."""
        position: int | None = (await self._ask(WENT_BACK_TO, within))["last_common"]
        return position

    async def last_common_since(self, epoch: int) -> int:
        """Return the position up to which the log has the events that it had in `epoch`."""
        last_common: int = (await self._ask(LAST_COMMON, epoch))["last_common"]
        return last_common

    async def _ask(self, query: str, *arguments: object) -> asyncpg.Record:
        with raising_unavailable():
            return await self._pool.fetchrow(query, *arguments, timeout=TIMEOUT_S)
