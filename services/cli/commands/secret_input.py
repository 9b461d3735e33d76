"""Reads a secret from a file, a prompt or standard input, never from an argument.

Every user of the machine can see arguments, and the shell keeps them in its history.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from typing import TYPE_CHECKING

from extrato.process import CannotStart

if TYPE_CHECKING:
    from pathlib import Path


def read_secret(what: str, file: Path | None) -> str:
    """Read the file, or ask at a terminal without echo, or read the next line of standard input."""
    if file is not None:
        try:
            secret = _read_given(file).strip()
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
            raise CannotStart(f"Cannot read the {what} from {file}.") from None
    elif sys.stdin.isatty():
        secret = getpass.getpass(f"{what}: ").strip()
    else:
        secret = sys.stdin.readline().strip()
    if not secret:
        raise CannotStart(f"The {what} is missing: type it, pipe it in as a line, or name a file.")
    return secret


def _read_given(file: Path) -> str:
    """Read a file that the operator named; it may be a link, as in Kubernetes, or a pipe of the shell."""
    with file.open(encoding="utf-8") as given:
        mode = os.fstat(given.fileno()).st_mode
        if stat.S_ISREG(mode) and mode & stat.S_IWOTH:
            raise CannotStart(f"{file} may be written by every user: run `chmod o-w {file}` and check its content.")
        return given.read()
