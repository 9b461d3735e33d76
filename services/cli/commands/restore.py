"""`extrato restore`: a home for `extrato up` from a base backup and the archived WAL."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Final

from extrato.assembly import vault_keys
from extrato.process import CannotStart
from extrato.settings import FORGOTTEN_FILE, FORGOTTEN_LIST, Settings
from extrato.store.migrations import migrate
from services.cli import preflight
from services.cli.commands.restored import a_time, begin_epoch, forgotten_option, tell_epoch
from services.cli.embedded.archive import find_archive
from services.cli.embedded.nats import EmbeddedNats
from services.cli.embedded.postgres_paths import make_paths
from services.cli.embedded.recovery import RecoveringPostgres
from services.cli.supervisor.run_directory import RunDirectory

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.cli.embedded.archive import Archive, BaseBackup

# A killed server would have to recover again at the next start; a large one writes for minutes before it stops.
_STOP_WITHIN_S: Final = 600.0


def restore_options(parser: ArgumentParser) -> None:
    """Add where from and up to when."""
    parser.add_argument("--from", required=True, type=Path, dest="archive", metavar="ARCHIVE", help="EXTRATO_ARCHIVE")
    forgotten_option(parser)
    parser.add_argument("--until", type=a_time, metavar="TIME", help="such as 2026-11-29T14:30:00-03:00")


async def restore(arguments: Namespace, environment: Mapping[str, str]) -> None:
    """Recover the database, and begin another epoch of its log; raises `CannotStart` and `InvalidVaultKey`.

    The vault's key must be in its place before: without it, no credential can be decrypted. `extrato up` ignores a
    restore that did not end, and the next restore replaces it.
    """
    settings = Settings.from_environment(environment)
    if settings.database_url:
        raise CannotStart("Your own PostgreSQL is restored by its own tools: see docs/backup.md.")
    vault_keys(settings, may_create=False).current()
    preflight.prepare_home(settings)
    async with RunDirectory(settings.home / "run"):
        paths = await asyncio.to_thread(make_paths, settings.home)
        if paths.data.exists():
            raise CannotStart(
                f"{settings.home} has a database: choose another EXTRATO_HOME, or move {paths.data} away."
            )
        archive = find_archive(arguments.archive.absolute(), paths)
        backup = _backup_before(archive, arguments.until)
        print(f"PostgreSQL recovers the base backup of {backup.ended_at.isoformat()}.", flush=True)
        postgres = RecoveringPostgres(settings.home, archive=archive, backup=backup, until=arguments.until)
        await postgres.start()
        try:
            await migrate(postgres.url, services_url=postgres.services_url)
            own_list = settings.forgotten_file or settings.home / FORGOTTEN_LIST
            servers = {"EXTRATO_DATABASE_URL": postgres.services_url, FORGOTTEN_FILE: str(own_list)}
            await _begin_epoch(settings, {**environment, **servers}, arguments.forgotten)
        finally:
            await postgres.stop(grace_s=_STOP_WITHIN_S)
        postgres.complete()
    print("Start the hub. When it is ready, `extrato restored --report` lists the payments that the log has lost.")


async def _begin_epoch(settings: Settings, environment: Mapping[str, str], forgotten: Sequence[Path]) -> None:
    async with contextlib.AsyncExitStack() as servers:
        if not settings.nats_url:
            nats = await servers.enter_async_context(EmbeddedNats(settings.home))
            environment = {**environment, "EXTRATO_NATS_URL": nats.url}
        tell_epoch(await begin_epoch(environment, forgotten=forgotten))


def _backup_before(archive: Archive, until: datetime | None) -> BaseBackup:
    """Choose the newest base backup that ended before `until`."""
    backups = [backup for backup in archive.base_backups() if until is None or backup.ended_at <= until]
    if not backups:
        before = f" that ended before {until.astimezone(UTC).isoformat()}" if until else ""
        raise CannotStart(f"{archive.folder} has no base backup{before}.")
    return backups[-1]
