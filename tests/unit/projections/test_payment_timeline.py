"""What `payment_timeline` makes of the events of a payment."""

import msgspec
import pytest

from contracts.read_models import TimelineEntry
from services.projections.read_models.payment_timeline import PAYMENT_TIMELINE
from tests.unit.projections.history import AFTER_THE_OPENING, NOON, REFUND, REGISTERED, enveloped, moved, recorded_at


def test_an_event_is_told_with_its_place_and_its_reason():
    envelope = enveloped(moved("approved"), position=7, version=3)
    assert PAYMENT_TIMELINE.evolve(None, envelope) == TimelineEntry(
        position=7,
        version=3,
        type="StatusChanged",
        occurred_at=NOON,
        recorded_at=recorded_at(7),
        actor="api_key",
        actor_id="key-1",
        correlation_id="request-1",
        causation_id="cause-1",
        event_id=str(envelope.event_id),
        data={
            "previous": "pending",
            "status": "approved",
            "status_detail": None,
            "attempt_id": "a1",
            "paid_at": None,
        },
    )


@pytest.mark.parametrize("event", AFTER_THE_OPENING, ids=lambda event: type(event).__name__)
def test_every_kind_of_event_is_told_by_its_name_with_all_its_fields(event):
    entry = PAYMENT_TIMELINE.evolve(None, enveloped(event))
    assert entry.type == type(event).__name__
    assert list(entry.data) == list(type(event).__struct_fields__)


def test_a_refund_is_told_with_its_reason_and_the_refunds_before_it():
    refund = msgspec.structs.replace(REFUND, reason="desistência", known_refunds=("899",))
    told = PAYMENT_TIMELINE.evolve(None, enveloped(refund)).data
    assert (told["wish_id"], told["reason"], list(told["known_refunds"])) == ("w1", "desistência", ["899"])


def test_every_event_of_a_payment_has_a_row_of_its_own():
    assert PAYMENT_TIMELINE.key_of(enveloped(moved("approved"), position=7, version=3)) == 7


def test_an_event_of_a_merchant_has_none():
    assert PAYMENT_TIMELINE.key_of(enveloped(REGISTERED, payment_id=None)) is None


def test_a_row_tells_the_data_as_the_event_itself_is_encoded():
    envelope = enveloped(moved("approved", paid_at=NOON), position=7)
    row = PAYMENT_TIMELINE.row(PAYMENT_TIMELINE.evolve(None, envelope), envelope)
    assert row[:3] == (7, 15, "padaria-do-marcos")
    assert row[-1].encode() == msgspec.json.encode(envelope.event)
