"""The meaning of each status of payments and attempts, and the alert of each event; see docs/reference/money.md."""

from __future__ import annotations

from typing import Final

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
"""The payer has paid, and the merchant holds the money, be it disputed."""

CONFIRMED: Final = "approved"
"""Of a payment: the money that is held reaches the charge. Clients are told of it the first time."""

REFUNDABLE: Final = PAID | {"charged_back"}
"""Of an attempt: money came, and a part of it may have been given back."""

SETTLED: Final = REFUNDABLE | {"refunded"}
"""Money came, whatever became of it."""

ENDED: Final = frozenset({"rejected", "cancelled"})
"""No money came, and none will by this attempt."""

KNOWN: Final = SETTLED | ENDED | {"pending", "in_process", "authorized"}
"""Every status that the hub knows; any other is one that the provider invented since."""

# The other alerts have an AlertRaised.
ALERTS: Final[dict[type, str]] = {
    ObservationMismatched: "mismatched_payment",
    DuplicatePaymentObserved: "duplicate_payment",
    LatePaymentReceived: "late_payment",
    ConfirmationRefused: "wrong_confirmation",
}
"""The alert of each event that raises one by being there."""

ALERT_NAMES: Final = frozenset(
    {*ALERTS.values(), "partially_paid", "overpaid", "provider_contradicts", "refund_reversed"}
)
"""Every alert that a payment can have."""


def alerts_after(alerts: tuple[str, ...], event: Event) -> tuple[str, ...]:
    """Give the open alerts of a payment after an event, in the order in which they came up."""
    if isinstance(event, AlertEnded | AlertResolved):
        return tuple(alert for alert in alerts if alert != event.alert)
    raised = event.alert if isinstance(event, AlertRaised) else ALERTS.get(type(event))
    return alerts if raised is None or raised in alerts else (*alerts, raised)
