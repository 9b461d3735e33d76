"""A clock of the provider budgets that stands still: a test earns no call, and sees no minute end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from extrato.store import provider_budgets

if TYPE_CHECKING:
    import pytest

# In the middle of a minute, so that the calls of a minute before it would count by half.
NOW = "timestamptz '2026-03-05 12:00:30Z'"


def stop_budget_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace PostgreSQL's clock by `NOW`, and stop the clock of a process that counts alone."""
    for name in ("MAKE", "TAKE", "LEFT", "LOWEST"):
        statement = getattr(provider_budgets, name)
        assert "clock_timestamp()" in statement
        monkeypatch.setattr(provider_budgets, name, statement.replace("clock_timestamp()", NOW))
    monkeypatch.setattr("extrato.token_bucket.time", SimpleNamespace(monotonic=lambda: 0.0))
