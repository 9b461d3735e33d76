"""The read model `open_requests`: cancellations and refunds without the provider's answer.

A row appears with the request and disappears with the last answer. The monitor completes a request whose row stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from contracts.events import (
    CancellationRefused,
    CancellationRequested,
    PaymentCancelled,
    RefundMade,
    RefundRefused,
    RefundRequested,
)
from contracts.read_models import OpenRequest
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        payment_id   bigint      PRIMARY KEY,
        merchant     text        NOT NULL,
        requested_at timestamptz NOT NULL,
        document     json        NOT NULL
    )
"""

INDEXES: Final = ("CREATE INDEX {table}_by_age ON {table} (requested_at)",)

LOAD: Final = "SELECT payment_id, document FROM {table} WHERE payment_id = ANY ($1::bigint[])"

COLUMNS: Final = {"payment_id": "bigint", "merchant": "text", "requested_at": "timestamptz", "document": "json"}

UPSERT: Final = """
    INSERT INTO {table} (payment_id, merchant, requested_at, document)
    SELECT * FROM {rows}
    ON CONFLICT (payment_id) DO UPDATE SET
        merchant = excluded.merchant,
        requested_at = excluded.requested_at,
        document = excluded.document
"""

DELETE: Final = "DELETE FROM {table} WHERE payment_id = ANY ($1::bigint[])"

# --- documents ----------------------------------------------------------------------------------

_EVENTS: Final = frozenset(
    {CancellationRequested, CancellationRefused, PaymentCancelled, RefundRequested, RefundMade, RefundRefused}
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OpenRequest).decode


def key_of(envelope: Envelope) -> int | None:
    """Return the id of the payment of an event that requests or answers."""
    return envelope.payment_id if type(envelope.event) in _EVENTS else None


def evolve(document: OpenRequest | None, envelope: Envelope) -> OpenRequest | None:
    """Apply one event; a request creates the row, and the last answer removes it."""
    event = envelope.event
    match event:
        case CancellationRequested():
            return _requested(document, envelope, cancellation=True)
        case RefundRequested():
            return _requested(document, envelope, refund_id=event.refund_id)
        case CancellationRefused() | PaymentCancelled() if document is not None:
            return _unless_answered(replace(document, cancellation=False))
        case RefundMade() | RefundRefused() if document is not None:
            refunds = tuple(refund_id for refund_id in document.refunds if refund_id != event.refund_id)
            return _unless_answered(replace(document, refunds=refunds))
        case _:
            return document


def _requested(
    document: OpenRequest | None, envelope: Envelope, *, cancellation: bool = False, refund_id: str | None = None
) -> OpenRequest | None:
    if envelope.payment_id is None:
        return document
    return OpenRequest(
        payment_id=envelope.payment_id,
        merchant=envelope.merchant,
        cancellation=cancellation or (document is not None and document.cancellation),
        refunds=(*(document.refunds if document else ()), *((refund_id,) if refund_id else ())),
        requested_at=document.requested_at if document else envelope.recorded_at,
    )


def _unless_answered(document: OpenRequest) -> OpenRequest | None:
    return document if document.cancellation or document.refunds else None


def read(row: Mapping[str, str]) -> tuple[int, OpenRequest]:
    """Return the payment id and the document of a row of `LOAD`."""
    document = _decode(row["document"])
    return document.payment_id, document


def row(document: OpenRequest, _: Envelope) -> Row:
    """Return the row of a document."""
    return (document.payment_id, document.merchant, document.requested_at, _encode(document).decode())


OPEN_REQUESTS: Final = ReadModel(
    name="open_requests",
    version=1,
    create=CREATE,
    indexes=INDEXES,
    key_of=key_of,
    evolve=evolve,
    load=LOAD,
    read=read,
    row=row,
    columns=COLUMNS,
    upsert=UPSERT,
    delete=DELETE,
)
