"""Provider credentials, encrypted at rest with AES-256-GCM and bound to their merchant and provider."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from extrato.errors import ExtratoError, StoreUnavailable
from extrato.ports import Credential
from extrato.store.unavailable import LINE_BROKE

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
CACHE_S: Final = 5.0
CACHE_LIMIT: Final = 10_000

PUT: Final = """
    INSERT INTO credentials (merchant, provider, account_id, sealed) VALUES ($1, $2, $3, $4)
    ON CONFLICT (merchant, provider)
    DO UPDATE SET account_id = excluded.account_id, sealed = excluded.sealed, recorded_at = now()
"""
GET: Final = "SELECT sealed FROM credentials WHERE merchant = $1 AND provider = $2"
MERCHANTS_OF_ACCOUNT: Final = """
    SELECT merchant FROM credentials WHERE provider = $1 AND account_id = $2 ORDER BY merchant LIMIT 20
"""


class InvalidVaultKey(ExtratoError):
    """The key that opens the vault is not one, or not the one that closed it."""

    code = "invalid_vault_key"


def read_key(text: str) -> bytes:
    """Read a key from its base64 text; raises `InvalidVaultKey`."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        msg = "The vault's key must be 32 bytes in base64."
        raise InvalidVaultKey(msg)
    return key


def load_or_make_key(path: Path) -> bytes:
    """Read the key file, or make one that only its owner can read; several processes may try at once."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and the first one stays.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return read_key(path.read_text(encoding="ascii"))


class Vault:
    """Keeps and gives credentials; what it gave is remembered for a few seconds."""

    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self._pool = pool
        self._cipher = AESGCM(key)
        self._remembered: dict[tuple[str, str], tuple[float, Credential | None]] = {}

    async def put(self, merchant: str, provider: str, credential: Credential) -> None:
        """Keep a credential in place of the one before it."""
        sealed = self.seal(msgspec.json.encode(credential), _bound_to(merchant, provider))
        await self._pool.execute(PUT, merchant, provider, credential.account_id, sealed)
        self._remembered.pop((merchant, provider), None)

    async def get(self, merchant: str, provider: str) -> Credential | None:
        """Give the credential; None when there is none. Raises `InvalidVaultKey` and `StoreUnavailable`."""
        remembered = self._remembered.get((merchant, provider))
        if remembered is not None and time.monotonic() - remembered[0] < CACHE_S:
            return remembered[1]
        try:
            sealed = await self._pool.fetchval(GET, merchant, provider)
        except LINE_BROKE as error:
            msg = "The database does not answer."
            raise StoreUnavailable(msg) from error
        credential = None
        if sealed is not None:
            plain = self.unseal(sealed, _bound_to(merchant, provider))
            credential = msgspec.json.decode(plain, type=Credential)
        if len(self._remembered) >= CACHE_LIMIT:
            self._remembered.clear()
        self._remembered[merchant, provider] = (time.monotonic(), credential)
        return credential

    async def merchants_of(self, provider: str, account_id: str) -> list[str]:
        """Give the merchants that receive over one account of a provider, at most 20."""
        return [row[0] for row in await self._pool.fetch(MERCHANTS_OF_ACCOUNT, provider, account_id)]

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Encrypt something so that it opens only together with `bound_to`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to)

    def unseal(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt what `seal` gave; raises `InvalidVaultKey`."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
        except InvalidTag as error:
            msg = "Something sealed cannot be opened: the vault's key is not the one it was closed with."
            raise InvalidVaultKey(msg) from error


def _bound_to(merchant: str, provider: str) -> bytes:
    return f"{merchant}\n{provider}".encode()
