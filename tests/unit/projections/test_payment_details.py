"""The rows of `payment_details` after events of a payment."""

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts import events
from contracts.read_models import AttemptDetails, PaymentDetails
from extrato.domain.payment.decisions import PAYMENT
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from tests.compatibility.claim import claim
from tests.unit.projections.history import (
    AFTER_THE_OPENING,
    CHARGE_REFUSED,
    CHARGED,
    EXPIRED,
    LATE,
    NOON,
    REFUND,
    REFUND_ACCEPTED,
    REFUND_MADE,
    RETURNED,
    WATCHED,
    document_after,
    enveloped,
    moved,
    observed,
    opened,
    recorded_at,
)

PAID_AT = NOON + timedelta(minutes=3)


def details(*happened) -> PaymentDetails:
    return document_after(PAYMENT_DETAILS, *happened).details


def money(*happened) -> tuple[int, int, int]:
    """Return the held, refunded and disputed amounts."""
    seen = details(*happened)
    return seen.held_centavos, seen.refunded_centavos, seen.disputed_centavos


def test_hidden_text_is_in_no_row():
    described = replace(
        opened(),
        title="Bolo da Ana",
        description="Para Ana",
        items=(events.Item("Bolo", 2, 500),),
        return_url="https://loja.example/obrigado?nome=Ana",
    )
    refund = replace(REFUND, reason="Ana devolveu")
    hidden = document_after(
        PAYMENT_DETAILS, described, CHARGED, observed("approved"), refund, events.TextHidden(), REFUND_ACCEPTED
    )

    row = str(PAYMENT_DETAILS.row(hidden, enveloped(events.TextHidden())))
    assert "Ana" not in row
    assert "Bolo" not in row
    assert hidden.details.items == (events.Item("Texto apagado", 2, 500),)
    assert hidden.ledger.refunds["r1"].state == "in_process"


def test_hidden_text_is_in_no_code_of_a_direct_pix():
    assert details(opened(provider="pix"), CHARGED, events.TextHidden()).pix_payload is None
    assert details(opened(), CHARGED).pix_payload == details(opened(), CHARGED, events.TextHidden()).pix_payload


def attempt(name, status, amount, *, held=0, refunded=0, detail=None, currency="BRL", paid_at=None) -> AttemptDetails:
    return AttemptDetails(
        attempt_id=name,
        status=status,
        status_detail=detail,
        amount_centavos=amount,
        held_centavos=held,
        refunded_centavos=refunded,
        currency=currency,
        paid_at=paid_at,
    )


