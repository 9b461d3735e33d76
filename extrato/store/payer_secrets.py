"""The secrets behind payers' tokens, encrypted in `hub_secrets`. The newest one signs; every one verifies.

A rotation first adds a pending secret, which every gateway reads, and later makes it the newest. So no gateway rejects
a token of another gateway. An interrupted rotation continues with the pending secret.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from extrato.errors import ExtratoError
from extrato.store.unavailable import raising_unavailable
from extrato.store.vault import SECRET_BYTES, bound_to_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from extrato.store.vault import Vault

# Names of rows. `IN_USE` holds secrets of `SECRET_BYTES` each, the newest first.
IN_USE: Final = "payer_tokens"
PENDING: Final = "payer_tokens_pending"
# A wrong token is compared with all secrets, which costs time.
MAX_SECRETS: Final = 5

READ: Final = "SELECT name, sealed FROM hub_secrets WHERE name = ANY ($1::text[])"
LOCK: Final = READ + " ORDER BY name FOR UPDATE"
MAKE_PENDING: Final = "INSERT INTO hub_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
PUT: Final = "UPDATE hub_secrets SET sealed = $2, recorded_at = now() WHERE name = $1"
REMOVE: Final = "DELETE FROM hub_secrets WHERE name = $1"


class CannotRotate(ExtratoError):
    """The secrets are unchanged; the message names the step that comes first."""

    code = "cannot_rotate"


class Secrets(Struct, frozen=True, kw_only=True):
    """The secrets at one moment: those in use, the newest first, and the pending one."""

    in_use: tuple[bytes, ...]
    pending: bytes | None

    @property
    def opening(self) -> tuple[bytes, ...]:
        """Return all secrets that verify tokens; the first one signs."""
        return self.in_use if self.pending is None else (*self.in_use, self.pending)

    def __repr__(self) -> str:
        return f"Secrets({len(self.in_use)} in use, pending={self.pending is not None})"

    __str__ = __repr__


class PayerSecrets:
    """Reads and rotates the secrets; each method raises `StoreUnavailable` and `InvalidVaultKey`."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def read(self) -> Secrets:
        """Return the secrets; the first call creates the first secret."""
        with raising_unavailable():
            rows = await self._pool.fetch(READ, [IN_USE, PENDING])
        if not any(row["name"] == IN_USE for row in rows):
            return Secrets(in_use=(await self._vault.secret(IN_USE),), pending=None)
        return self._open(rows)

    async def begin(self) -> None:
        """Add a pending secret, unless there is one; raises `CannotRotate`."""
        if len((await self.read()).in_use) >= MAX_SECRETS:
            raise CannotRotate(maximum=MAX_SECRETS)
        with raising_unavailable():
            sealed = self._vault.seal(os.urandom(SECRET_BYTES), bound_to_secret(PENDING))
            await self._pool.execute(MAKE_PENDING, PENDING, sealed)

    async def complete(self) -> int:
        """Make the pending secret, if any, the newest; return how many older secrets still verify."""
        async with self._changing() as (connection, secrets):
            if secrets.pending is None:
                return len(secrets.in_use) - 1
            await self._keep(connection, (secrets.pending, *secrets.in_use))
            await connection.execute(REMOVE, PENDING)
        return len(secrets.in_use)

    async def drop_old(self) -> int:
        """Remove all secrets but the newest; return how many were removed. Raises `CannotRotate`."""
        async with self._changing() as (connection, secrets):
            if secrets.pending is not None:
                raise CannotRotate(why="broke_off")
            if len(secrets.in_use) == 1:
                raise CannotRotate(why="no_older")
            await self._keep(connection, secrets.in_use[:1])
        return len(secrets.in_use) - 1

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[tuple[asyncpg.Connection, Secrets]]:
        """Return the secrets, locked against other changes for the body of the context."""
        await self.read()
        with raising_unavailable():
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection, self._open(await connection.fetch(LOCK, [IN_USE, PENDING]))

    async def _keep(self, connection: asyncpg.Connection, secrets: tuple[bytes, ...]) -> None:
        await connection.execute(PUT, IN_USE, self._vault.seal(b"".join(secrets), bound_to_secret(IN_USE)))

    def _open(self, rows: list[asyncpg.Record]) -> Secrets:
        plain = {row["name"]: self._vault.unseal(row["sealed"], bound_to_secret(row["name"])) for row in rows}
        whole = plain[IN_USE]
        in_use = tuple(whole[start : start + SECRET_BYTES] for start in range(0, len(whole), SECRET_BYTES))
        return Secrets(in_use=in_use, pending=plain.get(PENDING))
