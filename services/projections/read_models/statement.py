"""The read model `statement`: the lines of each merchant's money, and their sums.

`statement` has the ledger of each payment, to find what the next event changes, and the texts that its lines show.
`statement_lines` has the lines.
`statement_sums` adds them up by quarter of an hour, which serves the days of every time zone, and `statement_days` by
day in UTC, for balances. Both have each line twice: when the money moved, and when the hub recorded it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeGuard

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    ChargeCreated,
    ChargeRefused,
    DuplicatePaymentObserved,
    LatePaymentReceived,
    MoneyAccepted,
    ObservationMismatched,
    ObservationRecorded,
    PaymentCancelled,
    PaymentExpired,
    PaymentOpened,
    PixReturned,
    RefundAccepted,
    RefundMade,
    RefundRefused,
    RefundRequested,
    RefundReversed,
    TextHidden,
    facts_of,
)
from contracts.events.hidden_text import hide
from extrato.domain.payment.ledger import Ledger, evolve_ledger, open_ledger
from services.projections.read_models.booking import Booked, Line, book
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from contracts.events import Event, PaymentEvent
    from services.projections.read_models.read_model import Row

# --- tables -------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        payment_id  bigint PRIMARY KEY,
        reference   text,
        description text   NOT NULL,
        document    json   NOT NULL
    );
    CREATE TABLE {table}_lines (
        merchant          text        NOT NULL,
        payment_id        bigint      NOT NULL,
        number            integer     NOT NULL,
        position          bigint      NOT NULL,
        booked_at         timestamptz NOT NULL,
        recorded_at       timestamptz NOT NULL,
        amount_centavos   bigint      NOT NULL,
        disputed_centavos bigint      NOT NULL,
        is_reversal       boolean     NOT NULL,
        is_summed         boolean     NOT NULL,
        kind              text        NOT NULL,
        currency          text        NOT NULL,
        provider          text        NOT NULL,
        method            text        NOT NULL,
        attempt_id        text        NOT NULL
    );
    CREATE TABLE {table}_sums (
        merchant          text        NOT NULL,
        basis             text        NOT NULL,
        starts_at         timestamptz NOT NULL,
        provider          text        NOT NULL,
        method            text        NOT NULL,
        kind              text        NOT NULL,
        lines             bigint      NOT NULL,
        amount_centavos   bigint      NOT NULL,
        disputed_centavos bigint      NOT NULL,
        PRIMARY KEY (merchant, basis, starts_at, provider, method, kind)
    );
    CREATE TABLE {table}_days (
        merchant          text        NOT NULL,
        basis             text        NOT NULL,
        starts_at         timestamptz NOT NULL,
        amount_centavos   bigint      NOT NULL,
        disputed_centavos bigint      NOT NULL,
        PRIMARY KEY (merchant, basis, starts_at)
    );
"""

INDEXES: Final = (
    "CREATE INDEX {table}_lines_by_booking ON {table}_lines (merchant, booked_at, payment_id, number)",
    "CREATE INDEX {table}_lines_by_record ON {table}_lines (merchant, recorded_at, payment_id, number)",
    "CREATE INDEX {table}_lines_by_position ON {table}_lines (merchant, position)",
)

LOAD: Final = "SELECT payment_id, reference, description, document FROM {table} WHERE payment_id = ANY ($1::bigint[])"

COLUMNS: Final = {"payment_id": "bigint", "reference": "text", "description": "text", "document": "json"}

UPSERT: Final = """
    INSERT INTO {table} (payment_id, reference, description, document)
    SELECT * FROM {rows}
    ON CONFLICT (payment_id) DO UPDATE SET
        reference = excluded.reference, description = excluded.description, document = excluded.document
"""

LINE_COLUMNS: Final = {
    "merchant": "text",
    "payment_id": "bigint",
    "number": "integer",
    "position": "bigint",
    "booked_at": "timestamptz",
    "recorded_at": "timestamptz",
    "amount_centavos": "bigint",
    "disputed_centavos": "bigint",
    "is_reversal": "boolean",
    "is_summed": "boolean",
    "kind": "text",
    "currency": "text",
    "provider": "text",
    "method": "text",
    "attempt_id": "text",
}

