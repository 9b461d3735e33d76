"""What the acceptance walk takes from the system: PostgreSQL 15, nginx, and a Python that every user can run.

`make test` unpacks the Debian packages that are not installed. Where other users cannot enter the checkout, a folder
that they can enter has links to the files.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from services.cli.embedded.postgres_paths import others_may_pass

ROOT = Path(__file__).parents[3]
POSTGRES_PROGRAMS = ("initdb", "pg_basebackup", "pg_checksums", "pg_verifybackup", "postgres", "psql")


def postgres_15(reachable: Path) -> tuple[Path, str]:
    """Return the folder of the programs, and the path of their libraries, which is empty where they are installed."""
    inside = Path("usr/lib/postgresql/15/bin")
    if (Path("/") / inside / "postgres").exists():
        return Path("/") / inside, ""
    unpacked = ROOT / ".venv" / "postgresql-15"
    assert (unpacked / inside / "postgres").exists(), "postgresql-15 is missing: `make test` unpacks it"
    if not others_may_pass(unpacked):
        link_tree(unpacked, reachable / "postgresql-15")
        unpacked = reachable / "postgresql-15"
    libraries = sorted({library.parent for library in unpacked.rglob("*.so.*")})
    return unpacked / inside, os.pathsep.join(map(str, libraries))


def nginx() -> str:
    """Return the path of nginx."""
    found = shutil.which("nginx", path=f"/usr/sbin:{ROOT / '.venv' / 'nginx' / 'usr' / 'sbin'}")
    assert found, "nginx is missing: `make test` unpacks it"
    return found


def python_for_everyone() -> str:
    """Return a Python of this version that every user can run; a private one is of no use to a user of a unit."""
    version = f"python3.{sys.version_info.minor}"
    own = Path(sys.base_prefix) / "bin" / version
    for candidate in (own, Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        if candidate.exists() and others_may_pass(candidate.resolve().parent):
            return str(candidate)
    raise AssertionError(f"No user but this one can run {own}: install {version}")


def link_tree(source: Path, target: Path) -> None:
    """Copy a folder for other users: with links to the files where that is possible, which takes no time."""
    for folder, _, names in os.walk(source):
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True, exist_ok=True, mode=0o755)
        for name in names:
            link_file(Path(folder, name), there / name)


def link_file(source: Path, target: Path) -> None:
    """Copy a file for other users."""
    if source.is_symlink() or source.stat().st_mode & 0o004:
        with contextlib.suppress(OSError):
            os.link(source, target, follow_symlinks=False)
            return
    shutil.copy2(source, target, follow_symlinks=False)
    if not target.is_symlink():
        target.chmod(target.stat().st_mode | 0o444)


def install_packages(requirements: Path, site: Path) -> None:
    """Install the packages of a lock file, and no others, from the environment of the tests."""
    for line in requirements.read_text().splitlines():
        name, is_pinned, _ = line.partition("==")
        if not is_pinned or line.startswith((" ", "#")):
            continue
        for file in metadata.distribution(name.partition("[")[0]).files or ():
            source = Path(str(file.locate()))
            if ".." not in file.parts and source.exists():
                (site / file).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
                link_file(source, site / file)


def run(*command: str | Path, **options: object) -> str:
    """Run a program and return its output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
