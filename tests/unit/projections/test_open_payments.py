"""What `open_payments` makes of the events of a payment."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from contracts.read_models import OpenPayment
from services.projections.read_models.open_payments import OPEN_PAYMENTS
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
    told,
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


@pytest.mark.parametrize("end", [CHARGE_REFUSED, EXPIRED], ids=["refused", "expired"])
def test_a_payment_is_closed_when_it_can_never_be_paid(end):
    assert row_after(opened(), end) is None


@pytest.mark.parametrize("late", ONE_OF_EACH[1:12], ids=lambda event: type(event).__name__)
def test_nothing_that_comes_late_opens_a_closed_payment_again(late):
    assert row_after(opened(), CHARGED, moved("approved"), late) is None


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
