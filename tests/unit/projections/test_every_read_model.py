"""Rules for every read model in the list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.events import EVENTS, PAYMENT_EVENTS
from services.projections.read_models.registry import READ_MODELS
from tests.unit.projections.history import CHARGED, ONE_OF_EACH, enveloped, opened

in_any_order = st.lists(st.sampled_from(ONE_OF_EACH), max_size=12)
each_read_model = pytest.mark.parametrize("read_model", READ_MODELS, ids=lambda read_model: read_model.name)


def history_of(happened, *, start=1):
    for position, event in enumerate(happened, start=start):
        payment_id = 15 if isinstance(event, PAYMENT_EVENTS) else None
        yield enveloped(event, position=position, payment_id=payment_id)


def documents_of(read_model, history):
    documents = {}
    for envelope in history:
        key = read_model.key_of(envelope)
        if key is not None:
            documents[key] = read_model.evolve(documents.get(key), envelope)
    return documents


def test_examples_cover_every_event():
    assert [type(event) for event in ONE_OF_EACH] == list(EVENTS)


@each_read_model
@given(happened=in_any_order)
def test_events_in_any_order_raise_no_error(read_model, happened):
    documents = {}
    for envelope in history_of(happened):
        key = read_model.key_of(envelope)
        if key is not None:
            documents[key] = read_model.evolve(documents.get(key), envelope)
            assert documents[key] is None or read_model.row(documents[key], envelope)


@each_read_model
@given(happened=in_any_order)
def test_same_events_give_the_same_document(read_model, happened):
    assert documents_of(read_model, history_of(happened)) == documents_of(read_model, history_of(happened))


@pytest.mark.parametrize(
    "read_model", [each for each in READ_MODELS if each.load], ids=lambda read_model: read_model.name
)
@given(charge=st.sampled_from([CHARGED, replace(CHARGED, attempt_id="a1")]), happened=in_any_order)
def test_opening_with_charge_equals_opening_then_charge(read_model, charge, happened):
    one = history_of([opened(charge=charge), *happened], start=2)
    two = history_of([opened(), charge, *happened])
    assert documents_of(read_model, one) == documents_of(read_model, two)


@each_read_model
def test_idempotency_key_used_belongs_to_no_row(read_model):
    """It is in a separate stream, with the merchant and perhaps the payment in its envelope."""
    used = ONE_OF_EACH[-1]
    assert read_model.key_of(enveloped(used, payment_id=None)) is None
    assert read_model.key_of(enveloped(used)) is None


def test_no_two_read_models_share_a_name():
    assert len({read_model.name for read_model in READ_MODELS}) == len(READ_MODELS)
