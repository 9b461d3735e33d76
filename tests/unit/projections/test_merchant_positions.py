"""What `merchant_positions` keeps of the events of payments."""

import pytest

from services.projections.read_models.merchant_positions import MERCHANT_POSITIONS
from tests.unit.projections.history import AFTER_THE_OPENING, MERCHANT, REGISTERED, enveloped, moved, opened


@pytest.mark.parametrize("event", [opened(), *AFTER_THE_OPENING], ids=lambda event: type(event).__name__)
def test_every_event_of_a_payment_has_a_row(event):
    assert MERCHANT_POSITIONS.key_of(enveloped(event, position=7, version=3)) == 7


def test_an_event_of_a_merchant_has_none():
    assert MERCHANT_POSITIONS.key_of(enveloped(REGISTERED, payment_id=None)) is None


def test_a_row_is_the_merchant_and_the_position():
    envelope = enveloped(moved("approved"), position=7, version=3)
    assert MERCHANT_POSITIONS.row(MERCHANT_POSITIONS.evolve(None, envelope), envelope) == (MERCHANT, 7)
