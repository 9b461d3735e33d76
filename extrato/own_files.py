"""Files and folders of the hub's home: used only if no other user can have created or can change them.

An opened file is no link, belongs to the user who runs the hub or to root, and no other user may write it. The checks
run on the open file, so that it cannot be exchanged between check and use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat
from typing import TYPE_CHECKING, Final

from extrato.errors import ExtratoError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_NOT_A_FILE: Final = frozenset({errno.ENXIO, errno.EISDIR})


class ForeignFile(ExtratoError):
    """A file or folder is not the hub's own; the message is one sentence for the operator."""

    code = "foreign_file"


def check_own(path: Path, *, owners: Collection[int] = ()) -> bool:
    """Return whether the file or folder exists; raises `ForeignFile` unless the hub or one of `owners` owns it."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    _check(path, found, owners)
    return True


def make_folder(path: Path, mode: int, *, owner: pwd.struct_passwd | None = None) -> None:
    """Create a folder with exactly this mode and owner; an existing one stays unchanged.

    Raises `ForeignFile` if an existing one belongs to neither the owner nor the hub.
    """
    if check_own(path, owners={owner.pw_uid} if owner else ()) and path.is_dir():
        return
    path.mkdir(mode=0o700, parents=True)
    path.chmod(mode)
    if owner:
        os.chown(path, owner.pw_uid, owner.pw_gid)


def open_own(path: Path, flags: int, *, mode: int = 0o600) -> int:
    """Open a file, created with `mode` if `flags` say so; returns a descriptor.

    To empty the file, the caller truncates it afterwards. Raises `ForeignFile` and `OSError`.
    """
    try:
        # Without O_NONBLOCK, a pipe in place of the file would block until its other end opens.
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _link_error(path) from None
        if error.errno in _NOT_A_FILE:
            raise _not_a_file_error(path) from None
        raise
    try:
        _check_opened(path, os.fstat(descriptor), will_write=bool(flags & (os.O_WRONLY | os.O_RDWR)))
        os.set_blocking(descriptor, True)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_own(path: Path) -> bytes:
    """Read a file; raises `ForeignFile`, and `FileNotFoundError` if there is none."""
    with os.fdopen(open_own(path, os.O_RDONLY), "rb") as file:
        return file.read()


def write_own(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file completely or not at all; other users can never read it, unless `mode` allows that."""
    draft = draft_own(path, content, mode=mode)
    draft.replace(path)


def draft_own(path: Path, content: bytes, *, mode: int = 0o600, durable: bool = False) -> Path:
    """Write a draft beside `path` that can replace it, and return its path; with `durable` it survives a power cut."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        # The umask of the process would reduce the mode.
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        if durable:
            os.fsync(descriptor)
    return draft


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, so that they survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_opened(path: Path, found: os.stat_result, *, will_write: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _not_a_file_error(path)
    _check(path, found)
    if will_write and found.st_nlink > 1:
        raise ForeignFile(why="names", path=path)


def _check(path: Path, found: os.stat_result, owners: Collection[int] = ()) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise _link_error(path)
    if found.st_uid not in {0, os.geteuid(), *owners}:
        raise ForeignFile(why="owner", path=path, user=_name_of(found.st_uid))
    if found.st_mode & _OTHERS_MAY_WRITE:
        raise ForeignFile(why="writable", path=path)


def _link_error(path: Path) -> ForeignFile:
    return ForeignFile(why="link", path=path)


def _not_a_file_error(path: Path) -> ForeignFile:
    return ForeignFile(path=path)


def _name_of(user_id: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(user_id).pw_name
    return str(user_id)
