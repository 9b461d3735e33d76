"""`python -m tests.wheel FOLDER` builds the wheel from the tracked files of this checkout.

The build has a copy of these files alone, so a file that git does not track cannot get into the wheel.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

# What the program needs when it runs.
PROGRAM: Final = ("contracts", "extrato", "services", "deploy/migrations")
DESCRIPTION: Final = ("pyproject.toml", "README.md", "LICENSE")


def tracked(*paths: str) -> list[str]:
    """Return the tracked files below these paths, relative to the checkout."""
    git = ("git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "--", *paths)
    listed = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def build_wheel(folder: Path) -> Path:
    """Build the wheel into `folder` without a package registry, and return its path."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        for each in tracked(*PROGRAM, *DESCRIPTION):
            target = Path(name, each)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / each, target)
        build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), name)
        built = subprocess.run(build, capture_output=True, text=True, check=False)
        if built.returncode:
            raise SystemExit(built.stdout + built.stderr)
    return max(folder.glob("extrato-*.whl"), key=lambda path: path.stat().st_mtime)


if __name__ == "__main__":
    print(build_wheel(Path(sys.argv[1])))
