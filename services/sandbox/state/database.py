"""The SQLite file of the sandbox, so that a restart keeps the records."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

import msgspec

from services.sandbox.state.json_body import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = TypeVar("T")

# One table per kind of record, with the type of its key; the body is JSON.
TABLES = {
    "preferences": "TEXT",
    "orders": "INTEGER",
    "payments": "INTEGER",
    "deliveries": "INTEGER",
    "answers": "TEXT",
}
# One write reserves this many ids; a restart skips the unused ones.
_ID_BLOCK = 1_000


class DataFolderBusy(OSError):
    """Another sandbox uses this folder."""


class Database:
    """Writes records into an open transaction, which `commit` ends.

    Callers commit before an answer or a webhook reveals a change. Concurrent handlers share one commit.
    """

    def __init__(self, folder: Path) -> None:
        """Open or create the file in `folder`; raises `DataFolderBusy`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(folder / "sandbox.sqlite3", timeout=0.2)
        try:
            self._prepare()
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise DataFolderBusy(f"The folder {folder} is in use by another sandbox ({error}).") from error

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        for table, key_type in TABLES.items():
            execute(f"CREATE TABLE IF NOT EXISTS {table} (id {key_type} PRIMARY KEY, body BLOB NOT NULL)")
        execute("CREATE TABLE IF NOT EXISTS numbers (row INTEGER PRIMARY KEY, set_aside INTEGER NOT NULL)")
        execute("INSERT OR IGNORE INTO numbers VALUES (1, 0)")
        self._set_aside = int(execute("SELECT set_aside FROM numbers").fetchone()[0])
        self._last_id = self._set_aside
        self._connection.commit()

    def put(self, table: str, key: int | str, record: object) -> None:
        """Write a record, or replace the one with the same key."""
        self._connection.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, encode(record)))  # noqa: S608 - names from TABLES

    def get(self, table: str, key: int | str, record_type: type[T]) -> T | None:
        """Read one record."""
        row = self._connection.execute(f"SELECT body FROM {table} WHERE id = ?", (key,)).fetchone()  # noqa: S608
        return None if row is None else msgspec.json.Decoder(record_type, float_hook=Decimal).decode(row[0])

    def load(self, table: str, record_type: type[T]) -> Iterator[T]:
        """Read all records of a table, oldest first."""
        decoder = msgspec.json.Decoder(record_type, float_hook=Decimal)
        for (body,) in self._connection.execute(f"SELECT body FROM {table} ORDER BY rowid"):  # noqa: S608
            yield decoder.decode(body)

    def delete(self, table: str, key: int | str) -> None:
        """Delete one record."""
        self._connection.execute(f"DELETE FROM {table} WHERE id = ?", (key,))  # noqa: S608

    def next_id(self, *, at_least: int) -> int:
        """Return an id above all earlier ones, across restarts and resets."""
        self._last_id = max(self._last_id + 1, at_least)
        if self._last_id > self._set_aside:
            self._set_aside = self._last_id + _ID_BLOCK
            self._connection.execute("UPDATE numbers SET set_aside = ?", (self._set_aside,))
        return self._last_id

    def commit(self) -> None:
        """Commit everything written so far."""
        if self._connection.in_transaction:
            self._connection.commit()

    def clear(self) -> None:
        """Delete all records; ids are not reused afterwards either."""
        for table in TABLES:
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608
        self._connection.commit()

    def close(self) -> None:
        """Commit and close the file."""
        self.commit()
        self._connection.close()
