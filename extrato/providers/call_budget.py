"""The purpose of a call to a provider, and the budget of calls that an account has.

Calls that create, refund or cancel are counted and never held back, also the reads that they need. Checks of
shops may use the whole budget. Sweeps and webhook questions leave a reserve for these checks, and come again later.
Checks of payers leave a larger reserve: any client can get the links of many payments.
"""

from __future__ import annotations

import contextlib
import hashlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extrato.values import Purpose

# The tasks that a task starts have its purpose.
_purpose: ContextVar[Purpose] = ContextVar("purpose", default="payment")


@contextlib.contextmanager
def calling_for(purpose: Purpose) -> Iterator[None]:
    """Set the purpose of all reads from a provider in the body."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def current_purpose() -> Purpose:
    """Return the purpose of a read at this moment."""
    return _purpose.get()


def budget_name(provider: str, access_token: str) -> str:
    """Return the name of the budget of a credential, which does not reveal the random token."""
    return hashlib.sha256(f"{provider}\n{access_token}".encode()).hexdigest()


class CallBudget(Protocol):
    """The budgets of all accounts."""

    async def take(self, provider: str, name: str, purpose: Purpose) -> None:
        """Count one call; raises `BudgetUsedUp` if a call for this purpose must wait."""
        ...


class Unlimited:
    """A budget without an end, for programs without a database."""

    async def take(self, provider: str, name: str, purpose: Purpose) -> None:
        """Allow the call."""


UNLIMITED: Final = Unlimited()
