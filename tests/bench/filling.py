"""Made-up histories, to fill a log with."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from contracts.envelope import Cause
from contracts.events import ChargeCreated, Item, ObservationRecorded, PaymentOpened, StatusChanged
from extrato.domain.payment.identifiers import bank_payment_id, external_reference, stream_id
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent


def paid_payments(first: int, count: int) -> list[StreamAppend]:
    """Payments that were opened, charged, seen approved and approved: four events each."""
    now = datetime.now(UTC)
    cause = Cause(correlation_id="bench", actor="webhook")
    appends = []
    for number in range(first, first + count):
        bank_id = bank_payment_id(number, uuid4())
        events = [
            PaymentOpened(
                provider="mercado_pago",
                method="checkout",
                amount_centavos=3500,
                currency="BRL",
                title="Pedido",
                description="10x Pão Francês, 1x Bolo de Chocolate",
                items=(Item("Pão Francês", 10, 50), Item("Bolo de Chocolate", 1, 3000)),
                external_reference=external_reference(number, bank_id),
                bank_payment_id=bank_id,
                payer_email="cliente@example.com",
                expires_at=now,
                charge=None,
            ),
            ChargeCreated(
                attempt_id=None,
                account_id=None,
                charge_id=f"174087000-{uuid4()}",
                checkout_url="https://checkout.example/redirect",
                sandbox_url=None,
                pix_payload=None,
            ),
            ObservationRecorded(
                attempt_id=str(number),
                status="approved",
                status_detail="accredited",
                amount_centavos=3500,
                currency="BRL",
                refunded_centavos=0,
                observed_at=now,
                paid_at=now,
                payer_email="cliente@example.com",
                evidence="0" * 64,
            ),
            StatusChanged(
                previous="pending",
                status="approved",
                status_detail="accredited",
                attempt_id=str(number),
                paid_at=now,
            ),
        ]
        news = [
            NewEvent(
                event_id=uuid4(),
                merchant="padaria-do-marcos",
                payment_id=number,
                occurred_at=now,
                recorded_at=now,
                cause=cause,
                event=event,
            )
            for event in events
        ]
        appends.append(StreamAppend(stream_id=stream_id(number), expected_version=0, events=news))
    return appends
