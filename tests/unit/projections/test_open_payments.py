"""The rows of `open_payments` after events of a payment."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts import events
from contracts.read_models import OpenPayment
from services.projections.read_models.open_payments import OPEN_PAYMENTS
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
)

MOVES_NOTHING = (
    events.AlertRaised(alert="overpaid", occurrence="a1"),
    events.AlertEnded(alert="overpaid"),
    events.AlertResolved(alert="overpaid", reason="devolvido no caixa"),
    events.RefundReversed(attempt_id="a1", before_centavos=100, after_centavos=0, observed_at=NOON),
    LATE,
    REFUND,
    REFUND_ACCEPTED,
    REFUND_MADE,
    RETURNED,
)


def row_after(*happened) -> OpenPayment | None:
    return document_after(OPEN_PAYMENTS, *happened)


def test_opened_payment_has_a_row():
    assert row_after(opened()) == OpenPayment(
        payment_id=15,
        merchant="padaria-do-marcos",
        provider="mercado_pago",
        external_reference="extrato_15_0123456789ab",
        status="pending",
        charged=False,
        opened_at=NOON,
        watch_until=None,
        expires_at=NOON + timedelta(hours=1),
        unsettled_attempts=(),
        own_attempt_id=None,
        settled=False,
    )


def test_charge_and_watch_are_in_the_row():
    watched = row_after(opened(), CHARGED, WATCHED)
    assert watched.charged
    assert watched.watch_until == WATCHED.watch_until


def test_payment_opened_with_its_charge_is_charged():
    assert row_after(opened(charge=CHARGED)) == replace(row_after(opened()), charged=True)


@pytest.mark.parametrize("status", ["pending", "in_process", "authorized", "invented_since"])
def test_pending_attempt_is_unsettled(status):
    assert row_after(opened(), observed(status)).unsettled_attempts == ("a1",)


@pytest.mark.parametrize("status", ["rejected", "cancelled", "approved", "refunded"])
def test_ended_attempt_is_settled(status):
    seen = (observed("pending"), observed("in_process", attempt="a2"), observed(status))
    assert row_after(opened(), *seen).unsettled_attempts == ("a2",)


@pytest.mark.parametrize("status", ["rejected", "cancelled", "in_process", "invented_since"])
def test_row_stays_while_the_payer_may_try_again(status):
    assert row_after(opened(), CHARGED, moved(status)).status == status


@pytest.mark.parametrize("status", ["approved", "in_mediation", "charged_back", "refunded"])
def test_row_goes_when_money_has_moved(status):
    assert row_after(opened(), CHARGED, moved(status)) is None


def test_partly_paid_row_stays_until_the_rest_arrives():
    part = (opened(), CHARGED, observed("approved", amount=1000), moved("pending", detail="partially_paid"))
    waiting = row_after(*part)
    assert (waiting.status, waiting.settled, waiting.expires_at) == ("pending", False, NOON + timedelta(hours=1))
    rest = observed("approved", attempt="a2", amount=1599)
    assert row_after(*part, rest, moved("approved", attempt="a2")) is None


def test_row_goes_when_a_smaller_amount_is_accepted():
    part = (opened(), CHARGED, observed("approved", amount=1000), moved("pending", detail="partially_paid"))
    assert row_after(*part, events.MoneyAccepted(amount_centavos=1000), moved("approved")) is None


@pytest.mark.parametrize("event", MOVES_NOTHING, ids=lambda event: type(event).__name__)
def test_events_for_the_merchant_only_keep_the_row(event):
    row = row_after(opened(), CHARGED, WATCHED, observed("pending"))
    assert OPEN_PAYMENTS.evolve(row, enveloped(event, position=5)) is row


@pytest.mark.parametrize("end", [CHARGE_REFUSED, EXPIRED], ids=["refused", "expired"])
def test_row_goes_when_the_payment_cannot_be_paid(end):
    assert row_after(opened(), end) is None


@pytest.mark.parametrize("late", AFTER_THE_OPENING, ids=lambda event: type(event).__name__)
def test_late_event_recreates_a_row_only_when_reopened(late):
    row = row_after(opened(), CHARGED, moved("approved"), late)
    assert (row is None) != isinstance(late, events.PaymentReopened)


def test_reopened_payment_is_swept_and_expires():
    again = events.PaymentReopened(
        provider="mercado_pago",
        external_reference="extrato_15_abc",
        own_attempt_id=None,
        unsettled_attempts=("a1",),
        expires_at=NOON,
    )
    row = row_after(opened(), CHARGED, WATCHED, observed("approved"), moved("approved"), again, moved("pending"))
    assert (row.settled, row.charged, row.expires_at, row.unsettled_attempts) == (False, True, NOON, ("a1",))


def test_row_is_read_back_unchanged():
    document = row_after(opened(), CHARGED, WATCHED, observed("pending"))
    row = OPEN_PAYMENTS.row(document, enveloped(WATCHED))
    assert OPEN_PAYMENTS.read({"document": row[-1]}) == (15, document)


def test_paid_row_with_another_attempt_has_no_watch_or_expiry():
    paid = row_after(
        opened(), CHARGED, WATCHED, observed("pending", attempt="pix"), observed("approved"), moved("approved")
    )
    assert (paid.settled, paid.unsettled_attempts) == (True, ("pix",))
    assert (paid.watch_until, paid.expires_at) == (None, None)


@pytest.mark.parametrize("end", ["cancelled", "approved"])
def test_paid_row_goes_when_the_other_attempt_ends(end):
    both = (opened(), CHARGED, observed("pending", attempt="pix"), observed("approved"), moved("approved"))
    assert row_after(*both, observed(end, attempt="pix")) is None


@pytest.mark.parametrize("end", ["cancelled", "rejected"])
def test_row_of_a_single_attempt_goes_when_it_ends(end):
    pix = replace(CHARGED, attempt_id="900")
    assert row_after(opened(), pix, observed(end, attempt="900")) is None
    assert row_after(opened(), pix, observed("pending", attempt="900")).unsettled_attempts == ("900",)
