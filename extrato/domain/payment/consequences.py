"""What follows from the money of a payment, whatever brought it: a change of status, and alerts that begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.events import AlertEnded, AlertRaised, DuplicatePaymentObserved, EventOfOpened, StatusChanged
from extrato.domain.payment.ledger import OWN_DETAILS

if TYPE_CHECKING:
    from extrato.domain.payment.state import Opened

# These end by themselves; what raises the others has happened, and stays so until somebody resolves it.
_CONDITIONS: Final = ("partially_paid", "overpaid", "duplicate_payment", "late_payment", "mismatched_payment")


def consequences(payment: Opened) -> list[EventOfOpened]:
    """Give the events by which the log says what the state already is; none when it was said."""
    return [*_status_changed(payment), *_alerts(payment)]


def _status_changed(payment: Opened) -> list[EventOfOpened]:
    """A detail that a provider gave is told by its observation; one of the hub's own is told here."""
    ledger = payment.ledger
    (previous, told), now = ledger.announced, ledger.status_detail
    is_own_detail = told != now and not OWN_DETAILS.isdisjoint({told, now})
    if ledger.status == previous and not is_own_detail:
        return []
    # No attempt brings it about that a payment is closed.
    is_closing = ledger.closed is not None and ledger.status == "cancelled"
    return [
        StatusChanged(
            previous=previous,
            status=ledger.status,
            status_detail=now,
            attempt_id=None if is_closing else ledger.attempt_id,
            paid_at=ledger.paid_at,
        )
    ]


def _alerts(payment: Opened) -> list[EventOfOpened]:
    occurrences = _occurrences(payment)
    raised: list[EventOfOpened] = [
        _raise(payment, alert, occurrence)
        for alert, names in occurrences.items()
        for occurrence in names
        if (alert, occurrence) not in payment.raised
    ]
    told_of = {alert for alert, _ in payment.raised} | set(payment.alerts)
    # One that was resolved ends too, so that the next time is another one.
    ended = [AlertEnded(alert=alert) for alert in _CONDITIONS if alert in told_of and not occurrences.get(alert)]
    return [*raised, *ended]


def _raise(payment: Opened, alert: str, occurrence: str) -> EventOfOpened:
    if alert != "duplicate_payment":
        return AlertRaised(alert=alert, occurrence=occurrence)
    held, duplicates = payment.ledger.held_of_charge, payment.ledger.duplicates
    return DuplicatePaymentObserved(
        attempt_id=occurrence,
        already_paid_by=next(name for name in held if name not in duplicates),
        amount_centavos=payment.attempts[occurrence].amount_centavos,
    )


def _occurrences(payment: Opened) -> dict[str, list[str]]:
    """Give the attempts that each alert is about at present, for those alerts that end by themselves."""
    ledger = payment.ledger
    if not ledger.attempts and not payment.outside:
        return {}
    holders, duplicates = list(ledger.held_of_charge), ledger.duplicates
    held, amount = ledger.total.held, ledger.amount_centavos
    found = {
        "late_payment": [name for name in holders if ledger.attempts[name].is_late],
        "mismatched_payment": [*ledger.other_currencies_held_by, *sorted(payment.outside)],
    }
    if not ledger.is_settled and 0 < held < amount:
        found["partially_paid"] = holders
    elif duplicates:
        found["duplicate_payment"] = duplicates
    elif held > amount:
        found["overpaid"] = holders[-1:]
    return found
