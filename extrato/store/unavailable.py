"""Which exceptions mean that PostgreSQL is away or serves nobody, rather than that it refuses what it was given."""

from __future__ import annotations

from typing import Final

import asyncpg

# PostgreSQL did nothing and said so, for a reason that lies in its own state (SQLSTATE in parentheses).
TURNED_AWAY: Final = (
    asyncpg.ReadOnlySQLTransactionError,  # a demoted primary, or default_transaction_read_only (25006)
    asyncpg.SerializationError,  # (40001)
    asyncpg.DeadlockDetectedError,  # (40P01)
    asyncpg.InsufficientResourcesError,  # disk, memory or connections are used up (53xxx)
    asyncpg.LockNotAvailableError,  # lock_timeout (55P03)
    asyncpg.QueryCanceledError,  # statement_timeout, or an operator (57014)
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


def is_line_broken(error: BaseException) -> bool:
    """Tell a server that is away or serves nobody from a value that cannot be sent to it.

    asyncpg makes its error for such a value an InterfaceError too, and that one does not pass with time.
    """
    return isinstance(error, LINE_BROKE) and not isinstance(error, ValueError)
