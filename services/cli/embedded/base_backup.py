"""Base backups of the embedded PostgreSQL: taken while it runs, verified, and removed when newer ones exist."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from extrato.own_files import make_folder, open_own, sync_folder
from extrato.process import CannotStart
from services.cli.embedded.archive import UNFINISHED, Archive, BaseBackup, base_name
from services.cli.embedded.manifest import verify_files
from services.cli.embedded.postgres import BACKUP_ROLE
from services.cli.embedded.postgres_paths import ENVIRONMENT
from services.cli.supervisor.child import spawn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.cli.embedded.postgres_paths import PostgresPaths

# The newest, and the one before it: a fault that an operator notices late may lie before the newest.
KEPT: Final = 2
_FIRST_WAL_FILE: Final = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)$", re.MULTILINE)


async def take_base_backup(archive: Archive, paths: PostgresPaths) -> BaseBackup:
    """Copy the running cluster into the archive and verify the copy; then remove what newer backups replace.

    Raises `CannotStart`, and then every older backup is still there.
    """
    unfinished = archive.base / UNFINISHED
    with _alone(archive):
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        make_folder(unfinished, 0o700, owner=paths.user)
        await run_tool(
            paths,
            *("pg_basebackup", "--pgdata", str(unfinished), "--host", str(paths.socket), "--username", BACKUP_ROLE),
            *("--no-password", "--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256"),
        )
        ended_at = datetime.now(UTC)
        await verify(unfinished, paths)
        backup = BaseBackup(folder=archive.base / base_name(ended_at), ended_at=ended_at)
        unfinished.rename(backup.folder)
        sync_folder(archive.base)
        await remove_old(archive, paths)
    return backup


async def verify(folder: Path, paths: PostgresPaths) -> None:
    """Compare a base backup with its manifest, and read its WAL; raises `CannotStart`."""
    for needed in await asyncio.to_thread(verify_files, folder):
        span = ("--timeline", str(needed.timeline), "--start", needed.start, "--end", needed.end)
        await run_tool(paths, "pg_waldump", "--quiet", "--path", str(folder / "pg_wal"), *span)


async def run_tool(paths: PostgresPaths, name: str, *arguments: str) -> None:
    """Run a program of PostgreSQL, or of the system, as PostgreSQL's user; raises `CannotStart` with its last line."""
    own = paths.binaries / name
    process = await spawn(
        (str(own) if own.exists() else name, *arguments),
        environment=ENVIRONMENT,
        user=paths.user,
        output=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        said = " ".join(output.decode(errors="replace").split())[-500:]
        raise CannotStart(f"{name} failed: {said}")


async def remove_old(archive: Archive, paths: PostgresPaths) -> None:
    """Keep the newest base backups, and the WAL since the oldest of them."""
    backups = archive.base_backups()
    oldest = backups[-KEPT:][0]
    for backup in backups[:-KEPT]:
        await asyncio.to_thread(shutil.rmtree, backup.folder)
    first = _FIRST_WAL_FILE.search((oldest.folder / "backup_label").read_text())
    if first is None:
        raise CannotStart(f"{oldest.folder / 'backup_label'} does not name the first file of the WAL.")
    await run_tool(paths, "pg_archivecleanup", "--strip-extension=.gz", str(archive.wal), first[1])


@contextlib.contextmanager
def _alone(archive: Archive) -> Iterator[None]:
    """Take one backup at a time; raises `CannotStart`."""
    with os.fdopen(open_own(archive.folder / "lock", os.O_WRONLY | os.O_CREAT), "wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"Another backup into {archive.folder} is running.") from None
        yield
