"""The read model `payment_details`: each payment with its money, status and attempts.

The table `payment_details_filters`, which is a part of it, has what lists filter and sort by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    ChargeCreated,
    ObservationRecorded,
    PayerForgotten,
    PaymentOpened,
    TextHidden,
    facts_of,
    is_of_payment,
)
from contracts.events.hidden_text import hide, hide_names
from contracts.payment_status import alerts_after
from contracts.read_models import AttemptDetails, PaymentDetails
from extrato.domain.payment.ledger import Attempt, Ledger, Share, evolve_ledger, open_ledger
from services.projections.read_models import payment_filters
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from contracts.events import Event
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = f"""
    CREATE TABLE {{table}} (
        payment_id bigint      PRIMARY KEY,
        merchant   text        NOT NULL,
        status     text        NOT NULL,
        created_at timestamptz NOT NULL,
        document   json        NOT NULL,
        ledger     json
    );
    {payment_filters.CREATE}
"""

# New payments come at the end of an ascending index, whose full pages stay full. PostgreSQL reads it backwards as fast.
INDEXES: Final = (
    *payment_filters.INDEXES,
    "CREATE INDEX {table}_by_merchant ON {table} (merchant, created_at, payment_id)",
    "CREATE INDEX {table}_by_status ON {table} (merchant, status, created_at, payment_id)",
)

LOAD: Final = "SELECT payment_id, document, ledger FROM {table} WHERE payment_id = ANY ($1::bigint[])"

COLUMNS: Final = {
    "payment_id": "bigint",
    "merchant": "text",
    "status": "text",
    "created_at": "timestamptz",
    "document": "json",
    "ledger": "json",
    **payment_filters.COLUMNS,
}

# Many changes of a document leave the row of filters as it is.
UPSERT: Final = """
    WITH evolved AS (SELECT * FROM {rows}),
    filters AS (
        INSERT INTO {table}_filters AS known (
            payment_id, merchant, status, created_at, provider, method, amount_centavos, paid_at, terms
        )
        SELECT payment_id, merchant, status, created_at, provider, method, amount_centavos, paid_at, terms::bigint[]
        FROM evolved
        ON CONFLICT (payment_id) DO UPDATE SET
            merchant = excluded.merchant,
            status = excluded.status,
            created_at = excluded.created_at,
            provider = excluded.provider,
            method = excluded.method,
            amount_centavos = excluded.amount_centavos,
            paid_at = excluded.paid_at,
            terms = excluded.terms
        WHERE known IS DISTINCT FROM excluded
    )
    INSERT INTO {table} (payment_id, merchant, status, created_at, document, ledger)
    SELECT payment_id, merchant, status, created_at, document, ledger FROM evolved
    ON CONFLICT (payment_id) DO UPDATE SET
        merchant = excluded.merchant,
        status = excluded.status,
        created_at = excluded.created_at,
        document = excluded.document,
        ledger = excluded.ledger
"""

DELETE: Final = """
    WITH filters AS (DELETE FROM {table}_filters WHERE payment_id = ANY ($1::bigint[]))
    DELETE FROM {table} WHERE payment_id = ANY ($1::bigint[])
"""

# --- documents ----------------------------------------------------------------------------------


class Payment(Struct, frozen=True):
    """The document for clients, and the ledger that its money and status come from."""

    details: PaymentDetails
    ledger: Ledger


_encode = msgspec.json.Encoder().encode
_decode_details = msgspec.json.Decoder(PaymentDetails).decode
_decode_ledger = msgspec.json.Decoder(Ledger).decode


def key_of(envelope: Envelope) -> int | None:
    """Return the id of the event's payment."""
    return envelope.payment_id if is_of_payment(envelope.event) else None


def evolve(payment: Payment | None, envelope: Envelope) -> Payment | None:
    """Apply one event; only `PaymentOpened` creates a row, and events without a visible effect are skipped."""
    for fact in facts_of(envelope.event):
        payment = _evolve(payment, fact, envelope)
    return payment


