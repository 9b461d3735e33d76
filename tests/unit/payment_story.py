"""One payment for tests of its decisions, and `given_events(…).when(commands)`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from contracts.events import (
    ChargeCreated,
    ChargeRefused,
    ObservationIgnored,
    ObservationRecorded,
    PaymentEvent,
    PaymentExpired,
    PaymentOpened,
    StatusChanged,
)
from extrato.domain.errors import Refused
from extrato.domain.payment.commands import Command, ConfirmByBank, RecordObservation
from extrato.domain.payment.decisions import PAYMENT, decide
from extrato.domain.payment.identifiers import bank_payment_id, external_reference
from extrato.domain.payment.state import Opened

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
BANK_ID = bank_payment_id(15, UUID(int=0x1234_5678_9ABC_DEF0_1234_5678_9ABC_DEF0))
REFERENCE = external_reference(15, BANK_ID)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


OPENED = PaymentOpened(
    provider="mercado_pago",
    method="checkout",
    amount_centavos=1000,
    currency="BRL",
    title="Pão de queijo",
    description="",
    items=(),
    external_reference=REFERENCE,
    bank_payment_id=BANK_ID,
    payer_email=None,
    expires_at=at(60),
    charge=None,
    reference=None,
    unique_reference=False,
    metadata=None,
    return_url=None,
)
CHARGED = ChargeCreated(
    charge_id="c1", attempt_id=None, account_id=None, checkout_url="https://pay", sandbox_url=None, pix_payload=None
)
# A charge that is itself the one attempt to pay it.
PIX = ChargeCreated(
    charge_id="900", attempt_id="900", account_id="1", checkout_url=None, sandbox_url=None, pix_payload="000201"
)
# A direct Pix is created with its charge.
DIRECT_PIX = replace(OPENED, provider="pix", method="pix", charge=CHARGED)
NO_CHARGE = ChargeRefused(code="invalid_amount", reason="too small")
EXPIRED = PaymentExpired(expires_at=at(60))


def observe(status: str, *, attempt: str = "a", minute: float = 1, **changes: Any) -> RecordObservation:
    facts: dict[str, Any] = {
        "attempt_id": attempt,
        "status": status,
        "status_detail": None,
        "amount_centavos": 1000,
        "currency": "BRL",
        "external_reference": REFERENCE,
        "refunded_centavos": 0,
        "observed_at": at(minute),
        "paid_at": at(minute) if status == "approved" else None,
        "payer_email": None,
        "evidence": None,
        "asked_at": at(minute),
        "by_id": False,
    }
    return RecordObservation(**(facts | changes))


def recorded(command: RecordObservation) -> ObservationRecorded:
    """The event that records an observation."""
    return ObservationRecorded(**{field: getattr(command, field) for field in ObservationRecorded.__struct_fields__})


def ignored(command: RecordObservation) -> ObservationIgnored:
    """The event that records a stale observation."""
    return ObservationIgnored(
        attempt_id=command.attempt_id,
        status=command.status,
        status_detail=command.status_detail,
        observed_at=command.observed_at,
        ignored_at=command.asked_at,
        reason="stale",
        evidence=command.evidence,
    )


def status_changed(previous: str, status: str, **details: Any) -> StatusChanged:
    facts = {"status_detail": None, "attempt_id": "a", "paid_at": None} | details
    return StatusChanged(previous=previous, status=status, **facts)


def confirm(
    amount_centavos: int = 1000,
    *,
    minute: float = 5,
    paid: float | None = None,
    grace: timedelta = timedelta(0),
    transfer: str | None = None,
) -> ConfirmByBank:
    return ConfirmByBank(
        amount_centavos=amount_centavos,
        end_to_end_id=transfer,
        received_at=at(minute),
        paid_at=None if paid is None else at(paid),
        grace=grace,
        evidence=None,
    )


class Story:
    """`given(events).when(commands)`: the events of the last command, after all commands before it."""

    def __init__(self, *history: PaymentEvent) -> None:
        self.history = list(history)

    def when(self, *commands: Command) -> list[PaymentEvent]:
        *before, last = commands
        for command in before:
            self.history += decide(command, PAYMENT.fold(self.history))
        return decide(last, PAYMENT.fold(self.history))

    def refuses(self, command: Command) -> str:
        with pytest.raises(Refused) as refused:
            self.when(command)
        return refused.value.code

    def becomes(self, *commands: Command) -> Opened:
        self.history += self.when(*commands)
        payment = PAYMENT.fold(self.history)
        assert isinstance(payment, Opened)
        return payment


given_events = Story
