"""The list of forgotten payments: a file outside the database, so that it survives a restore from a backup.

Each line has a log's id, a payment's id and a time, and no personal data. A line is on the disk before the key of its
payment is destroyed. The file only grows.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from extrato.errors import ExtratoError
from extrato.own_files import open_own, read_own, sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BLOCK: Final = 4096


class UnusableForgottenList(ExtratoError):
    """The list cannot be read or written, so no payer can be forgotten."""

    code = "forgotten_list_unusable"


class Listed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One forgotten payment; a payment that was opened after `at` is another one with the same id.

    `text`: the merchant's text is hidden too.
    """

    log_id: UUID
    payment_id: int
    at: datetime
    text: bool = False


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Listed).decode


class ForgottenList:
    """The list in `file`; without a file it is empty, and nothing can be added to it."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    async def check(self) -> None:
        """Create the file if it is missing; raises `UnusableForgottenList` when nothing can be added."""
        await self.add(())

    async def add(self, listed: Sequence[Listed]) -> None:
        """Add lines, which then survive a power cut; raises `UnusableForgottenList`."""
        if self._file is None:
            raise UnusableForgottenList(why="no_file")
        await asyncio.to_thread(append_lines, self._file, listed)

    async def read(self) -> list[Listed]:
        """Return every line; raises `UnusableForgottenList`."""
        return [] if self._file is None else await asyncio.to_thread(read_list, self._file)


def append_lines(file: Path, listed: Sequence[Listed]) -> None:
    """Append lines to a list, and wait until they are on the disk; raises `UnusableForgottenList`."""
    lines = b"".join(_encode(each) + b"\n" for each in listed)
    try:
        is_new = not file.exists()
        descriptor = open_own(file, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            # Several processes of one host share the file.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _drop_incomplete_end(descriptor)
            while lines:
                lines = lines[os.write(descriptor, lines) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync_folder(file.parent)
    except OSError as error:
        raise UnusableForgottenList(file=file, words=error.strerror or str(error)) from error


def read_list(file: Path) -> list[Listed]:
    """Return the complete lines of a list, none if the file is missing; raises `UnusableForgottenList`."""
    try:
        content = read_own(file)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnusableForgottenList(file=file, words=error.strerror or str(error)) from error
    lines = content.split(b"\n")[:-1]
    try:
        return [_decode(line) for line in lines]
    except msgspec.MsgspecError as error:
        raise UnusableForgottenList(why="line", file=file) from error


def _drop_incomplete_end(descriptor: int) -> None:
    """Remove a line that a crash cut off: it was not on the disk, so no key was destroyed because of it."""
    end = os.fstat(descriptor).st_size
    start = max(0, end - _BLOCK)
    tail = os.pread(descriptor, end - start, start)
    os.ftruncate(descriptor, start + tail.rfind(b"\n") + 1)
