"""Files with an API key that only their owner can read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keep_key(key_file: Path, api_key: str) -> None:
    """Write a key before it is issued: of a start that breaks off a key that opens nothing is left, not one unknown."""
    draft = key_file.with_name(f".{key_file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(api_key + "\n")
    draft.replace(key_file)


def kept_key(key_file: Path) -> str | None:
    """Read a key; None when there is no such file."""
    return key_file.read_text(encoding="ascii").strip() if key_file.exists() else None
