"""Verifies a base backup by its manifest, as `pg_verifybackup` does: that program of the wheel crashes.

Source: PostgreSQL's documentation, chapter "Backup Manifest Format", version 2.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field

from extrato.process import CannotStart

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "backup_manifest"
_LAST_LINE: Final = b'"Manifest-Checksum"'
_ALGORITHM: Final = "SHA256"


class BackupFile(Struct, frozen=True, kw_only=True):
    """A file of a base backup; `encoded_path` is the hexadecimal form of a path that is not UTF-8."""

    path: str = field(name="Path", default="")
    encoded_path: str = field(name="Encoded-Path", default="")
    size: int = field(name="Size")
    algorithm: str = field(name="Checksum-Algorithm")
    checksum: str = field(name="Checksum")


class WalRange(Struct, frozen=True, kw_only=True):
    """The WAL that the base backup needs to be consistent, by its positions."""

    timeline: int = field(name="Timeline")
    start: str = field(name="Start-LSN")
    end: str = field(name="End-LSN")


class Manifest(Struct, frozen=True, kw_only=True):
    """What `pg_basebackup` wrote about the backup."""

    files: tuple[BackupFile, ...] = field(name="Files")
    wal_ranges: tuple[WalRange, ...] = field(name="WAL-Ranges")
    checksum: str = field(name="Manifest-Checksum")


def verify_files(folder: Path) -> tuple[WalRange, ...]:
    """Compare every file with the manifest and return the WAL that is needed; raises `CannotStart`."""
    try:
        content = (folder / NAME).read_bytes()
        manifest = msgspec.json.decode(content, type=Manifest)
    except (FileNotFoundError, msgspec.MsgspecError) as error:
        raise CannotStart(f"{folder} is no base backup: {error}.") from error
    if hashlib.sha256(content[: content.rindex(_LAST_LINE)]).hexdigest() != manifest.checksum:
        raise CannotStart(f"{folder / NAME} is damaged.")
    for file in manifest.files:
        _verify(folder / (file.path or bytes.fromhex(file.encoded_path).decode(errors="surrogateescape")), file)
    return manifest.wal_ranges


def _verify(path: Path, file: BackupFile) -> None:
    if file.algorithm != _ALGORITHM:
        raise CannotStart(f"The manifest of the base backup has checksums by {file.algorithm}, not by {_ALGORITHM}.")
    try:
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            size = opened.tell()
    except OSError as error:
        raise CannotStart(f"{path} is missing in the base backup, or cannot be read: {error.strerror}.") from error
    if (size, digest) != (file.size, file.checksum):
        raise CannotStart(f"{path} is damaged: it differs from the manifest of the base backup.")
