"""The embedded PostgreSQL while it recovers a base backup and the archived WAL, in a home without a database."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from typing import TYPE_CHECKING, Final

from extrato.own_files import make_folder
from services.cli.embedded.base_backup import run_tool, verify
from services.cli.embedded.postgres import EmbeddedPostgres, write_rules
from services.cli.embedded.postgres_paths import make_paths

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from services.cli.embedded.archive import Archive, BaseBackup
    from services.cli.supervisor.child import Program

# As long as it takes: a large log is recovered for hours.
_NO_LIMIT_S: Final = float("inf")


class RecoveringPostgres(EmbeddedPostgres):
    """A server that is ready when it has recovered up to `until`, or to the end of the archive.

    Its cluster has a name that `extrato up` ignores, until `complete`, which follows `stop`. The server
    leaves the archive as it is: it may be the archive of another hub, which still runs.
    """

    def __init__(self, home: Path, *, archive: Archive, backup: BaseBackup, until: datetime | None) -> None:
        super().__init__(home)
        self._archive = archive
        self._backup = backup
        self._until = until

    async def prepare(self) -> Program:
        """Verify the base backup and copy it; gives the server that recovers it. Raises `CannotStart`."""
        whole = await asyncio.to_thread(make_paths, self._home)
        self._paths = paths = dataclasses.replace(whole, cluster="data.unfinished")
        write_rules(paths)
        await verify(self._backup.folder, paths)
        await asyncio.to_thread(shutil.rmtree, paths.data, ignore_errors=True)
        make_folder(paths.data, 0o700, owner=paths.user)
        await run_tool(paths, "cp", "-Rp", f"{self._backup.folder}/.", str(paths.data))
        await run_tool(paths, "touch", str(paths.data / "recovery.signal"))
        program = self._program(paths, self._recovery())
        return dataclasses.replace(program, ready_within_s=_NO_LIMIT_S)

    def _recovery(self) -> dict[str, str]:
        until = {} if self._until is None else {"recovery_target_time": self._until.isoformat()}
        return {
            **until,
            "restore_command": self._archive.restore_command,
            "recovery_target_timeline": "latest",
            "recovery_target_action": "promote",
            "hot_standby": "off",
            # Without a command, the server keeps its WAL for the archive of the hub that will run here.
            "archive_mode": "on",
            "archive_command": "",
        }

    def complete(self) -> None:
        """Rename the recovered cluster to what `extrato up` uses."""
        whole = dataclasses.replace(self._known_paths, cluster="data")
        self._known_paths.data.rename(whole.data)
