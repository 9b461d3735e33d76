"""The vault's keys: the first one encrypts, every one decrypts.

They are in EXTRATO_SECRET_KEY, separated by commas, or in a file, one a line. Each decryption checks the file for
changes. So every process of the machine can decrypt what another one has encrypted with a rotated key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Final, Protocol

from extrato.errors import ExtratoError
from extrato.own_files import ForeignFile, check_own, draft_own, open_own, read_own, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES: Final = 32


class InvalidVaultKey(ExtratoError):
    """A key is malformed or missing, or none of the keys decrypts the stored secrets."""

    code = "invalid_vault_key"


class VaultKeys(Protocol):
    """A source of keys."""

    def current(self) -> tuple[bytes, ...]:
        """Return the current keys, the encrypting one first; raises `InvalidVaultKey`."""
        ...


class FixedKeys:
    """Keys that never change while the process runs."""

    def __init__(self, text: str) -> None:
        self._keys = read_keys(text.split(","))

    def current(self) -> tuple[bytes, ...]:
        """Return the keys."""
        return self._keys


class KeyFile:
    """Keys in a file that only its owner can read; with `may_create`, the first use creates a missing file."""

    def __init__(self, path: Path, *, may_create: bool) -> None:
        self._path = path
        self._may_create = may_create
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[bytes, ...] = ()

    def current(self) -> tuple[bytes, ...]:
        """Return the keys; a changed file is read again."""
        try:
            state = self._path.lstat()
        except FileNotFoundError:
            if not self._may_create:
                raise InvalidVaultKey(why="no_file", path=self._path) from None
            self._make()
            state = self._path.lstat()
        seen = (state.st_ino, state.st_mtime_ns, state.st_size)
        if seen != self._seen:
            self._keys = read_keys(self._read().decode(errors="replace").split())
            self._seen = seen
        return self._keys

    def _read(self) -> bytes:
        try:
            return read_own(self._path)
        except ForeignFile as error:
            raise InvalidVaultKey(why="file", words=error.message) from error

    def add_current(self, key: bytes) -> None:
        """Make this key the encrypting one, and keep the others; the file is replaced atomically."""
        # Locked, because two writers could lose a key that has encrypted secrets already.
        lock_file = self._path.with_name(f"{self._path.name}.lock")
        with os.fdopen(open_own(lock_file, os.O_WRONLY | os.O_CREAT), "wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = (key, *(each for each in self.current() if each != key))
            draft = self._draft(keys)
            draft.replace(self._path)
            sync_folder(self._path.parent)

    def _make(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            check_own(self._path.parent)
        except ForeignFile as error:
            raise InvalidVaultKey(why="file", words=error.message) from error
        draft = self._draft((new_key(),))
        # Several processes may create the file at once: the first link stays.
        with contextlib.suppress(FileExistsError):
            os.link(draft, self._path)
        draft.unlink()
        sync_folder(self._path.parent)

    def _draft(self, keys: tuple[bytes, ...]) -> Path:
        return draft_own(self._path, b"".join(base64.b64encode(key) + b"\n" for key in keys), durable=True)


def new_key() -> bytes:
    """Return a random key."""
    return os.urandom(KEY_BYTES)


def read_keys(texts: list[str]) -> tuple[bytes, ...]:
    """Decode at least one key from base64 texts; raises `InvalidVaultKey`."""
    keys = []
    for text in texts:
        try:
            key = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise InvalidVaultKey
        keys.append(key)
    if not keys:
        raise InvalidVaultKey(why="absent")
    return tuple(keys)
