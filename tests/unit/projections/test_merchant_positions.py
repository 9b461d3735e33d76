"""The read model `merchant_positions` has one row for each event of a payment, and none for other events."""

import pytest

from services.projections.read_models.merchant_positions import MERCHANT_POSITIONS
from tests.unit.projections.history import AFTER_THE_OPENING, MERCHANT, REGISTERED, enveloped, moved, opened


@pytest.mark.parametrize("event", [opened(), *AFTER_THE_OPENING], ids=lambda event: type(event).__name__)
def test_key_of_payment_event_is_its_position(event):
    assert MERCHANT_POSITIONS.key_of(enveloped(event, position=7, version=3)) == 7


def test_merchant_event_has_no_key():
    assert MERCHANT_POSITIONS.key_of(enveloped(REGISTERED, payment_id=None)) is None


def test_row_has_merchant_and_position():
    envelope = enveloped(moved("approved"), position=7, version=3)
    assert MERCHANT_POSITIONS.row(MERCHANT_POSITIONS.evolve(None, envelope), envelope) == (MERCHANT, 7)
