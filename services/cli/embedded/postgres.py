"""A private PostgreSQL below the hub's home, for a machine without PostgreSQL.

Only the system user that runs the hub can connect. The server listens on a unix socket only, in a folder that others
cannot enter, and authenticates by the kernel (`peer`). It accepts three roles, and none is a superuser: `extrato` owns
the database and runs the migrations, `extrato_services` has the rights that the services need, and `extrato_backup`
reads the cluster for base backups. The programs come from a wheel, without the wheel's own Python code.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import pwd
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from extrato.own_files import make_folder, write_own
from extrato.process import CannotStart
from services.cli.embedded.archive import archiving, make_archive
from services.cli.embedded.postgres_paths import ENVIRONMENT, PostgresPaths, make_paths
from services.cli.embedded.server import Server
from services.cli.supervisor.child import Program, describe_ending, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWNER_AND_DATABASE: Final = b"CREATE ROLE extrato LOGIN;\nCREATE DATABASE extrato OWNER extrato;\n"
# Safe to repeat. A database of an older version has one role, which can create databases.
_SERVICES_ROLE: Final = b"""\
DO $$BEGIN IF to_regrole('extrato_services') IS NULL THEN CREATE ROLE extrato_services LOGIN; END IF; END$$;
GRANT extrato_services TO extrato;
ALTER ROLE extrato NOCREATEDB;
"""
# Safe to repeat. The role reads the files of the cluster by the replication protocol, and cannot open a database.
BACKUP_ROLE: Final = "extrato_backup"
_BACKUP_ROLE: Final = b"""\
DO $$BEGIN IF to_regrole('extrato_backup') IS NULL THEN CREATE ROLE extrato_backup LOGIN REPLICATION; END IF; END$$;
"""
_ROLES: Final = ("extrato", "extrato_services")
_HBA: Final = (
    f"local all {','.join(_ROLES)} peer map=extrato\nlocal replication {BACKUP_ROLE} peer map=extrato\n"
    "local all all reject\nhost all all all reject\n"
)
_LEFT_OVER_GRACE_S: Final = 5.0


class EmbeddedPostgres(Server):
    """One server with its data below `home`; it archives its write-ahead log (WAL) in the folder `archive`, if given.

    `fsync=False` is for tests whose data may be lost with the machine.
    """

    def __init__(self, home: Path, *, fsync: bool = True, archive: Path | None = None) -> None:
        self._home = home.absolute()
        self._fsync = fsync
        self._archive_folder = archive
        self._paths: PostgresPaths | None = None

    @property
    def url(self) -> str:
        """The URL of the database for the role that owns it; known after `prepare`."""
        return f"postgresql://extrato@/extrato?host={self._known_paths.socket}"

    @property
    def services_url(self) -> str:
        """The URL of the same database for the services' role; known after `prepare`."""
        return f"postgresql://extrato_services@/extrato?host={self._known_paths.socket}"

    async def prepare(self) -> Program:
        """Create the folders and, once, the database and its roles; return the program to run. Raises `CannotStart`."""
        self._paths = paths = await asyncio.to_thread(make_paths, self._home)
        write_rules(paths)
        if not paths.data.exists():
            await self._create_database(paths)
        elif not _note_of_roles(paths.data).exists():
            await self._clear_left_over()
            await self._create_services_role(paths, paths.data)
        if self._archive_folder is None:
            return self._program(paths, {})
        archive = make_archive(self._archive_folder, paths)
        if not _note_of_backup_role(paths.data).exists():
            await self._clear_left_over()
            await self._create_role(paths, paths.data, _BACKUP_ROLE, note=_note_of_backup_role(paths.data))
        program = self._program(paths, archiving(archive, paths))
        return dataclasses.replace(program, is_ready=self._is_ready_to_archive)

    def _program(self, paths: PostgresPaths, settings: Mapping[str, str]) -> Program:
        """Return the program that runs the cluster of `paths`, with these settings besides its own."""
        return Program(
            name="postgres",
            command=(str(paths.binaries / "postgres"), "-D", str(paths.data), *self._options(paths, settings)),
            log=self._home / "logs" / "postgres.log",
            environment=ENVIRONMENT,
            prepare=self._clear_left_over,
            is_ready=self._is_ready,
            user=paths.user,
            # Fast shutdown: PostgreSQL ends connections, rolls transactions back and writes everything.
            stop_signal=signal.SIGINT,
        )

    @property
    def _known_paths(self) -> PostgresPaths:
        if self._paths is None:
            raise RuntimeError("The paths of this server are known after prepare().")
        return self._paths

    def _options(self, paths: PostgresPaths, more: Mapping[str, str]) -> tuple[str, ...]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(paths.socket),
            "unix_socket_permissions": "0700",
            "hba_file": str(paths.rules / "pg_hba.conf"),
            "ident_file": str(paths.rules / "pg_ident.conf"),
            "max_connections": "200",
        }
        if not self._fsync:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return tuple(word for name, value in {**settings, **more}.items() for word in ("-c", f"{name}={value}"))

    async def _create_database(self, paths: PostgresPaths) -> None:
        """Create the cluster under another name first, so that an unfinished one is never used."""
        unfinished = paths.folder / "data.unfinished"
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        make_folder(unfinished, 0o700, owner=paths.user)
        await self._run(
            paths,
            (
                *(str(paths.binaries / "initdb"), "-D", str(unfinished), "--username=postgres"),
                *("--auth=reject", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(() if self._fsync else ("--no-sync",)),
            ),
        )
        await self._run_single(paths, unfinished, _OWNER_AND_DATABASE)
        await self._create_services_role(paths, unfinished)
        unfinished.rename(paths.data)

    async def _create_services_role(self, paths: PostgresPaths, data: Path) -> None:
        await self._create_role(paths, data, _SERVICES_ROLE, note=_note_of_roles(data))

    async def _create_role(self, paths: PostgresPaths, data: Path, script: bytes, *, note: Path) -> None:
        """Create a role, and then mark the cluster by a file; without the mark the next start repeats this."""
        await self._run_single(paths, data, script)
        # PostgreSQL's user owns the folder and could have put a link there: O_EXCL follows none.
        mark = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if paths.user:
            os.fchown(mark, paths.user.pw_uid, paths.user.pw_gid)
        os.close(mark)

    async def _run_single(self, paths: PostgresPaths, data: Path, script: bytes) -> None:
        """Run statements without a server, so that the socket never has to accept a superuser."""
        options = ("--single", "-D", str(data), "-c", "exit_on_error=on", "postgres")
        await self._run(paths, (str(paths.binaries / "postgres"), *options), script=script)

    async def _run(self, paths: PostgresPaths, command: tuple[str, ...], *, script: bytes = b"") -> None:
        process = await spawn(
            command,
            environment=ENVIRONMENT,
            user=paths.user,
            output=asyncio.subprocess.PIPE,
            standard_input=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate(script)
        if process.returncode:
            said = output.decode(errors="replace").strip().split("\n")[-1]
            ending = describe_ending(process.returncode)
            raise CannotStart(f"{Path(command[0]).name} {ending} while it prepared the database: {said}")

    async def _is_ready(self, pid: int) -> bool:
        lines = _pid_file(self._known_paths.data)
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    async def _is_ready_to_archive(self, pid: int) -> bool:
        """Return whether the server is ready, and then make its checkpointer read the settings.

        The checkpointer starts before the server is ready. Until its first `checkpoint_timeout` of five minutes, it
        would ignore `archive_timeout`.
        """
        is_ready = await self._is_ready(pid)
        if is_ready:
            os.kill(pid, signal.SIGHUP)
        return is_ready

    async def _clear_left_over(self) -> None:
        """End a server that an earlier hub left behind, and delete the pid file of a dead one.

        PostgreSQL would take another process with that pid for a running server. The shared memory of a killed server
        stays in use until its last backend has ended.
        """
        data = self._known_paths.data
        lines = _pid_file(data)
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        deadline = time.monotonic() + _LEFT_OVER_GRACE_S
        while (server := _server(pid, data)) and time.monotonic() < deadline:
            with contextlib.suppress(psutil.NoSuchProcess):
                server.send_signal(signal.SIGINT)
            await asyncio.sleep(0.01)
        while len(lines) > 6 and _memory_in_use(lines[6]) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        (data / "postmaster.pid").unlink(missing_ok=True)


def write_rules(paths: PostgresPaths) -> None:
    """Write the rules for connections."""
    make_folder(paths.rules, 0o755 if paths.user else 0o700)
    users = {pwd.getpwuid(os.geteuid()).pw_name, *({paths.user.pw_name} if paths.user else ())}
    ident = "".join(f'extrato "{name}" {role}\n' for name in sorted(users) for role in (*_ROLES, BACKUP_ROLE))
    for name, text in (("pg_hba.conf", _HBA), ("pg_ident.conf", ident)):
        write_own(paths.rules / name, text.encode(), mode=0o644 if paths.user else 0o600)


def _note_of_roles(data: Path) -> Path:
    """Return the file that marks a cluster with both roles; backups of the cluster contain it."""
    return data / "extrato_two_roles"


def _note_of_backup_role(data: Path) -> Path:
    """Return the file that marks a cluster with the role of backups; backups of the cluster contain it."""
    return data / "extrato_backup_role"


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return []


def _server(pid: int, data: Path) -> psutil.Process | None:
    """Return the process if it is a PostgreSQL server of this data folder; a zombie has no command line."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        words = process.cmdline()
        if words and Path(words[0]).name == "postgres" and str(data) in words:
            return process
    return None


def _memory_in_use(key_and_id: str) -> bool:
    """Return True when a process is attached to this System V memory segment; False when that is unknown."""
    words = key_and_id.split()
    with contextlib.suppress(OSError):
        for line in Path("/proc/sysvipc/shm").read_text().split("\n")[1:]:
            columns = line.split()
            if len(words) == 2 and len(columns) > 6 and columns[1] == words[1]:
                return columns[6] != "0"
    return False
