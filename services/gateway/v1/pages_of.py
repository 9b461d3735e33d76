"""Cuts a page out of rows that only grow at their end, such as the events of a payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from services.gateway.http.cursors import ListOf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from contracts.v1 import ListQuery
    from services.gateway.gateway import Gateway

Row = TypeVar("Row")


def page_of(
    gateway: Gateway, rows: Sequence[Row], query: ListQuery, *, name: str, merchant: str
) -> tuple[Sequence[Row], str | None]:
    """Return the rows of the page that a query asks for, and the cursor of the next page, if there is one.

    `name` names the list, with the payment that it belongs to. Raises `Refused` for a cursor of another list.
    """
    of = ListOf.asked(name, merchant, query)
    start = 0 if query.cursor is None else gateway.cursors.read(query.cursor, int, of=of)
    end = start + query.limit
    return rows[start:end], gateway.cursors.make(end, of=of) if end < len(rows) else None
