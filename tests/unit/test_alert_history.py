"""The history of alerts: raised, raised again, ended, resolved with a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from contracts.events import AlertEnded, AlertRaised, AlertResolved, LatePaymentReceived, TextHidden
from contracts.payment_status import alerts_after
from extrato.domain.payment.alert_history import AlertRecord, alert_records

NOON = datetime(2026, 1, 12, 12, tzinfo=UTC)
LATE = LatePaymentReceived(amount_centavos=1, received_at=NOON, paid_at=NOON, attempt_id="1", evidence=None)
RAISED = AlertRaised(alert="overpaid", occurrence="1")
RESOLVED = AlertResolved(alert="overpaid", reason="Troco dado")


def history(*events):
    return [
        SimpleNamespace(event=event, recorded_at=NOON + timedelta(minutes=number))
        for number, event in enumerate(events)
    ]


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_raised_alert_is_open():
    assert alert_records(history(RAISED)) == [
        AlertRecord(name="overpaid", state="open", occurrences=1, raised_at=at(0))
    ]


def test_resolved_alert_keeps_its_reason():
    (record,) = alert_records(history(RAISED, RESOLVED))
    assert (record.state, record.closed_at, record.reason) == ("resolved", at(1), "Troco dado")


def test_hidden_text_is_in_no_reason_of_an_alert():
    for order in ([RESOLVED, TextHidden()], [TextHidden(), RESOLVED]):
        (record,) = alert_records(history(RAISED, *order))
        assert (record.state, record.reason) == ("resolved", "Texto apagado")


def test_alert_that_is_raised_again_is_open_again():
    (record,) = alert_records(history(RAISED, RESOLVED, RAISED))
    assert (record.state, record.occurrences, record.raised_at) == ("open", 2, at(2))
    assert (record.closed_at, record.reason) == (None, None)


def test_alerts_have_the_order_in_which_they_were_first_raised():
    records = alert_records(history(LATE, RAISED, AlertEnded(alert="overpaid"), LATE))
    assert [(record.name, record.state) for record in records] == [("late_payment", "open"), ("overpaid", "ended")]


@given(st.lists(st.sampled_from(["raise", "late", "end", "resolve"]), max_size=12))
def test_open_alerts_are_those_of_the_payment(steps):
    events, open_alerts = [], ()
    for step in steps:
        match step:
            case "raise":
                event = RAISED
            case "late":
                event = LATE
            case _ if not open_alerts:
                continue
            case "end":
                event = AlertEnded(alert=open_alerts[0])
            case _:
                event = AlertResolved(alert=open_alerts[-1], reason="x")
        events.append(event)
        open_alerts = alerts_after(open_alerts, event)
    assert {each.name for each in alert_records(history(*events)) if each.state == "open"} == set(open_alerts)
