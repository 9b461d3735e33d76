"""A read model: its tables, the events of each row, and the code that builds a row from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from contracts.envelope import Envelope

Key = int | str
Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class ReadModel:
    """A read model as data; the caller brings the connection.

    Raise `version` with every change of a row's content: the table is then rebuilt from the log. `name` is the name of
    the live table. In the SQL texts, `{table}` is that name, or the name of a table that is being built.

    `key_of` returns the key of an event's row, or None; all events of a key are of one stream. `evolve` takes the
    document of that key (None without a row) and the envelope. It returns the same document when the event has no
    effect, and None when the row must not exist. It accepts events in any order, because a late or early event must
    not stop the others.

    `load` selects the rows of an array of keys; `read` returns the key and document of such a row. A read model without
    `load` has one row for each event, which never changes. `row` returns the row of a document that the envelope
    changed; `columns` are the names and PostgreSQL types of its values. In `upsert`, `{rows}` stands for many such
    rows. `delete` takes an array of keys.

    `parts` are the suffixes of further tables, such as `lines` for `{table}_lines`, which `create` makes too. `upsert`
    and `delete` may write them, for rows that follow from a document. For rows that each event adds, `added` returns
    those of one envelope, with the columns `added_columns`, and `addition` adds many of them as its `{rows}`. A page of
    events is added once, in the transaction that moves the checkpoint.
    """

    name: str
    version: int
    create: str
    indexes: tuple[str, ...]
    key_of: Callable[[Envelope], Key | None]
    evolve: Callable[[Any, Envelope], Any]
    row: Callable[[Any, Envelope], Row]
    columns: Mapping[str, str]
    upsert: str
    load: str | None = None
    read: Callable[[Any], tuple[Key, Any]] | None = None
    delete: str | None = None
    parts: tuple[str, ...] = ()
    added: Callable[[Any, Envelope], Sequence[Row]] | None = None
    added_columns: Mapping[str, str] = field(default_factory=dict)
    addition: str = ""

    def tables(self, table: str) -> tuple[str, ...]:
        """Return the names of all its tables, where `table` is the first."""
        return (table, *(f"{table}_{part}" for part in self.parts))
