"""`extrato backup`: a base backup of the embedded PostgreSQL, which runs, into the archive of its WAL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from extrato.process import CannotStart
from extrato.settings import Settings
from services.cli import preflight
from services.cli.commands.running import running_hub
from services.cli.embedded.archive import find_archive
from services.cli.embedded.base_backup import KEPT, take_base_backup
from services.cli.embedded.postgres_paths import make_paths

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

ARCHIVED_BY: Final = "SELECT current_setting('archive_mode') = 'on', current_setting('archive_command')"


async def backup(_arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Take a base backup, verify it, and remove those that it replaces; raises `CannotStart`."""
    settings = Settings.from_environment(environment)
    if settings.database_url:
        raise CannotStart("Your own PostgreSQL has its own backups: unset EXTRATO_DATABASE_URL, or see docs/backup.md.")
    if settings.archive is None:
        raise CannotStart("EXTRATO_ARCHIVE must name the folder in which the hub archives its WAL.")
    preflight.check_archive(settings)
    async with running_hub(environment) as running:
        paths = await asyncio.to_thread(make_paths, settings.home)
        archive = find_archive(settings.archive, paths)
        is_on, command = await running.pool.fetchrow(ARCHIVED_BY)
        if not is_on or command != archive.archive_command(paths):
            raise CannotStart(f"The running hub does not archive its WAL in {archive.folder}: start it again.")
        taken = await take_base_backup(archive, paths)
    size_mb = sum(file.stat().st_size for file in taken.folder.rglob("*")) / 1_000_000
    print(f"{taken.folder} has a verified base backup of {size_mb:.0f} MB; the archive keeps the newest {KEPT}.")
    print(f"A restore can end at any time after {taken.ended_at.isoformat()}.")
    if settings.secret_key:
        print("The vault's key is not in it: keep EXTRATO_SECRET_KEY in another place than the archive.")
    else:
        print(f"The vault's key is not in it: keep {settings.secret_key_file} in another place than the archive.")
