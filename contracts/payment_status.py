"""The meaning of each status of payments and attempts, and the alert of each event; see docs/reference/money.md."""

from __future__ import annotations

from typing import Final, Literal, get_args

from contracts.events import (
    AlertEnded,
    AlertRaised,
    AlertResolved,
    ConfirmationRefused,
    DuplicatePaymentObserved,
    Event,
    LatePaymentReceived,
    ObservationMismatched,
)

PAID: Final = frozenset({"approved", "in_mediation"})
"""The payer has paid. The money may be disputed."""

CONFIRMED: Final = "approved"
"""Of a payment: the held money reaches the charge's amount. Clients receive a confirmation the first time."""

REFUNDABLE: Final = PAID | {"charged_back"}
"""Of an attempt: money arrived, and a part of it may have been refunded."""

SETTLED: Final = REFUNDABLE | {"refunded"}
"""Money arrived; it may have been disputed, charged back or refunded since."""

ENDED: Final = frozenset({"rejected", "cancelled"})
"""No money arrived, and this attempt cannot bring any."""

KNOWN: Final = SETTLED | ENDED | {"pending", "in_process", "authorized"}
"""Every status that the hub knows. A provider may send others."""

StateOfRefund = Literal["requested", "in_process", "made", "refused"]
REFUND_STATES: Final[tuple[StateOfRefund, ...]] = get_args(StateOfRefund)

# An AlertRaised event raises the other alerts.
ALERTS: Final[dict[type, str]] = {
    ObservationMismatched: "mismatched_payment",
    DuplicatePaymentObserved: "duplicate_payment",
    LatePaymentReceived: "late_payment",
    ConfirmationRefused: "wrong_confirmation",
}
"""The events that raise an alert without an AlertRaised, each with its alert."""

ALERT_NAMES: Final = frozenset(
    {*ALERTS.values(), "partially_paid", "overpaid", "provider_contradicts", "refund_reversed"}
)
"""Every alert that a payment can have."""


def alerts_after(alerts: tuple[str, ...], event: Event) -> tuple[str, ...]:
    """Return the open alerts of a payment after an event, in the order in which they were raised."""
    raised = event.alert if type(event) is AlertRaised else ALERTS.get(type(event))
    if raised is not None:
        return alerts if raised in alerts else (*alerts, raised)
    if alerts and isinstance(event, (AlertEnded, AlertResolved)):
        return tuple(alert for alert in alerts if alert != event.alert)
    return alerts
