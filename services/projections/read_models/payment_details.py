"""The read model `payment_details`: each payment as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from contracts.events import (
    PAYMENT_EVENTS,
    ChargeCreated,
    ObservationRecorded,
    PaymentOpened,
    StatusChanged,
    with_alert,
)
from contracts.read_models import PaymentDetails
from services.projections.read_models.read_model import ReadModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.envelope import Envelope
    from services.projections.read_models.read_model import Row

# --- table --------------------------------------------------------------------------------------

CREATE: Final = """
    CREATE TABLE {table} (
        payment_id bigint      PRIMARY KEY,
        merchant   text        NOT NULL,
        status     text        NOT NULL,
        created_at timestamptz NOT NULL,
        position   bigint      NOT NULL,
        document   json        NOT NULL,
        attempts   json        NOT NULL
    )
"""

INDEXES: Final = (
    "CREATE INDEX {table}_by_merchant ON {table} (merchant, created_at DESC, payment_id DESC)",
    "CREATE INDEX {table}_by_status ON {table} (merchant, status, created_at DESC, payment_id DESC)",
)

LOAD: Final = "SELECT payment_id, document, attempts FROM {table} WHERE payment_id = ANY ($1::bigint[])"

UPSERT: Final = """
    INSERT INTO {table} (payment_id, merchant, status, created_at, position, document, attempts)
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::json[], $7::json[]
    )
    ON CONFLICT (payment_id) DO UPDATE SET
        merchant = excluded.merchant,
        status = excluded.status,
        created_at = excluded.created_at,
        position = excluded.position,
        document = excluded.document,
        attempts = excluded.attempts
