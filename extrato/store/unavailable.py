"""Which exceptions mean that PostgreSQL is away, rather than that it said no."""

from __future__ import annotations

from typing import Final

import asyncpg

LINE_BROKE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)


def is_line_broken(error: BaseException) -> bool:
    """Tell an absent server from a value that cannot be sent to it.

    asyncpg makes its error for such a value an InterfaceError too, and that one does not pass with time.
    """
    return isinstance(error, LINE_BROKE) and not isinstance(error, ValueError)
