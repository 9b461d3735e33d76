"""What a read model is: a table, which events belong to each of its rows, and how a row follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.envelope import Envelope

Key = int | str
Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class ReadModel:
    """A read model as data; whoever runs it brings the connection.

    Raise `version` with every change of what a row says: the table is then built anew from the log.
    `name` is the name of the live table. In the SQL texts `{table}` stands for that name or for the one of
    a table that is still being built.

    `key_of` gives the key that an event belongs to, or None; all events of a key are of one stream.
    `evolve` takes the document of that key (None when there is none) and the envelope. It gives the document
    itself when the event changes nothing, and None when there shall be no row. It takes events in any order
    without an error, because one that comes too late or too early must not stop the others.

    `load` reads the rows of an array of keys, `read` turns such a row into its key and document. A read model
    without `load` has a row for every event, which never changes. `row` makes the row of a document that the
    envelope has changed; `upsert` takes the columns of many rows as arrays, in the order of `row`. `delete`
    takes an array of keys.
    """

    name: str
    version: int
    create: str
    indexes: tuple[str, ...]
    key_of: Callable[[Envelope], Key | None]
    evolve: Callable[[Any, Envelope], Any]
    row: Callable[[Any, Envelope], Row]
    upsert: str
    load: str | None = None
    read: Callable[[Any], tuple[Key, Any]] | None = None
    delete: str | None = None
