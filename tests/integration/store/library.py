"""The library's own PostgreSQL recorder, on the hub's table."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def library_recorder(database_url: str) -> Iterator[PostgresApplicationRecorder]:
    """Return the recorder as a service of the library uses it, without creating a table."""
    url = urlsplit(database_url)
    with PostgresDatastore(
        dbname=url.path[1:],
        host=parse_qs(url.query)["host"][0],
        port=5432,
        user=url.username or "",
        password="",
        pool_size=2,
        max_overflow=3,
    ) as datastore:
        yield PostgresApplicationRecorder(datastore)
