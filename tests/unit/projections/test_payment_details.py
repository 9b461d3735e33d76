"""What `payment_details` makes of the events of a payment."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts import events
from contracts.read_models import PaymentDetails
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from tests.unit.projections.history import (
    CHARGE_REFUSED,
    CHARGED,
    EXPIRED,
    NOON,
    ONE_OF_EACH,
    WATCHED,
    enveloped,
    moved,
    observed,
    opened,
    recorded_at,
    told,
)

PAID_AT = NOON + timedelta(minutes=3)


def details(*happened) -> PaymentDetails:
    return told(PAYMENT_DETAILS, *happened).details


def test_an_opened_payment_is_pending_and_has_no_charge():
    assert details(opened()) == PaymentDetails(
        payment_id=15,
        merchant="padaria-do-marcos",
        provider="mercado_pago",
        method="checkout",
        status="pending",
        status_detail=None,
        amount_centavos=2599,
        refunded_centavos=0,
        currency="BRL",
        title="Pedido 15",
        description="Pão de queijo e café",
        items=opened().items,
        external_reference="extrato_15_0123456789ab",
        bank_payment_id="00000000-000f-8000-8000-0123456789ab",
        charge_id=None,
        attempt_id=None,
        newest_attempt_id=None,
        checkout_url=None,
        sandbox_url=None,
        pix_payload=None,
        payer_email=None,
        paid_at=None,
        expires_at=NOON + timedelta(hours=1),
        created_at=NOON,
        updated_at=recorded_at(1),
        alerts=(),
        position=1,
    )


def test_a_charge_brings_the_ways_to_pay():
    charged = details(opened(), CHARGED)
    assert (charged.charge_id, charged.checkout_url) == ("preference-15", "https://pay.example/15")
    assert (charged.sandbox_url, charged.pix_payload) == ("https://sandbox.example/15", "00020126")
    assert (charged.updated_at, charged.position) == (recorded_at(2), 2)


def test_a_move_brings_status_detail_attempt_and_time_of_payment():
    paid = details(opened(), moved("approved", detail="accredited", paid_at=PAID_AT))
    assert (paid.status, paid.status_detail, paid.attempt_id) == ("approved", "accredited", "a1")
    assert paid.paid_at == PAID_AT


def test_the_attempt_that_pays_brings_the_email_observed_before_the_move():
    assert details(opened(), observed("approved", email="ana@example.com"), moved("approved")).payer_email == (
        "ana@example.com"
    )


def test_the_word_may_pass_to_an_attempt_that_was_observed_long_before():
    passed_on = details(
        opened(),
        observed("pending", attempt="a1", email="ana@example.com"),
        observed("in_process", attempt="a2", email="bia@example.com"),
        moved("in_process", attempt="a2"),
        observed("rejected", attempt="a2", email="bia@example.com"),
        moved("pending", attempt="a1"),
    )
    assert (passed_on.attempt_id, passed_on.payer_email) == ("a1", "ana@example.com")


def test_a_partial_refund_of_the_paid_attempt_shows_without_a_move():
    paid = (opened(), observed("approved"), moved("approved", detail="accredited"))
    refunded = details(*paid, observed("approved", detail="partially_refunded", refunded=500))
    assert (refunded.status, refunded.status_detail) == ("approved", "partially_refunded")
    assert (refunded.refunded_centavos, refunded.position) == (500, 4)


def test_the_detail_of_another_status_waits_for_the_move():
    paid = (opened(), observed("approved"), moved("approved", detail="accredited"))
    assert details(*paid, observed("refunded", detail="refunded", refunded=2599)).status_detail == "accredited"


def test_an_attempt_that_does_not_speak_for_the_payment_changes_nothing():
    paid = (opened(), observed("approved"), moved("approved"))
    second = observed("rejected", attempt="a2", detail="cc_rejected", email="bia@example.com")
    assert details(*paid, second) == replace(details(*paid), newest_attempt_id="a2")


def test_the_newest_attempt_is_known_beside_the_one_that_speaks():
    charge = replace(CHARGED, attempt_id="a1")
    assert details(opened(), charge).newest_attempt_id == "a1"
    begun = details(opened(), CHARGED, observed("pending", attempt="a1"), observed("pending", attempt="a2"))
    assert (begun.attempt_id, begun.newest_attempt_id) == ("a1", "a2")
    looked_at_again = details(
        opened(), CHARGED, observed("pending", attempt="a1"), observed("pending", attempt="a2"), observed("rejected")
    )
    assert looked_at_again.newest_attempt_id == "a2"


def test_the_first_attempt_speaks_when_it_has_the_payments_status():
    waiting = details(
        opened(), CHARGED, observed("pending", detail="pending_waiting_transfer", email="ana@example.com")
    )
    assert (waiting.attempt_id, waiting.status_detail) == ("a1", "pending_waiting_transfer")
    assert waiting.payer_email == "ana@example.com"


def test_no_attempt_speaks_for_a_charge_that_was_refused():
    refused = (opened(), CHARGE_REFUSED, moved("cancelled", attempt=None, detail="charge_refused"))
    seen = details(*refused, observed("cancelled", detail="by_collector"))
    assert (seen.status, seen.status_detail, seen.attempt_id) == ("cancelled", "charge_refused", None)
    paid = details(*refused, observed("approved"), moved("approved", detail="accredited"))
    assert (paid.status, paid.status_detail, paid.attempt_id) == ("approved", "accredited", "a1")


def test_of_two_paid_attempts_the_other_one_speaks_when_one_was_refunded():
    paid = (opened(), observed("approved"), moved("approved"), observed("approved", attempt="a2", detail="accredited"))
    given_back = details(*paid, observed("refunded", refunded=2599))
    assert (given_back.status, given_back.attempt_id, given_back.refunded_centavos) == ("approved", "a2", 0)
    in_part = details(*paid, observed("refunded", refunded=2599), observed("approved", attempt="a2", refunded=100))
    assert in_part.refunded_centavos == 100


def test_expiry_cancels_and_forgets_neither_attempt_nor_payment_time():
    rejected = (opened(), moved("rejected", attempt="a1", paid_at=PAID_AT))
    expired = details(*rejected, EXPIRED, moved("cancelled", attempt=None, detail="expired"))
    assert (expired.status, expired.status_detail) == ("cancelled", "expired")
    assert (expired.attempt_id, expired.paid_at) == ("a1", PAID_AT)


@pytest.mark.parametrize("event", [WATCHED, CHARGE_REFUSED, EXPIRED], ids=lambda event: type(event).__name__)
def test_what_the_document_does_not_tell_leaves_it_untouched(event):
    payment = told(PAYMENT_DETAILS, opened())
    assert PAYMENT_DETAILS.evolve(payment, enveloped(event, position=2)) is payment


@pytest.mark.parametrize("event", ONE_OF_EACH[1:12], ids=lambda event: type(event).__name__)
def test_nothing_but_the_opening_makes_a_payment(event):
    assert told(PAYMENT_DETAILS, event) is None


def test_a_row_is_read_back_as_it_was_written():
    payment = told(PAYMENT_DETAILS, opened(), CHARGED, observed("approved", email="a@b.c"), moved("approved"))
    row = PAYMENT_DETAILS.row(payment, enveloped(CHARGED))
    assert PAYMENT_DETAILS.read({"document": row[5], "attempts": row[6]}) == (15, payment)


def test_what_somebody_has_to_look_into_is_told_once_each():
    twice = events.DuplicatePaymentObserved(attempt_id="a2", already_paid_by="a1", amount_centavos=2599)
    late = events.LatePaymentReceived(amount_centavos=2599, received_at=NOON, end_to_end_id=None)
    told_twice = details(opened(), twice, late, twice)
    assert (told_twice.alerts, told_twice.position) == (("duplicate_payment", "late_payment"), 3)
