"""Which exceptions mean that PostgreSQL is away or serves nobody, rather than that it refuses what it was given."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Literal

import asyncpg

from extrato.errors import StoreUnavailable, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator

# SQLSTATE classes of values that do not fit: data exceptions and violated constraints.
OF_THE_VALUE: Final = ("22", "23")

# SQLSTATEs of a server that is away: a broken connection, and one that stops, has crashed or starts.
OF_THE_LINE: Final = ("08", "57P")

# PostgreSQL did nothing and said so, for a reason that lies in its own state (SQLSTATE in parentheses).
TURNED_AWAY: Final = (
    asyncpg.ReadOnlySQLTransactionError,  # a demoted primary, or default_transaction_read_only (25006)
    asyncpg.SerializationError,  # (40001)
    asyncpg.DeadlockDetectedError,  # (40P01)
    asyncpg.InsufficientResourcesError,  # disk, memory or connections are used up (53xxx)
    asyncpg.LockNotAvailableError,  # lock_timeout (55P03)
    asyncpg.QueryCanceledError,  # statement_timeout, or an operator (57014)
    asyncpg.InvalidAuthorizationSpecificationError,  # a password or a role that was changed meanwhile (28xxx)
    asyncpg.CannotConnectNowError,  # it starts, stops or recovers (57P03)
    asyncpg.PostgresSystemError,  # its files cannot be read or written (58xxx)
)

# All that passes without a change of what was sent. Unless it is in `TURNED_AWAY`, it may have been done all the same.
LINE_BROKE: Final = (
    *TURNED_AWAY,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.OperatorInterventionError,
    OSError,
    TimeoutError,
)

# What a loop that runs for ever waits through: PostgreSQL is away, or answers and refuses until somebody acts.
UNWILLING: Final = (*LINE_BROKE, Transient, asyncpg.PostgresError)


@contextlib.contextmanager
def raising_unavailable(why: Literal["", "delivery", "nothing_created"] = "") -> Iterator[None]:
    """Raise `StoreUnavailable` where PostgreSQL is away or serves nobody; `why` picks the sentence."""
    try:
        yield
    except LINE_BROKE as error:
        if not is_line_broken(error):
            raise
        raise StoreUnavailable(why=why) from error


def is_line_broken(error: BaseException) -> bool:
    """Tell a server that is away or serves nobody from a value that cannot be sent to it.

    asyncpg makes its error for such a value an InterfaceError too, and that one does not pass with time.
    """
    return isinstance(error, LINE_BROKE) and not isinstance(error, ValueError)


def is_refusal(error: BaseException) -> bool:
    """Tell a PostgreSQL that answered and said no from one that is away."""
    return isinstance(error, asyncpg.PostgresError) and not (error.sqlstate or "").startswith(OF_THE_LINE)


def is_poison(error: BaseException) -> bool:
    """Tell an event that can never be handled from a store, a bus or a machine that cannot handle it at the moment.

    Of what PostgreSQL says only a value that does not fit is the fault of the event. A full disk, a time-out, a lock,
    a missing table or permission would refuse any other event too, and end. What an event's own code raises is the
    fault of the event.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(OF_THE_VALUE)
    return not (is_line_broken(error) or isinstance(error, (Transient, MemoryError)))
