"""Generated events that fill a log."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from contracts.envelope import Cause
from contracts.events import (
    ChargeCreated,
    Item,
    ObservationRecorded,
    PaymentEvent,
    PaymentOpened,
    StatusChanged,
    WatchStarted,
)
from extrato.domain.payment.identifiers import bank_payment_id, external_reference, stream_id
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent
from extrato.store.personal_data import EMAIL
from extrato.store.sealing import KEY_BYTES, PaymentKey
from services.cli.demo import SLUG

if TYPE_CHECKING:
    from collections.abc import Callable


def sealed_email(number: int) -> str | None:
    """Return an e-mail address as the hub seals it, with a key that is not stored."""
    return PaymentKey(number, os.urandom(KEY_BYTES)).seal(f"cliente.{number}@example.com", EMAIL)


def paid_payments(first: int, count: int, *, paid_at: Callable[[int], datetime] | None = None) -> list[StreamAppend]:
    """Payments with four events each: opened, charged, observed as approved, status changed.

    `paid_at` gives the time of each payment by its number; without it, all are paid at this moment.
    """
    appends = []
    for number in range(first, first + count):
        now = datetime.now(UTC) if paid_at is None else paid_at(number)
        attempt_id = str(number)
        seen = ObservationRecorded(
            attempt_id=attempt_id,
            status="approved",
            status_detail="accredited",
            amount_centavos=3500,
            currency="BRL",
            refunded_centavos=0,
            observed_at=now,
            paid_at=now,
            payer_email=sealed_email(number),
            evidence="0" * 64,
        )
        moved = StatusChanged(
            previous="pending",
            status="approved",
            status_detail="accredited",
            attempt_id=attempt_id,
            paid_at=now,
        )
        appends.append(_payment(number, SLUG, now, expires_at=now, then=(seen, moved)))
    return appends


def watched_payments(first: int, count: int, *, merchants: list[str]) -> list[StreamAppend]:
    """Payments with a charge and a watch of an hour, spread evenly over the merchants."""
    now = datetime.now(UTC)
    later = now + timedelta(hours=1)
    return [
        _payment(
            number,
            merchants[number % len(merchants)],
            now,
            expires_at=later,
            then=(WatchStarted(watch_until=later),),
        )
        for number in range(first, first + count)
    ]


def _payment(
    number: int, merchant: str, now: datetime, *, expires_at: datetime, then: tuple[PaymentEvent, ...]
) -> StreamAppend:
    bank_id = bank_payment_id(number, uuid4())
    opened = PaymentOpened(
        provider="mercado_pago",
        method="checkout",
        amount_centavos=3500,
        currency="BRL",
        title="Pedido",
        description="10x Pão Francês, 1x Bolo de Chocolate",
        items=(Item("Pão Francês", 10, 50), Item("Bolo de Chocolate", 1, 3000)),
        external_reference=external_reference(number, bank_id),
        bank_payment_id=bank_id,
        payer_email=sealed_email(number),
        expires_at=expires_at,
        charge=None,
        reference=None,
        unique_reference=False,
        metadata=None,
        return_url=None,
    )
    charged = ChargeCreated(
        attempt_id=None,
        account_id=None,
        charge_id=f"174087000-{uuid4()}",
        checkout_url="https://checkout.example/redirect",
        sandbox_url=None,
        pix_payload=None,
    )
    news = [
        NewEvent(
            event_id=uuid4(),
            merchant=merchant,
            payment_id=number,
            occurred_at=now,
            recorded_at=now,
            cause=Cause(correlation_id="bench", actor="webhook"),
            event=event,
        )
        for event in (opened, charged, *then)
    ]
    return StreamAppend(stream_id=stream_id(number), expected_version=0, events=news)
