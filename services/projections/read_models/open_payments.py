"""The read model `open_payments`: payments that may still be paid or still move, as the monitor needs them.

A row appears when a payment is opened and goes for good when money has moved, the charge was refused, the
time to pay ran out or the merchant closed it; what comes later comes by webhook or by a check of one payment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from contracts.events import (
    PAYMENT_EVENTS,
    ChargeCreated,
    ChargeRefused,
    ObservationRecorded,
    PaymentCancelled,
    PaymentExpired,
    PaymentOpened,
    StatusChanged,
    WatchStarted,
)
from contracts.read_models import OpenPayment
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        payment_id  bigint      PRIMARY KEY,
        merchant    text        NOT NULL,
        provider    text        NOT NULL,
        charged     boolean     NOT NULL,
        opened_at   timestamptz NOT NULL,
        watch_until timestamptz,
        expires_at  timestamptz,
        document    json        NOT NULL
    )
"""

INDEXES: Final = (
    "CREATE INDEX {table}_by_watch ON {table} (watch_until)",
    "CREATE INDEX {table}_by_account ON {table} (merchant, provider)",
    "CREATE INDEX {table}_uncharged ON {table} (opened_at) WHERE NOT charged",
    "CREATE INDEX {table}_by_expiry ON {table} (expires_at)",
)

LOAD: Final = "SELECT payment_id, document FROM {table} WHERE payment_id = ANY ($1::bigint[])"

UPSERT: Final = """
    INSERT INTO {table}
        (payment_id, merchant, provider, charged, opened_at, watch_until, expires_at, document)
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::text[], $4::boolean[],
        $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::json[]
    )
    ON CONFLICT (payment_id) DO UPDATE SET
        merchant = excluded.merchant,
        provider = excluded.provider,
        charged = excluded.charged,
        opened_at = excluded.opened_at,
        watch_until = excluded.watch_until,
        expires_at = excluded.expires_at,
        document = excluded.document
"""

DELETE: Final = "DELETE FROM {table} WHERE payment_id = ANY ($1::bigint[])"

# --- documents ----------------------------------------------------------------------------------

MONEY_MOVED: Final = frozenset({"approved", "in_mediation", "charged_back", "refunded"})
ATTEMPT_SETTLED: Final = MONEY_MOVED | {"rejected", "cancelled"}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OpenPayment).decode


def key_of(envelope: Envelope) -> int | None:
    """Give the payment that this is an event of."""
    return envelope.payment_id if isinstance(envelope.event, PAYMENT_EVENTS) else None


def evolve(document: OpenPayment | None, envelope: Envelope) -> OpenPayment | None:
    """Apply one event; nothing but `PaymentOpened` makes a row."""
    event = envelope.event
    if isinstance(event, PaymentOpened) and envelope.payment_id is not None:
        return OpenPayment(
            payment_id=envelope.payment_id,
            merchant=envelope.merchant,
            provider=event.provider,
            external_reference=event.external_reference,
            status="pending",
            charged=False,
            opened_at=envelope.occurred_at,
            watch_until=None,
            expires_at=event.expires_at,
            unsettled_attempts=(),
        )
    return None if document is None else _evolve_open(document, envelope)


def _evolve_open(document: OpenPayment, envelope: Envelope) -> OpenPayment | None:
    event = envelope.event
    match event:
        case ChargeCreated():
            # A charge that is itself the attempt can be asked for by its id before any search tells of it.
            attempts = (event.attempt_id,) if event.attempt_id else ()
            return replace(document, charged=True, unsettled_attempts=attempts or document.unsettled_attempts)
        case WatchStarted():
            return replace(document, watch_until=event.watch_until)
        case ObservationRecorded():
            return _with_attempt(document, event)
        case StatusChanged():
            return None if event.status in MONEY_MOVED else replace(document, status=event.status)
        case ChargeRefused() | PaymentExpired() | PaymentCancelled():
            return None
        case _:
            return document


def _with_attempt(document: OpenPayment, seen: ObservationRecorded) -> OpenPayment:
    """Note whether the attempt is settled; one with a status that the provider invented since is not."""
    others = tuple(attempt for attempt in document.unsettled_attempts if attempt != seen.attempt_id)
    unsettled = others if seen.status in ATTEMPT_SETTLED else (*others, seen.attempt_id)
    return replace(document, unsettled_attempts=unsettled)


def read(row: Mapping[str, str]) -> tuple[int, OpenPayment]:
    """Give the number and the document of a row of `LOAD`."""
    document = _decode(row["document"])
    return document.payment_id, document


def row(document: OpenPayment, _: Envelope) -> Row:
    """Give the row of a document."""
    return (
        document.payment_id,
        document.merchant,
        document.provider,
        document.charged,
        document.opened_at,
        document.watch_until,
        document.expires_at,
        _encode(document).decode(),
    )


OPEN_PAYMENTS: Final = ReadModel(
    name="open_payments",
    version=2,
    create=CREATE,
    indexes=INDEXES,
    key_of=key_of,
    evolve=evolve,
    load=LOAD,
    read=read,
    row=row,
    upsert=UPSERT,
    delete=DELETE,
)
