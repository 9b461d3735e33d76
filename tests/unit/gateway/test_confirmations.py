"""A payment is confirmed once, when it first becomes approved."""

from __future__ import annotations

from uuid import uuid4

import pytest

from contracts.envelope import Cause, Envelope
from contracts.events import PaymentOpened, StatusChanged
from contracts.frames import PaymentConfirmed
from services.gateway.live.confirmations import confirmation_in, late_confirmation_in
from tests.compatibility.claim import claim
from tests.examples import EXAMPLE_EVENTS, NOON

OPENED = next(event for event in EXAMPLE_EVENTS if isinstance(event, PaymentOpened))


def history(*events):
    """Return a payment's events at the positions 1, 2, 3 …"""
    return [
        Envelope(
            event_id=uuid4(),
            stream_id=uuid4(),
            version=number,
            position=number,
            merchant="padaria-do-marcos",
            payment_id=15,
            occurred_at=NOON,
            recorded_at=NOON,
            cause=Cause(correlation_id="test", actor="sweep"),
            event=event,
        )
        for number, event in enumerate(events, start=1)
    ]


def change(previous, status, attempt_id="a"):
    return StatusChanged(previous=previous, status=status, status_detail=None, attempt_id=attempt_id, paid_at=NOON)


def test_confirmation_has_charge_value_in_reais():
    found = confirmation_in(history(OPENED, change("pending", "approved")))
    value = OPENED.amount_centavos / 100
    assert found == (2, PaymentConfirmed(payment_id=15, status="approved", value=value, paid_at=NOON))


@claim("socket-io.confirmed")
@pytest.mark.parametrize(
    ("changes", "position"),
    [
        ([], None),
        ([("pending", "in_process"), ("in_process", "rejected")], None),
        ([("pending", "pending")], None),
        ([("pending", "pending"), ("pending", "cancelled")], None),
        ([("pending", "pending"), ("pending", "approved", "b")], 3),
        ([("pending", "cancelled", "a"), ("cancelled", "approved", "a")], 3),
        ([("pending", "approved"), ("approved", "refunded")], 2),
        ([("pending", "approved"), ("approved", "in_mediation"), ("in_mediation", "approved")], 2),
        ([("pending", "approved"), ("approved", "approved", "b")], 2),
        ([("pending", "charged_back")], None),
        ([("pending", "in_mediation"), ("in_mediation", "approved")], 3),
        ([("pending", "approved"), ("approved", "refunded"), ("refunded", "approved", "b")], 2),
        ([("pending", "approved"), ("approved", "refunded"), ("refunded", "approved", "a")], 2),
    ],
    ids=[
        "nothing happened",
        "refused",
        "paid in part",
        "paid in part and closed",
        "paid in two parts",
        "paid late",
        "paid and refunded",
        "disputed and kept",
        "another detail of the same money",
        "never seen paid",
        "first seen in dispute",
        "paid again after a refund",
        "refund taken back",
    ],
)
def test_payment_is_confirmed_at_first_approval(changes, position):
    found = confirmation_in(history(OPENED, *(change(*one) for one in changes)))
    assert (found[0] if found else None) == position


@claim("socket-io.confirmed")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], None),
        ([("pending", "in_process")], None),
        ([("pending", "approved")], "approved"),
        ([("pending", "approved"), ("approved", "in_mediation")], "in_mediation"),
        ([("pending", "approved"), ("approved", "in_mediation"), ("in_mediation", "approved")], "approved"),
        ([("pending", "approved"), ("approved", "refunded")], None),
        ([("pending", "approved"), ("approved", "charged_back")], None),
        ([("pending", "approved"), ("approved", "refunded"), ("refunded", "approved", "b")], "approved"),
        ([("pending", "in_mediation")], None),
        ([("pending", "pending")], None),
        ([("pending", "pending"), ("pending", "approved", "b")], "approved"),
    ],
    ids=[
        "nothing happened",
        "under review",
        "paid",
        "disputed",
        "disputed and kept",
        "refunded",
        "charged back",
        "paid again after a refund",
        "never seen paid",
        "paid in part",
        "paid in two parts",
    ],
)
def test_late_confirmation_needs_held_money(changes, expected):
    late = late_confirmation_in(history(OPENED, *(change(*one) for one in changes)))
    assert (late.status if late else None) == expected
