"""Events and streams for tests of the store and the bus; every call returns a unique one."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from contracts.envelope import Cause
from contracts.events import ConfirmationRefused, Event, MerchantRegistered, PaymentOpened
from extrato.store.appender import StreamAppend
from extrato.store.codec import NewEvent, to_state, topic_of_new

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
_amounts = itertools.count(1)


def opened(amount_centavos: int = 1000) -> PaymentOpened:
    return PaymentOpened(
        provider="mercado_pago",
        method="checkout",
        amount_centavos=amount_centavos,
        currency="BRL",
        title="Pão de queijo",
        description="",
        items=(),
        external_reference="extrato_1_0123456789ab",
        bank_payment_id="00000000-0001-8000-8000-0123456789ab",
        payer_email=None,
        expires_at=None,
        charge=None,
        reference=None,
        unique_reference=False,
        metadata=None,
        return_url=None,
    )


def refused_confirmation() -> ConfirmationRefused:
    """A small unique event."""
    return ConfirmationRefused(expected_centavos=0, received_centavos=next(_amounts))


def registered() -> MerchantRegistered:
    return MerchantRegistered(slug="padaria", name="Padaria do Marcos", city="São Paulo")


def new_event(
    event: Event | None = None, *, payment_id: int | None = 1, merchant: str = "padaria", **cause: str
) -> NewEvent:
    return NewEvent(
        event_id=uuid4(),
        merchant=merchant,
        payment_id=payment_id,
        occurred_at=NOON,
        recorded_at=NOON,
        cause=Cause(**({"correlation_id": "a-request", "actor": "operator"} | cause)),
        event=event or refused_confirmation(),
    )


def stored(new: NewEvent, *, stream_id: UUID, version: int) -> StoredEvent:
    """The row of an event, for tests that write it without the appender."""
    return StoredEvent(
        originator_id=stream_id, originator_version=version, topic=topic_of_new(new), state=to_state(new)
    )


def append_to(stream: UUID | None = None, *, at: int = 0, events: int = 1) -> StreamAppend:
    """An append of `events` events to a stream at version `at`; without `stream`, to another stream."""
    return StreamAppend(stream_id=stream or uuid4(), expected_version=at, events=[new_event() for _ in range(events)])
