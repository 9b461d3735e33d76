"""Files with an API key; only their owner can read them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from extrato.own_files import read_own, write_own

if TYPE_CHECKING:
    from pathlib import Path


def write_key(key_file: Path, api_key: str) -> None:
    """Write the file before the key is issued: a crash leaves an unused key, never a lost one."""
    write_own(key_file, f"{api_key}\n".encode("ascii"))


def read_key(key_file: Path) -> str | None:
    """Read a key, or return None without a file; raises `ForeignFile`."""
    with contextlib.suppress(FileNotFoundError):
        return read_own(key_file).decode(errors="replace").strip()
    return None
