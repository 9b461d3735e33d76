"""The logos of merchants, by the digest of their bytes. The event names the digest; this table has the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.store.unavailable import raising_unavailable

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

TIMEOUT_S: Final = 5.0
KEPT: Final = 10
"""How many logos a merchant has beside the current one: browsers and e-mails may still show an earlier one."""

# A repeated upload is the newest again.
KEEP: Final = """
    INSERT INTO logos (merchant, digest, media_type, width, height, body, stored_at)
    VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
    ON CONFLICT (merchant, digest) DO UPDATE SET stored_at = excluded.stored_at
"""
DROP_OLD: Final = """
    DELETE FROM logos WHERE merchant = $1 AND digest <> $2 AND digest NOT IN (
        SELECT digest FROM logos WHERE merchant = $1 AND digest <> $2 ORDER BY stored_at DESC, digest LIMIT $3
    )
"""
DROP_STORED_BEFORE: Final = "DELETE FROM logos WHERE merchant = $1 AND stored_at < $2"
NOW: Final = "SELECT clock_timestamp()"
FIND: Final = "SELECT digest, media_type, width, height, body FROM logos WHERE digest = $1 LIMIT 1"


class Logo(Struct, frozen=True, kw_only=True):
    """A picture that the hub has written; `digest` is the SHA-256 of `body`, and the sizes are pixels."""

    digest: bytes
    media_type: str
    width: int
    height: int
    body: bytes


class Logos:
    """Each coroutine raises `StoreUnavailable`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(self, merchant: str, logo: Logo) -> None:
        """Store a logo, or note that it was stored again."""
        values = (logo.digest, logo.media_type, logo.width, logo.height, logo.body)
        with raising_unavailable():
            await self._pool.execute(KEEP, merchant, *values, timeout=TIMEOUT_S)

    async def drop_old(self, merchant: str, *, current: bytes) -> None:
        """Delete the logos of a merchant except the current one and the newest `KEPT` others."""
        with raising_unavailable():
            await self._pool.execute(DROP_OLD, merchant, current, KEPT, timeout=TIMEOUT_S)

    async def now(self) -> datetime:
        """Return the time of the clock that writes `stored_at`."""
        with raising_unavailable():
            at: datetime = await self._pool.fetchval(NOW, timeout=TIMEOUT_S)
        return at

    async def drop_stored_before(self, merchant: str, at: datetime) -> None:
        """Delete the logos of a merchant that were last stored before a time."""
        with raising_unavailable():
            await self._pool.execute(DROP_STORED_BEFORE, merchant, at, timeout=TIMEOUT_S)

    async def find(self, digest: bytes) -> Logo | None:
        """Return the logo with this digest, of any merchant; None if there is none."""
        with raising_unavailable():
            row = await self._pool.fetchrow(FIND, digest, timeout=TIMEOUT_S)
        return None if row is None else Logo(**row)
