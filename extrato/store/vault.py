"""The vault: provider credentials and the hub's secrets, encrypted with AES-256-GCM and bound to their owner."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec
from cachetools import FIFOCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import UNSET, UnsetType

from extrato.store.sealing import decrypt, encrypt
from extrato.store.unavailable import raising_unavailable
from extrato.store.vault_keys import InvalidVaultKey
from extrato.values import Credential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from extrato.store.vault_keys import VaultKeys

SECRET_BYTES: Final = 32
CACHE_S: Final = 5.0
# To check the file of keys takes longer than to encrypt.
OFTEN_S: Final = 0.05
ANY_SEALED_ROW: Final = "SELECT name, sealed FROM hub_secrets ORDER BY name LIMIT 1"
CACHE_LIMIT: Final = 10_000

# A credential replaces another one of the same account only. Of two callers that connect different accounts at once,
# the later one fails.
PUT: Final = """
    INSERT INTO credentials (merchant, provider, account_id, sealed, token_expires_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (merchant, provider) DO UPDATE SET
        sealed = excluded.sealed, token_expires_at = excluded.token_expires_at, recorded_at = now(),
        refused_at = NULL
    WHERE credentials.account_id = excluded.account_id
    RETURNING account_id
"""
GET: Final = "SELECT sealed FROM credentials WHERE merchant = $1 AND provider = $2"
LOCK: Final = """
    SELECT sealed, token_expires_at FROM credentials WHERE merchant = $1 AND provider = $2 FOR UPDATE
"""
REMOVE: Final = "DELETE FROM credentials WHERE merchant = $1 AND provider = $2"
MERCHANTS_OF_ACCOUNT: Final = """
    SELECT merchant FROM credentials WHERE provider = $1 AND account_id = $2 ORDER BY merchant LIMIT 20
"""
ACCOUNTS: Final = """
    SELECT provider, account_id, array_agg(merchant ORDER BY merchant) AS merchants
    FROM credentials GROUP BY provider, account_id ORDER BY provider, account_id
"""
MAKE: Final = "INSERT INTO hub_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"
RECALL: Final = "SELECT sealed FROM hub_secrets WHERE name = $1"


class ConnectedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a provider, and the merchants that receive over it."""

    provider: str
    account_id: str
    merchants: tuple[str, ...]


class Vault:
    """Stores and returns credentials. A cached credential may be `CACHE_S` behind another process's change.

    Each method that reads the database raises `StoreUnavailable`; each that decrypts raises `InvalidVaultKey`.
    """

    def __init__(self, pool: asyncpg.Pool | asyncpg.Connection, keys: VaultKeys) -> None:
        self._pool = pool
        self._keys = keys
        self._ciphers: dict[bytes, AESGCM] = {}
        self._newest: AESGCM
        self._checked_at_s = -math.inf
        self._remembered: FIFOCache[tuple[str, str], tuple[float, Credential | None]] = FIFOCache(CACHE_LIMIT)

    async def put(
        self, merchant: str, provider: str, credential: Credential, *, token_expires_at: datetime | None = None
    ) -> bool:
        """Store a credential; return False, without a change, when the stored one is of another account.

        `token_expires_at` is the end of its access token, if known. It is stored as it is, not encrypted.
        """
        sealed = self.seal(msgspec.json.encode(credential), bound_to_credential(merchant, provider))
        with raising_unavailable():
            kept = await self._pool.fetchval(PUT, merchant, provider, credential.account_id, sealed, token_expires_at)
        self._remembered.pop((merchant, provider), None)
        return kept is not None

    async def change(
        self,
        merchant: str,
        provider: str,
        change: Callable[[Credential], Credential],
        *,
        token_expires_at: datetime | UnsetType | None = UNSET,
    ) -> bool:
        """Change a credential under a lock; return False when there is none.

        `token_expires_at` replaces the end of the access token, None by an unknown one. Without it the end stays.
        """
        with raising_unavailable():
            async with self._pool.acquire() as connection, connection.transaction():
                row = await connection.fetchrow(LOCK, merchant, provider)
                if row is None:
                    return False
                changed = change(self._open(row["sealed"], merchant, provider))
                sealed = self.seal(msgspec.json.encode(changed), bound_to_credential(merchant, provider))
                ends_at = row["token_expires_at"] if token_expires_at is UNSET else token_expires_at
                await connection.execute(PUT, merchant, provider, changed.account_id, sealed, ends_at)
        self._remembered.pop((merchant, provider), None)
        return True

    async def remove(self, merchant: str, provider: str) -> None:
        """Delete the credential, if any."""
        with raising_unavailable():
            await self._pool.execute(REMOVE, merchant, provider)
        self._remembered.pop((merchant, provider), None)

    async def get(self, merchant: str, provider: str) -> Credential | None:
        """Return the credential, at most `CACHE_S` old; None when there is none."""
        remembered = self._remembered.get((merchant, provider))
        if remembered is not None and time.monotonic() - remembered[0] < CACHE_S:
            return remembered[1]
        asked_at = time.monotonic()
        credential = await self.get_uncached(merchant, provider)
        self._remembered[merchant, provider] = (asked_at, credential)
        return credential

    async def get_uncached(self, merchant: str, provider: str) -> Credential | None:
        """Return the credential from the database; None when there is none."""
        with raising_unavailable():
            sealed = await self._pool.fetchval(GET, merchant, provider)
        return None if sealed is None else self._open(sealed, merchant, provider)

    async def merchants_of(self, provider: str, account_id: str) -> list[str]:
        """Return the merchants of one provider account, at most 20."""
        with raising_unavailable():
            rows = await self._pool.fetch(MERCHANTS_OF_ACCOUNT, provider, account_id)
        return [row[0] for row in rows]

    async def accounts(self) -> list[ConnectedAccount]:
        """Return every account that has a credential."""
        with raising_unavailable():
            rows = await self._pool.fetch(ACCOUNTS)
        return [ConnectedAccount(provider=row[0], account_id=row[1], merchants=tuple(row[2])) for row in rows]

    async def secret(self, name: str) -> bytes:
        """Return a secret of the hub; the first call creates it, and every process gets the same one."""
        sealed = self.seal(os.urandom(SECRET_BYTES), bound_to_secret(name))
        with raising_unavailable():
            await self._pool.execute(MAKE, name, sealed)
            sealed = await self._pool.fetchval(RECALL, name)
        return self.unseal(sealed, bound_to_secret(name))

    async def check_key(self) -> None:
        """Check that the key decrypts a stored secret, if there is one; raises `InvalidVaultKey`."""
        with raising_unavailable():
            row = await self._pool.fetchrow(ANY_SEALED_ROW)
        if row is not None:
            self.unseal(row["sealed"], bound_to_secret(row["name"]))

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Encrypt `plain`, so that it decrypts only with the same `bound_to`."""
        return encrypt(self._cipher(self._keys.current()[0]), plain, bound_to)

    def newest_cipher(self) -> AESGCM:
        """Return the cipher of the key that was the first one at most `OFTEN_S` ago, for those who encrypt often."""
        now_s = time.monotonic()
        if now_s - self._checked_at_s >= OFTEN_S:
            self._newest = self._cipher(self._keys.current()[0])
            self._checked_at_s = now_s
        return self._newest

    def _cipher(self, key: bytes) -> AESGCM:
        """Return the cipher of a key; there are few keys, and to make a cipher costs as much as to use it."""
        cipher = self._ciphers.get(key)
        if cipher is None:
            cipher = self._ciphers[key] = AESGCM(key)
        return cipher

    def unseal(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt what `seal` returned, with any current key; raises `InvalidVaultKey`."""
        return self.unseal_all([(sealed, bound_to)])[0]

    def unseal_all(self, sealed: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """Decrypt several values and what each is bound to, as `unseal` does, with one look at the file of keys."""
        ciphers = [self._cipher(key) for key in self._keys.current()]
        return [_decrypt_with_any(ciphers, each, bound_to) for each, bound_to in sealed]

    def reseal(self, sealed: bytes, bound_to: bytes) -> bytes | None:
        """Encrypt with the first key what another key encrypted; None for what the first key decrypts already.

        Raises `InvalidVaultKey`.
        """
        try:
            decrypt(self._cipher(self._keys.current()[0]), sealed, bound_to)
        except InvalidTag:
            return self.seal(self.unseal(sealed, bound_to), bound_to)
        return None

    def _open(self, sealed: bytes, merchant: str, provider: str) -> Credential:
        plain = self.unseal(sealed, bound_to_credential(merchant, provider))
        return msgspec.json.decode(plain, type=Credential)


def _decrypt_with_any(ciphers: Sequence[AESGCM], sealed: bytes, bound_to: bytes) -> bytes:
    for cipher in ciphers:
        try:
            return decrypt(cipher, sealed, bound_to)
        except InvalidTag:
            continue
    raise InvalidVaultKey(why="other_key")


def bound_to_credential(merchant: str, provider: str) -> bytes:
    """Return the text that a credential is bound to."""
    return f"{merchant}\n{provider}".encode()


def bound_to_secret(name: str) -> bytes:
    """Return the text that a secret of the hub is bound to."""
    return f"hub secret\n{name}".encode()
