"""Errors that an event causes, and errors that pass."""

import asyncpg
import pytest

from extrato.errors import StoreUnavailable
from extrato.store.codec import UnreadableEvent
from extrato.store.unavailable import is_poison, is_refusal, raising_unavailable

OF_THE_EVENT = [
    asyncpg.DataError("data"),
    asyncpg.CharacterNotInRepertoireError("a zero byte"),
    asyncpg.NumericValueOutOfRangeError("too large"),
    asyncpg.UniqueViolationError("twice"),
    asyncpg.CheckViolationError("no"),
    asyncpg.NotNullViolationError("nothing"),
    asyncpg.exceptions._base.DataError("value out of int64 range"),
    UnreadableEvent("no such event", why="topic"),
    ValueError("no such thing"),
    KeyError("missing"),
    RecursionError(),
]

OF_POSTGRESQL = [
    asyncpg.DiskFullError("disk"),
    asyncpg.OutOfMemoryError("memory"),
    asyncpg.TooManyConnectionsError("connections"),
    asyncpg.QueryCanceledError("statement_timeout"),
    asyncpg.LockNotAvailableError("lock_timeout"),
    asyncpg.DeadlockDetectedError("deadlock"),
    asyncpg.SerializationError("serialization"),
    asyncpg.ReadOnlySQLTransactionError("read-only"),
    asyncpg.UndefinedTableError("no table"),
    asyncpg.UndefinedColumnError("no column"),
    asyncpg.InsufficientPrivilegeError("no permission"),
    asyncpg.PostgresIOError("input or output"),
    asyncpg.DataCorruptedError("corrupted"),
    asyncpg.InternalServerError("internal"),
    asyncpg.RaiseError("a trigger's"),
    asyncpg.ProgramLimitExceededError("too large for an index"),
]

UNAVAILABLE = [
    asyncpg.AdminShutdownError("stopped"),
    asyncpg.CannotConnectNowError("starting"),
    asyncpg.ConnectionDoesNotExistError("gone"),
    asyncpg.InterfaceError("closed"),
    StoreUnavailable(),
    ConnectionResetError(),
    TimeoutError(),
]


def named(error):
    return type(error).__name__


@pytest.mark.parametrize("error", OF_THE_EVENT, ids=named)
def test_value_that_does_not_fit_is_poison(error):
    assert is_poison(error)


@pytest.mark.parametrize("error", [*OF_POSTGRESQL, *UNAVAILABLE, MemoryError()], ids=named)
def test_error_that_affects_every_event_is_no_poison(error):
    assert not is_poison(error)


@pytest.mark.parametrize("error", OF_POSTGRESQL, ids=named)
def test_server_that_answers_refuses(error):
    assert is_refusal(error)


@pytest.mark.parametrize("error", UNAVAILABLE, ids=named)
def test_unreachable_server_does_not_refuse(error):
    assert not is_refusal(error)


@pytest.mark.parametrize(
    "error", [*UNAVAILABLE[:4], *UNAVAILABLE[5:], asyncpg.InvalidPasswordError("changed")], ids=named
)
def test_server_that_serves_no_client_is_unavailable(error):
    with pytest.raises(StoreUnavailable, match="does not answer"), raising_unavailable():
        raise error


@pytest.mark.parametrize("error", OF_THE_EVENT[:8], ids=named)
def test_value_that_cannot_be_sent_is_not_unavailable(error):
    with pytest.raises(type(error)), raising_unavailable():
        raise error
