"""Notes which API keys are used, and writes the times every few minutes in one statement."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from extrato.domain.merchant import RESERVED_SLUG
from extrato.store.key_uses import KeyName, read_uses, write_uses
from extrato.store.unavailable import DATABASE_ERRORS

if TYPE_CHECKING:
    import asyncpg

    from extrato.use_cases.merchant_directory import ApiKey

WRITE_EVERY_S: Final = 120.0
CLOSE_WITHIN_S: Final = 0.5
MAX_NOTED: Final = 10_000

_logger = structlog.get_logger(component="gateway")


class KeyUses:
    """The uses of this process that are not written yet. `note` does not access the database."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._noted: dict[KeyName, float] = {}

    def note(self, key: ApiKey) -> None:
        """Note that a key was used, also where its scopes did not allow the request."""
        name = (key.merchant or RESERVED_SLUG, key.key_id)
        if name in self._noted or len(self._noted) < MAX_NOTED:
            self._noted[name] = time.time()

    async def read(self, holder: str) -> dict[str, datetime]:
        """Return when the keys of a holder were last used, by id; the uses of other processes as far as written."""
        used = await read_uses(self._pool, holder)
        for (whose, key_id), at in self._noted.items():
            if whose == holder:
                noted = datetime.fromtimestamp(at, UTC)
                used[key_id] = max(noted, used.get(key_id, noted))
        return used

    async def run(self) -> None:
        """Write every `WRITE_EVERY_S`; a failed write is repeated with the next."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write the noted uses; keep them when PostgreSQL does not answer or refuses."""
        noted, self._noted = self._noted, {}
        try:
            await write_uses(self._pool, noted)
        except DATABASE_ERRORS as error:
            self._noted = noted | self._noted
            _logger.info("key_uses_wait", keys=len(noted), error=repr(error))

    async def close(self) -> None:
        """Write the noted uses within `CLOSE_WITHIN_S`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.write()
