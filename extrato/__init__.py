"""Extrato: a payment hub for Brazilian merchants that keeps every fact as an event."""

from typing import Final

VERSION: Final = "0.1.0"
"""As in `pyproject.toml`; a checkout that was not installed has no metadata that could tell it."""
