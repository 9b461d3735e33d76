"""What `open_payments` makes of the events of a payment."""

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
    enveloped,
    moved,
    observed,
    opened,
    told,
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
    return told(OPEN_PAYMENTS, *happened)


def test_an_opened_payment_is_open():
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


def test_a_charge_and_a_watch_are_noted():
    watched = row_after(opened(), CHARGED, WATCHED)
    assert watched.charged
    assert watched.watch_until == WATCHED.watch_until


def test_a_payment_that_opens_with_its_charge_is_charged_from_the_start():
    assert row_after(opened(charge=CHARGED)) == replace(row_after(opened()), charged=True)


@pytest.mark.parametrize("status", ["pending", "in_process", "authorized", "invented_since"])
def test_an_attempt_on_its_way_is_unsettled(status):
    assert row_after(opened(), observed(status)).unsettled_attempts == ("a1",)


@pytest.mark.parametrize("status", ["rejected", "cancelled", "approved", "refunded"])
def test_an_attempt_that_ended_is_settled(status):
    seen = (observed("pending"), observed("in_process", attempt="a2"), observed(status))
    assert row_after(opened(), *seen).unsettled_attempts == ("a2",)


@pytest.mark.parametrize("status", ["rejected", "cancelled", "in_process", "invented_since"])
def test_a_payment_stays_open_while_the_payer_may_try_again(status):
    assert row_after(opened(), CHARGED, moved(status)).status == status


@pytest.mark.parametrize("status", ["approved", "in_mediation", "charged_back", "refunded"])
def test_a_payment_is_closed_when_money_has_moved(status):
    assert row_after(opened(), CHARGED, moved(status)) is None


def test_a_payment_of_which_a_part_is_held_stays_open_until_the_rest_came():
    part = (opened(), CHARGED, observed("approved", amount=1000), moved("pending", detail="partially_paid"))
    waiting = row_after(*part)
    assert (waiting.status, waiting.settled, waiting.expires_at) == ("pending", False, NOON + timedelta(hours=1))
    rest = observed("approved", attempt="a2", amount=1599)
    assert row_after(*part, rest, moved("approved", attempt="a2")) is None


def test_a_payment_is_closed_when_its_short_money_was_accepted():
    part = (opened(), CHARGED, observed("approved", amount=1000), moved("pending", detail="partially_paid"))
    assert row_after(*part, events.MoneyAccepted(amount_centavos=1000), moved("approved")) is None


@pytest.mark.parametrize("event", MOVES_NOTHING, ids=lambda event: type(event).__name__)
def test_what_only_the_merchant_has_to_know_leaves_the_row_untouched(event):
    row = row_after(opened(), CHARGED, WATCHED, observed("pending"))
    assert OPEN_PAYMENTS.evolve(row, enveloped(event, position=5)) is row


@pytest.mark.parametrize("end", [CHARGE_REFUSED, EXPIRED], ids=["refused", "expired"])
def test_a_payment_is_closed_when_it_can_never_be_paid(end):
    assert row_after(opened(), end) is None


@pytest.mark.parametrize("late", AFTER_THE_OPENING, ids=lambda event: type(event).__name__)
def test_nothing_that_comes_late_opens_a_closed_payment_again_but_money_that_was_taken_back(late):
    row = row_after(opened(), CHARGED, moved("approved"), late)
    assert (row is None) != isinstance(late, events.PaymentReopened)


def test_a_payment_that_was_reopened_is_swept_and_expires_again():
    again = events.PaymentReopened(
        provider="mercado_pago",
        external_reference="extrato_15_abc",
        own_attempt_id=None,
        unsettled_attempts=("a1",),
        expires_at=NOON,
    )
    row = row_after(opened(), CHARGED, WATCHED, observed("approved"), moved("approved"), again, moved("pending"))
    assert (row.settled, row.charged, row.expires_at, row.unsettled_attempts) == (False, True, NOON, ("a1",))


def test_a_row_is_read_back_as_it_was_written():
    document = row_after(opened(), CHARGED, WATCHED, observed("pending"))
    row = OPEN_PAYMENTS.row(document, enveloped(WATCHED))
    assert OPEN_PAYMENTS.read({"document": row[-1]}) == (15, document)


def test_a_paid_payment_stays_for_the_sake_of_another_attempt_but_is_neither_watched_nor_expires():
    paid = row_after(
        opened(), CHARGED, WATCHED, observed("pending", attempt="pix"), observed("approved"), moved("approved")
    )
    assert (paid.settled, paid.unsettled_attempts) == (True, ("pix",))
    assert (paid.watch_until, paid.expires_at) == (None, None)


@pytest.mark.parametrize("end", ["cancelled", "approved"])
def test_it_goes_when_the_other_attempt_has_ended(end):
    both = (opened(), CHARGED, observed("pending", attempt="pix"), observed("approved"), moved("approved"))
    assert row_after(*both, observed(end, attempt="pix")) is None


@pytest.mark.parametrize("end", ["cancelled", "rejected"])
def test_a_charge_that_is_itself_the_attempt_is_open_no_more_when_that_has_ended(end):
    pix = replace(CHARGED, attempt_id="900")
    assert row_after(opened(), pix, observed(end, attempt="900")) is None
    assert row_after(opened(), pix, observed("pending", attempt="900")).unsettled_attempts == ("900",)
