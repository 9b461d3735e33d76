"""The secrets that payers' tokens are made from, sealed in `hub_secrets`: the first makes tokens, all of them open.

A rotation first lets every gateway know the new secret, and only then has it make tokens, so that no gateway refuses
what another one made. Between the two the new secret is pending; a rotation that broke off goes on with it.
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

# The names of rows. The first holds secrets of `SECRET_BYTES` each, the newest first.
IN_USE: Final = "payer_tokens"
PENDING: Final = "payer_tokens_pending"
# Each wrong token is compared with all of them.
MAX_SECRETS: Final = 5

READ: Final = "SELECT name, sealed FROM hub_secrets WHERE name = ANY ($1::text[])"
LOCK: Final = READ + " ORDER BY name FOR UPDATE"
MAKE_PENDING: Final = "INSERT INTO hub_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
PUT: Final = "UPDATE hub_secrets SET sealed = $2, recorded_at = now() WHERE name = $1"
REMOVE: Final = "DELETE FROM hub_secrets WHERE name = $1"


class CannotRotate(ExtratoError):
    """The secrets stay as they are; the message says what to do first."""

    code = "cannot_rotate"


class Secrets(Struct, frozen=True, kw_only=True):
    """What is known at one moment: secrets in use, the newest first, and the one that is pending."""

    in_use: tuple[bytes, ...]
    pending: bytes | None

    @property
    def opening(self) -> tuple[bytes, ...]:
        """Give all that open, the one that makes tokens first."""
        return self.in_use if self.pending is None else (*self.in_use, self.pending)

    def __repr__(self) -> str:
        return f"Secrets({len(self.in_use)} in use, pending={self.pending is not None})"

    __str__ = __repr__


class PayerSecrets:
    """Reads and rotates them; each method raises `StoreUnavailable` and `InvalidVaultKey`."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def read(self) -> Secrets:
        """Give the secrets as they are; the first who asks makes the first one."""
        with raising_unavailable():
            rows = await self._pool.fetch(READ, [IN_USE, PENDING])
        if not any(row["name"] == IN_USE for row in rows):
            return Secrets(in_use=(await self._vault.secret(IN_USE),), pending=None)
        return self._open(rows)

    async def begin(self) -> None:
        """Have a new secret pending, unless one is; raises `CannotRotate`."""
        if len((await self.read()).in_use) >= MAX_SECRETS:
            raise CannotRotate(maximum=MAX_SECRETS)
        with raising_unavailable():
            sealed = self._vault.seal(os.urandom(SECRET_BYTES), bound_to_secret(PENDING))
            await self._pool.execute(MAKE_PENDING, PENDING, sealed)

    async def complete(self) -> int:
        """Have the pending secret make tokens, if it is not done yet; gives how many older ones still open."""
        async with self._changing() as (connection, secrets):
            if secrets.pending is None:
                return len(secrets.in_use) - 1
            await self._keep(connection, (secrets.pending, *secrets.in_use))
            await connection.execute(REMOVE, PENDING)
        return len(secrets.in_use)

    async def drop_old(self) -> int:
        """Keep the newest only; gives how many opened until now. Raises `CannotRotate`."""
        async with self._changing() as (connection, secrets):
            if secrets.pending is not None:
                raise CannotRotate(why="broke_off")
            if len(secrets.in_use) == 1:
                raise CannotRotate(why="no_older")
            await self._keep(connection, secrets.in_use[:1])
        return len(secrets.in_use) - 1

    @contextlib.asynccontextmanager
    async def _changing(self) -> AsyncIterator[tuple[asyncpg.Connection, Secrets]]:
        """Give the secrets of this moment, which no other changes meanwhile."""
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
