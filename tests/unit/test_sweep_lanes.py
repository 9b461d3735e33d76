"""How urgent a payment is for the monitor: watched, payable, or over."""

from __future__ import annotations

import pytest

from contracts.events import PaymentExpired, WatchStarted
from extrato.domain.payment.decisions import PAYMENT
from extrato.domain.sweep_lanes import FAST, QUIET, SLOW, lane_of
from tests.unit.payment_story import CHARGED, NO_CHARGE, OPENED, at

WATCHED = WatchStarted(watch_until=at(10))


@pytest.mark.parametrize(
    ("events", "minutes", "lane"),
    [
        ([OPENED, CHARGED, WATCHED], 5, FAST),
        ([OPENED, CHARGED, WATCHED], 11, SLOW),
        ([OPENED, CHARGED], 0, SLOW),
        ([OPENED, CHARGED, WATCHED, PaymentExpired(expires_at=at(4))], 5, QUIET),
        ([OPENED, NO_CHARGE], 0, QUIET),
    ],
)
def test_payment_has_the_lane_of_its_state(events, minutes, lane):
    assert lane_of(PAYMENT.fold(events), at(minutes)) == lane
