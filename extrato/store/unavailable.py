"""Tells an unavailable PostgreSQL from one that rejects a statement or a value."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Literal

import asyncpg

from extrato.errors import StoreUnavailable, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

# SQLSTATE classes of values that do not fit: data exceptions and constraint violations.
VALUE_SQLSTATES: Final = ("22", "23")

# SQLSTATE prefixes of a broken connection, and of a server that stops, has crashed or starts.
UNAVAILABLE_SQLSTATES: Final = ("08", "57P")

# PostgreSQL reports that it changed no row, for a reason in its own state (SQLSTATE in parentheses).
NOT_DONE_ERRORS: Final = (
    asyncpg.ReadOnlySQLTransactionError,  # a demoted primary, or default_transaction_read_only (25006)
    asyncpg.SerializationError,  # (40001)
    asyncpg.DeadlockDetectedError,  # (40P01)
    asyncpg.InsufficientResourcesError,  # no disk, memory or connection left (53xxx)
    asyncpg.LockNotAvailableError,  # lock_timeout (55P03)
    asyncpg.QueryCanceledError,  # statement_timeout, or an operator (57014)
    asyncpg.InvalidAuthorizationSpecificationError,  # a password or a role that changed while the hub ran (28xxx)
    asyncpg.CannotConnectNowError,  # it starts, stops or recovers (57P03)
    asyncpg.PostgresSystemError,  # its files cannot be read or written (58xxx)
)

# The same statement may succeed later. Only an error of `NOT_DONE_ERRORS` proves that PostgreSQL did not execute it.
DATABASE_UNAVAILABLE: Final = (
    *NOT_DONE_ERRORS,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)

# Errors that an endless loop retries: PostgreSQL is unavailable, or rejects statements until an operator acts.
DATABASE_ERRORS: Final = (*DATABASE_UNAVAILABLE, Transient, asyncpg.PostgresError)


@contextlib.contextmanager
def raising_unavailable(why: Literal["", "delivery", "nothing_created"] = "") -> Iterator[None]:
    """Raise `StoreUnavailable` where PostgreSQL is unavailable; `why` picks the sentence."""
    try:
        yield
    except DATABASE_UNAVAILABLE as error:
        if not is_database_unavailable(error):
            raise
        raise StoreUnavailable(why=why) from error


def is_database_unavailable(error: BaseException) -> bool:
    """Return whether a later retry can succeed.

    asyncpg raises an InterfaceError also for a value that it cannot encode. That one is a ValueError too, and stays.
    """
    return isinstance(error, DATABASE_UNAVAILABLE) and not isinstance(error, ValueError)


def is_refusal(error: BaseException) -> bool:
    """Return whether PostgreSQL answered and rejected the statement."""
    return isinstance(error, asyncpg.PostgresError) and not (error.sqlstate or "").startswith(UNAVAILABLE_SQLSTATES)


def is_poison(error: BaseException) -> bool:
    """Return whether the event causes the error, so that a retry cannot succeed.

    Of PostgreSQL's errors, only a value that does not fit is the event's fault. A full disk, a time-out, a lock, a
    missing table or permission affects every event, and is temporary. Errors of the code that handles the event are
    the event's fault.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(VALUE_SQLSTATES)
    return not (is_database_unavailable(error) or isinstance(error, (Transient, MemoryError)))
