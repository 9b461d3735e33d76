"""Files with an API key that only their owner can read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from extrato.own_files import read_own, write_own

if TYPE_CHECKING:
    from pathlib import Path


def keep_key(key_file: Path, api_key: str) -> None:
    """Write a key before it is issued: of a start that breaks off a key that opens nothing is left, not one unknown."""
    write_own(key_file, f"{api_key}\n".encode("ascii"))


def kept_key(key_file: Path) -> str | None:
    """Read a key; None when there is no such file. Raises `ForeignFile`."""
    with contextlib.suppress(FileNotFoundError):
        return read_own(key_file).decode(errors="replace").strip()
    return None