@claim("list.payment")
def test_opened_payment_is_pending_without_a_charge():
    assert details(opened()) == PaymentDetails(
        payment_id=15,
        merchant="padaria-do-marcos",
        provider="mercado_pago",
        method="checkout",
        status="pending",
        status_detail=None,
        amount_centavos=2599,
        held_centavos=0,
        refunded_centavos=0,
        disputed_centavos=0,
        attempts=(),
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


def test_charge_adds_the_ways_to_pay():
    charged = details(opened(), CHARGED)
    assert (charged.charge_id, charged.checkout_url) == ("preference-15", "https://pay.example/15")
    assert (charged.sandbox_url, charged.pix_payload) == ("https://sandbox.example/15", "00020126")
    assert (charged.updated_at, charged.position) == (recorded_at(2), 2)


def test_payment_opened_with_its_charge_has_the_ways_to_pay():
    charged = details(opened(charge=CHARGED))
    assert (charged.charge_id, charged.pix_payload) == ("preference-15", "00020126")
    assert (charged.updated_at, charged.position) == (recorded_at(1), 1)


def test_observation_sets_status_attempt_email_and_paid_at():
    seen = observed("approved", detail="accredited", paid_at=PAID_AT, email="ana@example.com")
    paid = details(opened(), seen)
    assert (paid.status, paid.status_detail, paid.attempt_id) == ("approved", "accredited", "a1")
    assert (paid.paid_at, paid.payer_email) == (PAID_AT, "ana@example.com")
    assert (paid.updated_at, paid.position) == (recorded_at(2), 2)


def test_status_changed_after_an_observation_adds_nothing():
    happened = (opened(), observed("approved", detail="accredited", paid_at=PAID_AT))
    follows = moved("approved", detail="accredited", paid_at=PAID_AT)
    assert details(*happened, follows) == details(*happened)


def test_status_changed_without_an_observation_is_accepted():
    paid = details(opened(), moved("approved", detail="accredited"))
    assert (paid.status, paid.status_detail) == ("approved", "accredited")


def test_earlier_attempt_may_become_the_deciding_one():
    passed_on = details(
        opened(),
        observed("pending", attempt="a1", email="ana@example.com"),
        observed("in_process", attempt="a2", email="bia@example.com"),
        moved("in_process", attempt="a2"),
        observed("rejected", attempt="a2", email="bia@example.com"),
        moved("pending", attempt="a1"),
    )
    assert (passed_on.attempt_id, passed_on.payer_email) == ("a1", "ana@example.com")


def test_partial_refund_shows_without_a_status_change():
    paid = (opened(), observed("approved"), moved("approved", detail="accredited"))
    refunded = details(*paid, observed("approved", detail="partially_refunded", refunded=500))
    assert (refunded.status, refunded.status_detail) == ("approved", "partially_refunded")
    assert (refunded.refunded_centavos, refunded.position) == (500, 4)


def test_full_refund_changes_status_and_detail():
    paid = (opened(), observed("approved"), moved("approved", detail="accredited"))
    gone = details(*paid, observed("refunded", detail="refunded", refunded=2599))
    assert (gone.status, gone.status_detail) == ("refunded", "refunded")
    assert (gone.held_centavos, gone.refunded_centavos) == (0, 2599)


def test_attempt_that_does_not_decide_is_only_listed():
    paid = (opened(), observed("approved"), moved("approved"))
    second = observed("rejected", attempt="a2", detail="cc_rejected", email="bia@example.com")
    assert details(*paid, second) == replace(
        details(*paid),
        newest_attempt_id="a2",
        attempts=(attempt("a1", "approved", 2599, held=2599), attempt("a2", "rejected", 2599, detail="cc_rejected")),
        updated_at=recorded_at(4),
        position=4,
    )


def test_newest_attempt_is_kept_beside_the_deciding_one():
    charge = replace(CHARGED, attempt_id="a1")
    assert details(opened(), charge).newest_attempt_id == "a1"
    begun = details(opened(), CHARGED, observed("pending", attempt="a1"), observed("pending", attempt="a2"))
    assert (begun.attempt_id, begun.newest_attempt_id) == ("a1", "a2")
    looked_at_again = details(
        opened(), CHARGED, observed("pending", attempt="a1"), observed("pending", attempt="a2"), observed("rejected")
    )
    assert looked_at_again.newest_attempt_id == "a2"


def test_first_attempt_with_the_payments_status_decides():
    waiting = details(
        opened(), CHARGED, observed("pending", detail="pending_waiting_transfer", email="ana@example.com")
    )
    assert (waiting.attempt_id, waiting.status_detail) == ("a1", "pending_waiting_transfer")
    assert waiting.payer_email == "ana@example.com"


def test_refused_charge_stays_refused_until_money_arrives():
    refused = (opened(), CHARGE_REFUSED, moved("cancelled", attempt=None, detail="charge_refused"))
    seen = details(*refused, observed("cancelled", detail="by_collector"))
    assert (seen.status, seen.status_detail) == ("cancelled", "charge_refused")
    paid = details(*refused, observed("approved", detail="accredited"), moved("approved", detail="accredited"))
    assert (paid.status, paid.status_detail, paid.attempt_id) == ("approved", "accredited", "a1")


def test_refund_makes_the_other_paid_attempt_decide():
    paid = (opened(), observed("approved"), moved("approved"), observed("approved", attempt="a2", detail="accredited"))
    given_back = details(*paid, observed("refunded", refunded=2599))
    assert (given_back.status, given_back.attempt_id) == ("approved", "a2")
    assert (given_back.held_centavos, given_back.refunded_centavos) == (2599, 2599)
    in_part = details(*paid, observed("refunded", refunded=2599), observed("approved", attempt="a2", refunded=100))
    assert (in_part.held_centavos, in_part.refunded_centavos) == (2499, 2699)


def test_expiry_cancels_and_keeps_the_attempts():
    rejected = (opened(), observed("rejected"), moved("rejected"))
    expired = details(*rejected, EXPIRED, moved("cancelled", attempt=None, detail="expired"))
    assert (expired.status, expired.status_detail) == ("cancelled", "expired")
    assert (expired.attempt_id, expired.attempts) == ("a1", (attempt("a1", "rejected", 2599),))


def test_cancelled_payment_names_its_reason():
    closed = {EXPIRED: "expired", events.PaymentCancelled(): "by_collector", CHARGE_REFUSED: "charge_refused"}
    for event, detail in closed.items():
        seen = details(opened(), event)
        assert (seen.status, seen.status_detail, seen.attempt_id) == ("cancelled", detail, None)


# --- money that does not fit ----------------------------------------------------------------------


@claim("check.attempts")
def test_two_cards_show_the_money_held_of_each():
    first = observed("approved", amount=1000, detail="accredited")
    part = details(opened(), CHARGED, first)
    assert (part.status, part.status_detail, part.held_centavos) == ("pending", "partially_paid", 1000)
    second = observed("approved", attempt="a2", amount=1599, detail="accredited", minute=1, paid_at=PAID_AT)
    paid = details(opened(), CHARGED, first, second)
    assert (paid.status, paid.status_detail, paid.held_centavos) == ("approved", "accredited", 2599)
    assert paid.paid_at == PAID_AT
    assert paid.attempts == (
        attempt("a1", "approved", 1000, held=1000, detail="accredited"),
        attempt("a2", "approved", 1599, held=1599, detail="accredited", paid_at=PAID_AT),
    )
    in_part = details(opened(), CHARGED, first, second, observed("approved", amount=1000, refunded=300, minute=2))
    assert (in_part.status, in_part.status_detail) == ("approved", "partially_refunded")
    assert in_part.attempts[0] == attempt("a1", "approved", 1000, held=700, refunded=300)
    assert (in_part.held_centavos, in_part.refunded_centavos) == (2299, 300)


@claim("check.attempts")
def test_money_in_another_currency_is_not_summed():
    seen = details(opened(), CHARGED, observed("approved", currency="ARS"))
    assert (seen.status, seen.status_detail, seen.held_centavos) == ("pending", "other_currency", 0)
    assert seen.attempts == (attempt("a1", "approved", 2599, held=2599, currency="ARS"),)


def test_disputed_money_is_neither_held_nor_refunded():
    paid = (opened(), CHARGED, observed("approved"))
    assert details(*paid, observed("in_mediation", minute=1)).attempts[0].disputed_centavos == 2599
    assert money(*paid, observed("in_mediation", minute=1)) == (0, 0, 2599)
    assert money(*paid, observed("charged_back", detail="settled", minute=1)) == (0, 0, 0)
    assert money(*paid, observed("charged_back", detail="reimbursed", minute=1)) == (2599, 0, 0)


def test_refund_counts_before_the_provider_reports_it():
    paid = (opened(), CHARGED, observed("approved", detail="accredited"))
    assert details(*paid, REFUND, REFUND_ACCEPTED) == details(*paid)
    made = details(*paid, REFUND, REFUND_ACCEPTED, REFUND_MADE)
    assert (made.status, made.status_detail) == ("approved", "partially_refunded")
    assert (made.held_centavos, made.refunded_centavos, made.position) == (2499, 100, 6)
    told_by_provider = observed("approved", detail="partially_refunded", refunded=100, minute=6)
    assert money(*paid, REFUND, REFUND_MADE, told_by_provider) == (2499, 100, 0)


def test_refused_refund_keeps_the_document():
    paid = (opened(), CHARGED, observed("approved", detail="accredited"))
    refused = events.RefundRefused(refund_id="r1", code="provider_refused", reason="no")
    assert details(*paid, REFUND, refused) == details(*paid)


def test_reversed_refund_is_held_again():
    paid = (opened(), CHARGED, observed("approved"), REFUND, REFUND_MADE)
    again = observed("approved", minute=9)
    reversed_ = events.RefundReversed(
        attempt_id="a1", before_centavos=100, after_centavos=0, observed_at=again.observed_at
    )
    alert = events.AlertRaised(alert="refund_reversed", occurrence="a1")
    seen = details(*paid, again, reversed_, alert)
    assert (seen.status, seen.held_centavos, seen.refunded_centavos) == ("approved", 2599, 0)
    assert seen.alerts == ("refund_reversed",)


def test_late_money_pays_when_accepted():
    late = details(opened(), CHARGED, EXPIRED, LATE)
    assert (late.status, late.status_detail, late.held_centavos) == ("cancelled", "expired", 2599)
    assert (late.paid_at, late.alerts) == (None, ("late_payment",))
    accepted = events.MoneyAccepted(amount_centavos=2599)
    taken = details(opened(), CHARGED, EXPIRED, LATE, accepted)
    assert (taken.status, taken.attempt_id, taken.paid_at) == ("approved", "E1", NOON)


def test_returned_pix_is_not_held():
    assert money(opened(), CHARGED, EXPIRED, LATE, RETURNED) == (0, 2599, 0)
    in_part = replace(RETURNED, amount_centavos=599)
    assert money(opened(), CHARGED, EXPIRED, LATE, in_part) == (2000, 599, 0)


def test_accepted_smaller_amount_is_approved():
    taken = details(opened(), CHARGED, observed("approved", amount=1000), events.MoneyAccepted(amount_centavos=1000))
    assert (taken.status, taken.held_centavos, taken.amount_centavos) == ("approved", 1000, 2599)


# --- skipped events, and stored rows --------------------------------------------------------------


@pytest.mark.parametrize("event", [WATCHED, events.CancellationRequested()], ids=lambda event: type(event).__name__)
def test_event_without_visible_effect_keeps_the_document(event):
    payment = document_after(PAYMENT_DETAILS, opened())
    assert PAYMENT_DETAILS.evolve(payment, enveloped(event, position=2)) is payment


@pytest.mark.parametrize("event", AFTER_THE_OPENING, ids=lambda event: type(event).__name__)
def test_only_payment_opened_creates_a_row(event):
    assert document_after(PAYMENT_DETAILS, event) is None


def test_ledger_is_stored_beside_the_document():
    paid = document_after(PAYMENT_DETAILS, opened(), observed("approved"))
    asked = PAYMENT_DETAILS.evolve(paid, enveloped(REFUND, position=3))
    assert asked.details is paid.details
    assert list(asked.ledger.refunds) == ["r1"]


def stored(payment, envelope):
    """Return the row by its columns."""
    return dict(zip(PAYMENT_DETAILS.columns, PAYMENT_DETAILS.row(payment, envelope), strict=True))


def read_back(payment, envelope):
    return PAYMENT_DETAILS.read(stored(payment, envelope))


def test_row_is_read_back_unchanged():
    payment = document_after(PAYMENT_DETAILS, opened(), CHARGED, observed("approved", email="a@b.c"), moved("approved"))
    assert read_back(payment, enveloped(CHARGED)) == (15, payment)


@pytest.mark.parametrize("happened", [[opened()], [opened(), CHARGED], [opened(charge=CHARGED)]])
def test_payment_without_money_stores_no_ledger_and_no_empty_fields(happened):
    payment = document_after(PAYMENT_DETAILS, *happened)
    row = stored(payment, enveloped(CHARGED))
    assert row["ledger"] is None
    assert not {"attempts", "alerts", "held_centavos", "paid_at"} & set(json.loads(row["document"]))
    assert PAYMENT_DETAILS.read(row) == (15, payment)


def test_document_survives_storage_between_events():
    happened = (opened(), CHARGED, observed("approved", paid_at=PAID_AT), *AFTER_THE_OPENING)
    payment = None
    for position, event in enumerate(happened, start=1):
        payment = PAYMENT_DETAILS.evolve(payment, enveloped(event, position=position))
        _, payment = read_back(payment, enveloped(event, position=position))
    assert payment == document_after(PAYMENT_DETAILS, *happened)


def test_document_equals_the_domains_state():
    happened = [opened(), CHARGED, observed("approved", amount=1000), REFUND, REFUND_MADE, EXPIRED]
    happened += [observed("approved", attempt="a2", amount=1699, minute=9), REFUND_ACCEPTED, *AFTER_THE_OPENING]
    for count in range(1, len(happened) + 1):
        seen, state = details(*happened[:count]), PAYMENT.fold(happened[:count])
        assert (seen.status, seen.status_detail, seen.attempt_id) == (
            state.status,
            state.status_detail,
            state.attempt_id,
        )
        assert [each.attempt_id for each in seen.attempts] == list(state.attempts)
        assert (seen.held_centavos, seen.alerts) == (state.ledger.total.held, state.alerts)


# --- alerts ---------------------------------------------------------------------------------------


def test_each_alert_is_shown_once():
    twice = events.DuplicatePaymentObserved(attempt_id="a2", already_paid_by="a1", amount_centavos=2599)
    told_twice = details(opened(), twice, LATE, twice)
    assert (told_twice.alerts, told_twice.position) == (("duplicate_payment", "late_payment"), 3)


@claim("check.alerts")
@pytest.mark.parametrize(
    "end",
    [events.AlertEnded(alert="overpaid"), events.AlertResolved(alert="overpaid", reason="devolvido no caixa")],
    ids=["ended", "resolved"],
)
def test_ended_or_resolved_alert_is_not_shown(end):
    raised = events.AlertRaised(alert="overpaid", occurrence="a1")
    other = events.AlertRaised(alert="refund_reversed", occurrence="a1")
    seen = details(opened(), raised, other, end)
    assert (seen.alerts, seen.position) == (("refund_reversed",), 4)
    assert details(opened(), raised, other, end, raised).alerts == ("refund_reversed", "overpaid")
    assert details(opened(), other, end) == details(opened(), other)
