"""How a secret reaches the command line: from a file, a prompt or standard input, and never as an argument.

Arguments are seen by every user of the machine and stay in the history of the shell.
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
    """Read the file, or ask at a terminal without showing what is typed, or take the next line that is piped in."""
    if file is not None:
        try:
            secret = _read_given(file).strip()
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
            raise CannotStart(f"{file} is no file with the {what}.") from None
    elif sys.stdin.isatty():
        secret = getpass.getpass(f"{what}: ").strip()
    else:
        secret = sys.stdin.readline().strip()
    if not secret:
        raise CannotStart(f"The {what} is missing: type it, pipe it in as a line, or give a file.")
    return secret


def _read_given(file: Path) -> str:
    """Read a file that an operator names: it may be a link, as in Kubernetes, or a pipe of the shell."""
    with file.open(encoding="utf-8") as given:
        mode = os.fstat(given.fileno()).st_mode
        if stat.S_ISREG(mode) and mode & stat.S_IWOTH:
            raise CannotStart(f"{file} may be written by every user: `chmod o-w {file}`, and see what is in it.")
        return given.read()