ADDITION: Final = """
    WITH added AS (SELECT * FROM {rows}),
    lines AS (
        INSERT INTO {table}_lines (
            merchant, payment_id, number, position, booked_at, recorded_at, amount_centavos, disputed_centavos,
            is_reversal, is_summed, kind, currency, provider, method, attempt_id
        )
        SELECT * FROM added
    ),
    dated AS (
        SELECT added.*, basis, at
        FROM added CROSS JOIN LATERAL (VALUES ('moved', booked_at), ('recorded', recorded_at)) AS by (basis, at)
        WHERE is_summed
    ),
    days AS (
        INSERT INTO {table}_days AS days
        SELECT merchant, basis, date_bin('1 day', at, timestamptz '0001-01-01T00:00:00Z'),
            sum(amount_centavos), sum(disputed_centavos)
        FROM dated
        GROUP BY 1, 2, 3
        ON CONFLICT (merchant, basis, starts_at) DO UPDATE SET
            amount_centavos = days.amount_centavos + excluded.amount_centavos,
            disputed_centavos = days.disputed_centavos + excluded.disputed_centavos
    )
    INSERT INTO {table}_sums AS sums
    SELECT merchant, basis, date_bin('15 minutes', at, timestamptz '0001-01-01T00:00:00Z'), provider, method, kind,
        count(*), sum(amount_centavos), sum(disputed_centavos)
    FROM dated
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT (merchant, basis, starts_at, provider, method, kind) DO UPDATE SET
        lines = sums.lines + excluded.lines,
        amount_centavos = sums.amount_centavos + excluded.amount_centavos,
        disputed_centavos = sums.disputed_centavos + excluded.disputed_centavos
"""

# --- documents ----------------------------------------------------------------------------------

# The events that change money, that decide of which kind a receipt is, or that hide the texts.
_BOOKED_EVENTS: Final = frozenset(
    {
        PaymentOpened,
        ChargeCreated,
        ChargeRefused,
        ObservationRecorded,
        ObservationMismatched,
        DuplicatePaymentObserved,
        LatePaymentReceived,
        PaymentExpired,
        PaymentCancelled,
        MoneyAccepted,
        PixReturned,
        RefundRequested,
        RefundAccepted,
        RefundMade,
        RefundRefused,
        RefundReversed,
        TextHidden,
    }
)


class StatedPayment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ledger of a payment, without personal data, and what its lines say.

    `number` is the number of its last line. `added` are the lines of the event that made the document; they are not
    stored with it. Separate columns have the texts.
    """

    provider: str
    method: str
    reference: str | None = None
    description: str = ""
    ledger: Ledger
    books: dict[str, Booked] = {}
    number: int = 0
    added: tuple[Line, ...] = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StatedPayment).decode


def key_of(envelope: Envelope) -> int | None:
    """Return the id of the payment of an event that may change its money."""
    return envelope.payment_id if _is_booked(envelope.event) else None


def _is_booked(event: Event) -> TypeGuard[PaymentEvent]:
    return type(event) in _BOOKED_EVENTS


def evolve(payment: StatedPayment | None, envelope: Envelope) -> StatedPayment | None:
    """Apply one event; only `PaymentOpened` creates a row, and it moves no money."""
    for fact in facts_of(envelope.event):
        payment = _evolve(payment, fact, envelope)
    return payment


def _evolve(payment: StatedPayment | None, event: Event, envelope: Envelope) -> StatedPayment | None:
    if type(event) is PaymentOpened:
        return StatedPayment(
            provider=event.provider,
            method=event.method,
            description=event.description,
            reference=event.reference,
            ledger=open_ledger(event),
        )
    if payment is None or not _is_booked(event):
        return payment
    if type(event) is ObservationRecorded and event.payer_email is not None:
        event = replace(event, payer_email=None)
    ledger = evolve_ledger(payment.ledger, event)
    if type(event) is TextHidden:
        return replace(payment, ledger=ledger, description=hide(payment.description), added=())
    if ledger is payment.ledger:
        return payment
    lines, books = book(payment.ledger, ledger, event, recorded_at=envelope.recorded_at, books=payment.books)
    return replace(payment, ledger=ledger, books=books, number=payment.number + len(lines), added=tuple(lines))


def read(row: Mapping[str, Any]) -> tuple[int, StatedPayment]:
    """Return the id and the document of a row of `LOAD`."""
    texts = {"reference": row["reference"], "description": row["description"]}
    return row["payment_id"], replace(_decode(row["document"]), **texts)


def row(payment: StatedPayment, envelope: Envelope) -> Row:
    """Return the row of a payment."""
    stored = replace(payment, reference=None, description="", added=())
    return envelope.payment_id, payment.reference, payment.description, _encode(stored).decode()


def added(payment: StatedPayment, envelope: Envelope) -> list[Row]:
    """Return the rows of the lines of one event."""
    first = payment.number - len(payment.added) + 1
    return [
        (
            envelope.merchant,
            envelope.payment_id,
            number,
            envelope.position,
            line.booked_at,
            envelope.recorded_at,
            line.amount_centavos,
            line.disputed_centavos,
            line.is_reversal,
            line.is_summed,
            line.kind,
            line.currency,
            payment.provider,
            payment.method,
            line.attempt_id,
        )
        for number, line in enumerate(payment.added, start=first)
    ]


STATEMENT: Final = ReadModel(
    name="statement",
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
    parts=("lines", "sums", "days"),
    added=added,
    added_columns=LINE_COLUMNS,
    addition=ADDITION,
)
