"""Where the embedded PostgreSQL archives its write-ahead log (WAL), and where its base backups are.

PostgreSQL's user owns both folders: its programs write and read them.
"""

from __future__ import annotations

import os
import pwd
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from extrato.own_files import check_own, make_folder, write_own
from extrato.process import CannotStart
from services.cli.embedded.postgres_paths import PostgresPaths, others_may_pass

ARCHIVE_TIMEOUT_S: Final = 60
UNFINISHED: Final = "unfinished"
_SCRIPT: Final = Path(__file__).with_name("archive.sh")
_TIME: Final = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, kw_only=True)
class Archive:
    """An archive of one database cluster."""

    folder: Path

    @property
    def wal(self) -> Path:
        """The compressed files of the WAL."""
        return self.folder / "wal"

    @property
    def base(self) -> Path:
        """The base backups, each in a folder that has the time of its end as its name."""
        return self.folder / "base"

    @property
    def restore_command(self) -> str:
        """What gives PostgreSQL a file of the WAL; it fails for a file that the archive does not have."""
        file = f"{_for_postgres(self.wal)}/%f.gz"
        return f"test -f {file} && gzip -dc {file} > %p"

    def archive_command(self, paths: PostgresPaths) -> str:
        """What archives a file of the WAL."""
        return f"sh {_for_postgres(_script(paths))} %p %f {_for_postgres(self.wal)}"

    def base_backups(self) -> list[BaseBackup]:
        """Return the finished base backups, oldest first; raises `PermissionError`."""
        found = []
        for folder in self.base.iterdir() if self.base.is_dir() else ():
            try:
                ended_at = datetime.fromisoformat(folder.name)
            except ValueError:
                continue
            if ended_at.tzinfo is not None:
                found.append(BaseBackup(folder=folder, ended_at=ended_at))
        return sorted(found, key=lambda backup: backup.ended_at)


@dataclass(frozen=True, kw_only=True)
class BaseBackup:
    """A verified base backup; a restore can begin with it and end at any time after `ended_at`."""

    folder: Path
    ended_at: datetime


def base_name(ended_at: datetime) -> str:
    """Name the folder of a base backup."""
    return ended_at.astimezone(UTC).strftime(_TIME)


def make_archive(folder: Path, paths: PostgresPaths) -> Archive:
    """Create the folders of an archive, unless they exist, and what archives into it.

    Raises `ForeignFile` for a folder of another user, and `CannotStart` where PostgreSQL's user cannot reach it.
    """
    make_folder(folder, 0o711 if paths.user else 0o700)
    archive = Archive(folder=folder)
    _check_reachable(archive, paths)
    for each in (archive.wal, archive.base):
        make_folder(each, 0o700, owner=paths.user)
    make_folder(paths.rules, 0o755 if paths.user else 0o700)
    write_own(_script(paths), _SCRIPT.read_bytes(), mode=0o644 if paths.user else 0o600)
    return archive


def find_archive(folder: Path, paths: PostgresPaths) -> Archive:
    """Return an archive that exists; raises `ForeignFile` and `CannotStart`."""
    archive, owners = Archive(folder=folder), {paths.user.pw_uid} if paths.user else set[int]()
    if not all(check_own(each, owners=owners) and each.is_dir() for each in (folder, archive.wal, archive.base)):
        raise CannotStart(f"{folder} is no archive: it has no folders `wal` and `base`.")
    _check_reachable(archive, paths)
    return archive


def archiving(archive: Archive, paths: PostgresPaths) -> dict[str, str]:
    """Return the settings of a server that archives its WAL, each file at most a minute after its first record."""
    return {
        "archive_mode": "on",
        "archive_command": archive.archive_command(paths),
        "archive_timeout": f"{ARCHIVE_TIMEOUT_S}s",
    }


def _check_reachable(archive: Archive, paths: PostgresPaths) -> None:
    if paths.user and not others_may_pass(archive.folder):
        name = pwd.getpwuid(os.geteuid()).pw_name
        raise CannotStart(
            f"PostgreSQL runs as {paths.user.pw_name}, and only {name} may pass through the folders above or at"
            f" {archive.folder}: choose another one."
        )


def _script(paths: PostgresPaths) -> Path:
    return paths.rules / "archive.sh"


def _for_postgres(path: Path) -> str:
    """Quote a path for the shell, and for PostgreSQL, which replaces words that begin with `%`."""
    return shlex.quote(str(path)).replace("%", "%%")
