"""The title and media type of both documents."""

from __future__ import annotations

from typing import Final

TITLE: Final = "Extrato"
JSON: Final = "application/json"
