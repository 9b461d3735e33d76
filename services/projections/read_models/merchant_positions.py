"""The read model `merchant_positions`: the positions of the events of each merchant's payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.events import is_of_payment
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from contracts.envelope import Envelope
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        merchant text   NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (merchant, position)
    )
"""

COLUMNS: Final = {"merchant": "text", "position": "bigint"}

INSERT: Final = "INSERT INTO {table} (merchant, position) SELECT * FROM {rows}"

# --- documents ----------------------------------------------------------------------------------


def key_of(envelope: Envelope) -> int | None:
    """Return the position of a payment's event; every such event has a row."""
    return envelope.position if is_of_payment(envelope.event) else None


def evolve(_: int | None, envelope: Envelope) -> int:
    """Return the event's position."""
    return envelope.position


def row(position: int, envelope: Envelope) -> Row:
    """Return the row of a position."""
    return envelope.merchant, position


MERCHANT_POSITIONS: Final = ReadModel(
    name="merchant_positions",
    version=1,
    create=CREATE,
    indexes=(),
    key_of=key_of,
    evolve=evolve,
    row=row,
    columns=COLUMNS,
    upsert=INSERT,
)
