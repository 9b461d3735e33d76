"""What both documents say of themselves."""

from __future__ import annotations

from typing import Final

TITLE: Final = "Extrato"
JSON: Final = "application/json"
