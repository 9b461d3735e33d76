"""The rows of the tables of a read model, for comparisons."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.projections.read_models.read_model import ReadModel


def every_row(read_model: ReadModel) -> list[tuple[str, str]]:
    """Return each table of a read model, and a query for all its rows in an order."""
    # The first column is not the whole key of some tables, and JSON has no order; a longer number is a larger one.
    order = "ORDER BY 1, length(rows::text), rows::text"
    return [(table, f"SELECT * FROM {table} AS rows {order}") for table in read_model.tables(read_model.name)]