"""

DELETE: Final = "DELETE FROM {table} WHERE payment_id = ANY ($1::bigint[])"

# --- documents ----------------------------------------------------------------------------------


class Attempt(Struct, frozen=True, array_like=True):
    """What the document will say of an attempt once it speaks for the payment."""

    refunded_centavos: int
    payer_email: str | None
    status: str
    status_detail: str | None
    observed_at: datetime
    paid_at: datetime | None


class Payment(Struct, frozen=True):
    """The document that is served, and every attempt that was seen.

    An observation comes before the change of status that follows from it, and a change may hand the word to
    an attempt that was observed long before; so the attempts are kept beside the document.
    """

    details: PaymentDetails
    attempts: dict[str, Attempt]


_encode = msgspec.json.Encoder().encode
_decode_details = msgspec.json.Decoder(PaymentDetails).decode
_decode_attempts = msgspec.json.Decoder(dict[str, Attempt]).decode


def key_of(envelope: Envelope) -> int | None:
    """Give the payment that this is an event of."""
    return envelope.payment_id if isinstance(envelope.event, PAYMENT_EVENTS) else None


def evolve(payment: Payment | None, envelope: Envelope) -> Payment | None:
    """Apply one event; nothing but `PaymentOpened` makes a row."""
    event = envelope.event
    if isinstance(event, PaymentOpened):
        return _opened(event, envelope)
    if payment is None:
        return None
    match event:
        case ChargeCreated():
            details = replace(
                payment.details,
                charge_id=event.charge_id,
                newest_attempt_id=event.attempt_id or payment.details.newest_attempt_id,
                checkout_url=event.checkout_url,
                sandbox_url=event.sandbox_url,
                pix_payload=event.pix_payload,
                updated_at=envelope.recorded_at,
                position=envelope.position,
            )
            return Payment(details, payment.attempts)
        case StatusChanged():
            return _moved(payment, event, envelope)
        case ObservationRecorded():
            return _observed(payment, event, envelope)
        case _:
            return _alerted(payment, envelope)


def _alerted(payment: Payment, envelope: Envelope) -> Payment:
    """Note what somebody has to look into."""
    known = payment.details
    alerts = with_alert(known.alerts, envelope.event)
    if alerts == known.alerts:
        return payment
    details = replace(known, alerts=alerts, updated_at=envelope.recorded_at, position=envelope.position)
    return Payment(details, payment.attempts)


def _opened(event: PaymentOpened, envelope: Envelope) -> Payment | None:
    if envelope.payment_id is None:
        return None
    details = PaymentDetails(
        payment_id=envelope.payment_id,
        merchant=envelope.merchant,
        provider=event.provider,
        method=event.method,
        status="pending",
        status_detail=None,
        amount_centavos=event.amount_centavos,
        refunded_centavos=0,
        currency=event.currency,
        title=event.title,
        description=event.description,
        items=event.items,
        external_reference=event.external_reference,
        bank_payment_id=event.bank_payment_id,
        charge_id=None,
        attempt_id=None,
        newest_attempt_id=None,
        checkout_url=None,
        sandbox_url=None,
        pix_payload=None,
        payer_email=event.payer_email,
        paid_at=None,
        expires_at=event.expires_at,
        created_at=envelope.occurred_at,
        updated_at=envelope.recorded_at,
        alerts=(),
        position=envelope.position,
    )
    return Payment(details, {})


def _moved(payment: Payment, event: StatusChanged, envelope: Envelope) -> Payment:
    """Take the new status, and what is known of the attempt that brought it."""
    known = payment.details
    speaker = event.attempt_id or known.attempt_id
    attempt = payment.attempts.get(speaker) if speaker else None
    details = replace(
        known,
        status=event.status,
        status_detail=event.status_detail,
        attempt_id=speaker,
        paid_at=event.paid_at or known.paid_at,
        refunded_centavos=attempt.refunded_centavos if attempt else known.refunded_centavos,
        payer_email=(attempt and attempt.payer_email) or known.payer_email,
        updated_at=envelope.recorded_at,
        position=envelope.position,
    )
    return Payment(details, payment.attempts)


def _observed(payment: Payment, event: ObservationRecorded, envelope: Envelope) -> Payment:
    """Keep what was seen of the attempt; the document follows if the attempt speaks for the payment."""
    known = payment.details
    before = payment.attempts.get(event.attempt_id)
    attempt = Attempt(
        event.refunded_centavos,
        event.payer_email or (before.payer_email if before else None),
        event.status,
        event.status_detail,
        event.observed_at,
        (before.paid_at if before else None) or event.paid_at,
    )
    attempts = {**payment.attempts, event.attempt_id: attempt}
    if before is None:
        known = replace(known, newest_attempt_id=event.attempt_id)
    speaker = _speaker(known, event.attempt_id, attempts)
    if speaker is None:
        return Payment(known, attempts)
    said = attempts[speaker]
    details = replace(
        known,
        attempt_id=speaker,
        # Another status comes with its own detail, in the StatusChanged that follows from this observation.
        status_detail=said.status_detail if said.status == known.status else known.status_detail,
        refunded_centavos=said.refunded_centavos,
        payer_email=said.payer_email or known.payer_email,
        paid_at=known.paid_at if speaker == known.attempt_id else said.paid_at or known.paid_at,
        updated_at=envelope.recorded_at,
        position=envelope.position,
    )
    return Payment(details, attempts)


# Whatever is seen of a charge that was refused, the refusal stays how the payment stands, until money is seen.
CHARGE_WAS_REFUSED: Final = "charge_refused"


def _speaker(known: PaymentDetails, seen: str, attempts: dict[str, Attempt]) -> str | None:
    """Give the attempt that speaks after another look at `seen`, if that changes what is said.

    The first one speaks as soon as its status is the payment's. When the speaker's status leaves the payment's and
    another attempt has that still, the word passes to it, the latest of several; otherwise a StatusChanged follows.
    """
    if known.attempt_id is None:
        may_speak = attempts[seen].status == known.status and known.status_detail != CHARGE_WAS_REFUSED
        return seen if may_speak else None
    if seen != known.attempt_id:
        return None
    if attempts[seen].status == known.status:
        return seen
    others = [name for name, attempt in attempts.items() if attempt.status == known.status]
    return max(others, key=lambda name: (attempts[name].observed_at, name)) if others else seen


def read(row: Mapping[str, str]) -> tuple[int, Payment]:
    """Give the number of a payment and the payment from a row of `LOAD`."""
    details = _decode_details(row["document"])
    return details.payment_id, Payment(details, _decode_attempts(row["attempts"]))


def row(payment: Payment, _: Envelope) -> Row:
    """Give the row of a payment."""
    details = payment.details
    return (
        details.payment_id,
        details.merchant,
        details.status,
        details.created_at,
        details.position,
        _encode(details).decode(),
        _encode(payment.attempts).decode(),
    )


PAYMENT_DETAILS: Final = ReadModel(
    name="payment_details",
    version=3,
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
