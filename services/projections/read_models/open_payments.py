"""The read model `open_payments`: payments that may still be paid or change, for the monitor.

A row appears when a payment is opened or reopened; the hub reopens a payment when the provider withdraws an
approval. A row disappears when no payer can pay the payment, which is one of these cases:

- money has moved, and no attempt is open;
- the provider refused the charge;
- the only attempt that the charge allows has ended;
- the payment expired, or the merchant cancelled it.

Later changes of a payment without a row arrive by webhook, by a check of the payment, or by the sweep of the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from contracts.events import (
    ChargeCreated,
    ChargeRefused,
    ObservationRecorded,
    PaymentCancelled,
    PaymentExpired,
    PaymentOpened,
    PaymentReopened,
    StatusChanged,
    WatchStarted,
    facts_of,
)
from contracts.payment_status import ENDED, SETTLED
from contracts.read_models import OpenPayment
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from contracts.events import Event
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
        settled     boolean     NOT NULL,
        document    json        NOT NULL
    )
"""

INDEXES: Final = (
    "CREATE INDEX {table}_by_watch ON {table} (watch_until) WHERE watch_until IS NOT NULL",
    "CREATE INDEX {table}_by_account ON {table} (merchant, provider)",
    "CREATE INDEX {table}_uncharged ON {table} (opened_at) WHERE NOT charged",
    "CREATE INDEX {table}_by_expiry ON {table} (expires_at)",
)

LOAD: Final = "SELECT payment_id, document FROM {table} WHERE payment_id = ANY ($1::bigint[])"

COLUMNS: Final = {
    "payment_id": "bigint",
    "merchant": "text",
    "provider": "text",
    "charged": "boolean",
    "opened_at": "timestamptz",
    "watch_until": "timestamptz",
    "expires_at": "timestamptz",
    "settled": "boolean",
    "document": "json",
}

UPSERT: Final = """
    INSERT INTO {table}
        (payment_id, merchant, provider, charged, opened_at, watch_until, expires_at, settled, document)
    SELECT * FROM {rows}
    ON CONFLICT (payment_id) DO UPDATE SET
        merchant = excluded.merchant,
        provider = excluded.provider,
        charged = excluded.charged,
        opened_at = excluded.opened_at,
        watch_until = excluded.watch_until,
        expires_at = excluded.expires_at,
        settled = excluded.settled,
        document = excluded.document
"""

DELETE: Final = "DELETE FROM {table} WHERE payment_id = ANY ($1::bigint[])"

# --- documents ----------------------------------------------------------------------------------

_EVENTS: Final = frozenset(
    {
        PaymentOpened,
        PaymentReopened,
        ChargeCreated,
        WatchStarted,
        ObservationRecorded,
        StatusChanged,
        ChargeRefused,
        PaymentExpired,
        PaymentCancelled,
    }
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(OpenPayment).decode


def key_of(envelope: Envelope) -> int | None:
    """Return the id of the payment of an event that may create, change or remove its row."""
    return envelope.payment_id if type(envelope.event) in _EVENTS else None


def evolve(document: OpenPayment | None, envelope: Envelope) -> OpenPayment | None:
    """Apply one event; only `PaymentOpened` and `PaymentReopened` create a row."""
    for fact in facts_of(envelope.event):
        document = _evolve(document, fact, envelope)
    return document


def _evolve(document: OpenPayment | None, event: Event, envelope: Envelope) -> OpenPayment | None:
    if type(event) is PaymentOpened and envelope.payment_id is not None:
        return _opened(event, envelope, envelope.payment_id)
    if type(event) is PaymentReopened and envelope.payment_id is not None:
        return replace(
            _opened(event, envelope, envelope.payment_id),
            charged=True,
            unsettled_attempts=event.unsettled_attempts,
            own_attempt_id=event.own_attempt_id,
        )
    return None if document is None else _evolve_open(document, event)


def _opened(event: PaymentOpened | PaymentReopened, envelope: Envelope, payment_id: int) -> OpenPayment:
    return OpenPayment(
        payment_id=payment_id,
        merchant=envelope.merchant,
        provider=event.provider,
        external_reference=event.external_reference,
        opened_at=envelope.occurred_at,
        expires_at=event.expires_at,
    )


def _evolve_open(document: OpenPayment, event: Event) -> OpenPayment | None:
    match event:
        case ChargeCreated():
            # A provider's Pix charge is also an attempt. Its id can be read before the provider's search lists it.
            attempts = (event.attempt_id,) if event.attempt_id else document.unsettled_attempts
            return replace(document, charged=True, unsettled_attempts=attempts, own_attempt_id=event.attempt_id)
        case WatchStarted():
            return document if document.settled else replace(document, watch_until=event.watch_until)
        case ObservationRecorded():
            return _with_attempt(document, event)
        case StatusChanged():
            return _with_status(document, event)
        case ChargeRefused() | PaymentExpired() | PaymentCancelled():
            return None
        case _:
            return document


def _with_status(document: OpenPayment, event: StatusChanged) -> OpenPayment | None:
    """Apply a status. A settled payment has no watch and no expiry, and keeps its row only while attempts are open."""
    if event.status not in SETTLED:
        return replace(document, status=event.status)
    if not document.unsettled_attempts:
        return None
    return replace(document, status=event.status, settled=True, watch_until=None, expires_at=None)


def _with_attempt(document: OpenPayment, event: ObservationRecorded) -> OpenPayment | None:
    """Apply an observation; an attempt with an unknown status counts as unsettled."""
    others = tuple(attempt_id for attempt_id in document.unsettled_attempts if attempt_id != event.attempt_id)
    unsettled = others if event.status in SETTLED | ENDED else (*others, event.attempt_id)
    # A charge that is an attempt allows no other attempt.
    charge_has_ended = event.attempt_id == document.own_attempt_id and event.status in ENDED
    if charge_has_ended or (document.settled and not unsettled):
        return None
    return replace(document, unsettled_attempts=unsettled)


def read(row: Mapping[str, str]) -> tuple[int, OpenPayment]:
    """Return the payment id and the document of a row of `LOAD`."""
    document = _decode(row["document"])
    return document.payment_id, document


def row(document: OpenPayment, _: Envelope) -> Row:
    """Return the row of a document."""
    return (
        document.payment_id,
        document.merchant,
        document.provider,
        document.charged,
        document.opened_at,
        document.watch_until,
        document.expires_at,
        document.settled,
        _encode(document).decode(),
    )


OPEN_PAYMENTS: Final = ReadModel(
    name="open_payments",
    version=6,
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
