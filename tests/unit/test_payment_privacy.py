"""Forgetting and holds: recorded, refused, and repeated without an event; payments in flight need the payer's data."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contracts.events import (
    PAYMENT_EVENTS,
    CancellationRequested,
    Item,
    PayerForgotten,
    PaymentHeld,
    PaymentReleased,
    RefundRequested,
    TextHidden,
)
from contracts.events.hidden_text import HIDDEN_TEXT, hide_text
from extrato.domain.payment.commands import ForgetPayer, HideText, HoldPayment, ReleasePayment
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.payment.privacy import needs_payer_for
from extrato.domain.payment.state import Charged, Unopened
from tests.examples import EXAMPLE_EVENTS
from tests.privacy_page import classified
from tests.unit.payment_story import CHARGED, DIRECT_PIX, EXPIRED, NO_CHARGE, OPENED, PIX, at, given_events, observe

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


def test_text_is_hidden_once_in_the_state():
    assert given_events(OPENED, CHARGED).when(HideText()) == [TextHidden()]
    assert given_events(OPENED, CHARGED, TextHidden()).when(HideText()) == []

    described = replace(OPENED, description="Para Ana Lima", items=(Item("Bolo da Ana", 2, 500),))
    hidden = after(described, CHARGED, TextHidden()).intent
    assert (hidden.title, hidden.description, hidden.items) == (HIDDEN_TEXT, HIDDEN_TEXT, (Item(HIDDEN_TEXT, 2, 500),))
    paid = after(replace(DIRECT_PIX, charge=PIX), TextHidden())
    assert isinstance(paid, Charged)
    assert paid.charge.pix_payload is None


def test_reason_of_a_later_refund_is_hidden_too():
    paid = given_events(OPENED, CHARGED).when(observe("approved"))
    refund = RefundRequested(
        refund_id="r1",
        wish_id="w1",
        attempt_id="a",
        amount_centavos=100,
        is_all=False,
        reason="Ana desistiu",
        requested_at=at(5),
        known_refunds=(),
    )
    for order in ([refund, TextHidden()], [TextHidden(), refund]):
        assert after(OPENED, CHARGED, *paid, *order).refunds["r1"].reason is None


def test_every_free_text_of_a_payment_is_hidden():
    texts = {name for name, kind in classified("Every text of an event").items() if kind == "free text"}
    texts |= {"PaymentOpened.items"}
    # They name the merchant's order.
    texts -= {"PaymentOpened.reference", "ReferenceTaken.reference"}
    hidden = {"Item.name"}
    for event in filter(lambda each: isinstance(each, PAYMENT_EVENTS), EXAMPLE_EVENTS):
        shown = hide_text(event)
        for name in event.__struct_fields__:
            if getattr(shown, name) != getattr(event, name):
                hidden.add(f"{type(event).__name__}.{name}")
    assert hide_text(PIX).pix_payload is None
    assert hidden == {name for name in texts if not name.startswith(("Product", "ApiKey"))}


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
