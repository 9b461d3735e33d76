"""Metrics of payments: how many entered each status, and how long the hub took to learn of an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Histogram

from contracts.events import ObservationRecorded, StatusChanged
from contracts.payment_status import CONFIRMED, KNOWN, SETTLED
from extrato.domain.money import CURRENCY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from contracts.events import PaymentEvent, PaymentOpened

PAYMENTS: Final = Counter(
    "extrato_payments", "Payments that this process opened (pending) or moved to a status.", ["status"]
)
CENTAVOS: Final = Counter("extrato_payment_centavos", "Sum of the charges of these payments, in BRL.", ["status"])
DETECTION_DELAY_S: Final = Histogram(
    "extrato_detection_delay_seconds",
    "Time from a provider's approval to its append, by the channel that found it.",
    ["channel"],
    buckets=(1, 2, 5, 10, 30, 60, 300, 900),
)

PENDING: Final = "pending"
OTHER: Final = "other"

# By the actor of the cause. The monitor asks in the name of the clock too, and an API key asks through a check. A bank
# reports its own transfers, so the hub detects nothing.
CHANNELS: Final = {
    "webhook": "webhook",
    "sweep": "sweep",
    "clock": "sweep",
    "check": "check",
    "api_key": "check",
    "return_page": "return",
}

# Looking a label up costs more than counting.
_payments: Final = {status: PAYMENTS.labels(status) for status in (*sorted(KNOWN), OTHER)}
_centavos: Final = {status: CENTAVOS.labels(status) for status in (*sorted(KNOWN), OTHER)}
_delays_s: Final = {actor: DETECTION_DELAY_S.labels(channel) for actor, channel in CHANNELS.items()}


def count_opening(intent: PaymentOpened) -> None:
    """Count a payment that was just opened."""
    _count(PENDING, intent)


def count_events(events: Iterable[PaymentEvent], intent: PaymentOpened, *, actor: str, recorded_at: datetime) -> None:
    """Count what was appended to a payment in one step. A provider's unknown status counts as `other`."""
    paid_at: dict[str, datetime | None] = {}
    for event in events:
        if isinstance(event, ObservationRecorded):
            paid_at[event.attempt_id] = event.paid_at
        elif isinstance(event, StatusChanged):
            _count(event.status, intent)
            if event.status == CONFIRMED and event.previous not in SETTLED:
                _observe_delay(paid_at.get(event.attempt_id or ""), actor, recorded_at)


def _count(status: str, intent: PaymentOpened) -> None:
    if intent.currency != CURRENCY:
        return
    label = status if status in KNOWN else OTHER
    _payments[label].inc()
    _centavos[label].inc(intent.amount_centavos)


def _observe_delay(paid_at: datetime | None, actor: str, recorded_at: datetime) -> None:
    delay_s = _delays_s.get(actor)
    if delay_s is not None and paid_at is not None:
        # The clocks of the provider and of the hub may differ.
        delay_s.observe(max(0.0, (recorded_at - paid_at).total_seconds()))