def _evolve(payment: Payment | None, event: Event, envelope: Envelope) -> Payment | None:
    if type(event) is PaymentOpened:
        return _opened(event, envelope)
    if payment is None or not is_of_payment(event):
        return payment
    known, ledger = payment.details, evolve_ledger(payment.ledger, event)
    changes = _money(payment, ledger)
    if type(event) is ObservationRecorded and event.attempt_id not in payment.ledger.attempts:
        changes["newest_attempt_id"] = event.attempt_id
    if type(event) is ChargeCreated:
        changes |= {
            "charge_id": event.charge_id,
            "newest_attempt_id": event.attempt_id or known.newest_attempt_id,
            "checkout_url": event.checkout_url,
            "sandbox_url": event.sandbox_url,
            "pix_payload": event.pix_payload,
        }
    if type(event) is PayerForgotten:
        changes |= {"payer_email": None, "metadata": None, "erased_at": envelope.recorded_at}
    if type(event) is TextHidden:
        changes |= {
            "title": hide(known.title),
            "description": hide(known.description),
            "items": hide_names(known.items),
            "return_url": None,
            # The code of a direct Pix contains the description.
            "pix_payload": None if known.provider == "pix" else known.pix_payload,
        }
    alerts = alerts_after(known.alerts, event)
    if alerts != known.alerts:
        changes["alerts"] = alerts
    if not changes:
        return payment if ledger is payment.ledger else Payment(known, ledger)
    changes |= {"updated_at": envelope.recorded_at, "position": envelope.position}
    return Payment(replace(known, **changes), ledger)


def _money(payment: Payment, ledger: Ledger) -> dict[str, Any]:
    """Return the fields of the document that follow from the ledger; none if all are as before."""
    known, before = payment.details, payment.ledger
    if ledger is before:
        return {}
    is_alike = ledger.status == before.status and ledger.status_detail == before.status_detail
    if is_alike and (ledger.attempts, ledger.refunds, ledger.returns) == (
        before.attempts,
        before.refunds,
        before.returns,
    ):
        return {}
    shares = {name: ledger.share(name) for name in ledger.attempts}
    total, deciding = ledger.total_of(shares), ledger.attempts.get(ledger.attempt_id or "")
    shown = {
        "status": ledger.status,
        "status_detail": ledger.status_detail,
        "attempt_id": ledger.attempt_id,
        "paid_at": ledger.paid_at,
        "held_centavos": total.held,
        "refunded_centavos": total.refunded,
        "disputed_centavos": total.disputed,
        "payer_email": (deciding and deciding.payer_email) or known.payer_email,
        "attempts": tuple([_attempt(name, ledger.attempts[name], share) for name, share in shares.items()]),
    }
    return shown if any(getattr(known, name) != value for name, value in shown.items()) else {}


def _attempt(name: str, attempt: Attempt, share: Share) -> AttemptDetails:
    return AttemptDetails(
        attempt_id=name,
        status=attempt.status,
        status_detail=attempt.status_detail,
        amount_centavos=attempt.amount_centavos,
        held_centavos=share.held,
        refunded_centavos=share.refunded,
        disputed_centavos=share.disputed,
        paid_at=attempt.paid_at,
        currency=attempt.currency,
    )


def _opened(event: PaymentOpened, envelope: Envelope) -> Payment | None:
    if envelope.payment_id is None:
        return None
    details = PaymentDetails(
        payment_id=envelope.payment_id,
        merchant=envelope.merchant,
        provider=event.provider,
        method=event.method,
        status="pending",
        amount_centavos=event.amount_centavos,
        currency=event.currency,
        title=event.title,
        description=event.description,
        items=event.items,
        reference=event.reference,
        metadata=event.metadata,
        return_url=event.return_url,
        external_reference=event.external_reference,
        bank_payment_id=event.bank_payment_id,
        payer_email=event.payer_email,
        expires_at=event.expires_at,
        created_at=envelope.occurred_at,
        updated_at=envelope.recorded_at,
        position=envelope.position,
    )
    return Payment(details, open_ledger(event))


def read(row: Mapping[str, Any]) -> tuple[int, Payment]:
    """Return the id and the payment of a row of `LOAD`."""
    details, ledger = _decode_details(row["document"]), row["ledger"]
    return details.payment_id, Payment(details, _unmoved(details) if ledger is None else _decode_ledger(ledger))


def _unmoved(details: PaymentDetails) -> Ledger:
    """Return the ledger of a payment before any money: `open_ledger` of its opening. It is not stored."""
    return Ledger(
        amount_centavos=details.amount_centavos,
        currency=details.currency,
        bank_payment_id=details.bank_payment_id,
    )


def row(payment: Payment, _: Envelope) -> Row:
    """Return the row of a payment."""
    details, ledger = payment.details, payment.ledger
    return (
        details.payment_id,
        details.merchant,
        details.status,
        details.created_at,
        _encode(details).decode(),
        None if ledger == _unmoved(details) else _encode(ledger).decode(),
        *payment_filters.filters_of(details),
    )


PAYMENT_DETAILS: Final = ReadModel(
    name="payment_details",
    version=6,
    create=CREATE,
    parts=(payment_filters.PART,),
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
