"""How a secret reaches the command line: from a file, a prompt or standard input, and never as an argument.

Arguments are seen by every user of the machine and stay in the history of the shell.
"""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING

from extrato.process import CannotStart

if TYPE_CHECKING:
    from pathlib import Path


def read_secret(what: str, file: Path | None) -> str:
    """Read the file, or ask at a terminal without showing what is typed, or take the next line that is piped in."""
    if file is not None:
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
            raise CannotStart(f"{file} is no file with the {what}.") from None
    elif sys.stdin.isatty():
        secret = getpass.getpass(f"{what}: ").strip()
    else:
        secret = sys.stdin.readline().strip()
    if not secret:
        raise CannotStart(f"The {what} is missing: type it, pipe it in as a line, or give a file.")
    return secret
