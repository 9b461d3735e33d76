"""Forgetting and holds: recorded, refused, and repeated without an event; payments in flight need the payer's data."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contracts.events import (
    CancellationRequested,
    PayerForgotten,
    PaymentHeld,
    PaymentReleased,
)
from extrato.domain.payment.commands import ForgetPayer, HoldPayment, ReleasePayment
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.privacy import needs_payer_for
from extrato.domain.payment.state import Unopened
from tests.unit.payment_story import CHARGED, DIRECT_PIX, EXPIRED, NO_CHARGE, OPENED, at, given_events, observe

FORGET = ForgetPayer(reason="payer_request", requested_by="operator/root", requested_at=at(30))
FORGOTTEN = PayerForgotten(reason="payer_request", requested_by="operator/root", requested_at=at(30))
HOLD = HoldPayment(reason="litigation", until=None)
HELD = PaymentHeld(reason="litigation", until=None)


def after(*happened):
    payment = PAYMENT.fold(happened)
    assert not isinstance(payment, Unopened)
    return payment


def test_forgetting_is_recorded_once_and_removes_every_address():
    paid = given_events(OPENED, CHARGED).when(observe("approved", payer_email="s1.sealed"))
    history = [OPENED, CHARGED, *paid]

    assert given_events(*history).when(FORGET) == [FORGOTTEN]
    assert given_events(*history, FORGOTTEN).when(FORGET) == []

    before, forgotten = after(*history), after(*history, FORGOTTEN)
    assert before.payer_email == "s1.sealed"
    assert forgotten.payer_email is None
    assert (forgotten.status, forgotten.ledger.total) == (before.status, before.ledger.total)


def test_answer_after_the_forgetting_records_no_address():
    answer = replace(observe("approved"), payer_email="s1.sealed")

    events = given_events(OPENED, CHARGED, FORGOTTEN).when(answer)

    assert [getattr(event, "payer_email", None) for event in events] == [None] * len(events)


def test_hold_is_recorded_replaced_and_ended():
    dispute = HoldPayment(reason="dispute", until=at(90))

    assert given_events(OPENED, CHARGED).when(HOLD) == [HELD]
    assert given_events(OPENED, CHARGED, HELD).when(HOLD) == []
    assert given_events(OPENED, CHARGED, HELD).when(dispute) == [PaymentHeld(reason="dispute", until=at(90))]
    assert given_events(OPENED, CHARGED, HELD).when(ReleasePayment()) == [PaymentReleased()]
    assert given_events(OPENED, CHARGED).when(ReleasePayment()) == []


def test_hold_after_the_forgetting_is_refused():
    assert given_events(OPENED, CHARGED, FORGOTTEN).refuses(HOLD) == "payer_forgotten"


@pytest.mark.parametrize(
    ("happened", "needs"),
    [
        ([OPENED], ["charge"]),
        ([OPENED, NO_CHARGE], []),
        ([OPENED, CHARGED], ["payment"]),
        ([OPENED, CHARGED, CancellationRequested()], ["payment", "cancellation"]),
        ([OPENED, CHARGED, EXPIRED], []),
        ([DIRECT_PIX], ["payment"]),
    ],
)
def test_payment_in_flight_needs_the_payers_data(happened, needs):
    assert needs_payer_for(after(*happened)) == needs


def test_forgetting_removes_the_metadata_from_the_state():
    sealed = replace(OPENED, metadata="s1.sealed")
    assert after(sealed, CHARGED, FORGOTTEN).intent.metadata is None
