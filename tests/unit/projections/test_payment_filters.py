"""What lists filter payments by."""

from datetime import timedelta

from contracts import events
from contracts.search_terms import term, terms_of_words
from services.projections.read_models.payment_details import PAYMENT_DETAILS
from services.projections.read_models.payment_filters import filters_of
from tests.unit.projections.history import (
    CHARGED,
    MERCHANT,
    NOON,
    WATCHED,
    document_after,
    enveloped,
    observed,
    opened,
)

PAID_AT = NOON + timedelta(minutes=3)
ALERT = events.AlertRaised(alert="overpaid", occurrence="a1")
ENDED = events.AlertEnded(alert="overpaid")


def filters(*happened):
    return filters_of(document_after(PAYMENT_DETAILS, *happened).details)


def terms_after(*happened):
    terms = [int(number) for number in filters(*happened)[-1].strip("{}").split(",")]
    assert terms == sorted(set(terms))
    return set(terms)


def word(text):
    return terms_of_words(MERCHANT, text)[0]


def test_row_has_method_amount_and_time_of_payment():
    assert filters(opened())[:-1] == ("mercado_pago", "checkout", 2599, None)
    assert filters(opened(), observed("approved", paid_at=PAID_AT))[:-1] == ("mercado_pago", "checkout", 2599, PAID_AT)


def test_words_are_those_of_description_items_and_reference():
    expected = {word(each) for each in ("pao", "de", "queijo", "e", "cafe")}
    assert terms_after(opened()) == expected
    numbered = terms_after(opened(reference="Pedido-7"))
    assert numbered == expected | {word("pedido"), word("7"), term(MERCHANT, "reference", "Pedido-7")}


def test_ids_are_those_of_the_charge_and_of_all_attempts():
    happened = (opened(), CHARGED, observed("rejected"), observed("approved", attempt="a2"))
    assert terms_after(*happened) - terms_after(opened()) == {
        term(MERCHANT, "id", name) for name in ("preference-15", "a1", "a2")
    }


def test_only_open_alerts_are_terms():
    alert = term(MERCHANT, "alert", "overpaid")
    assert terms_after(opened(), ALERT) - terms_after(opened()) == {alert}
    assert terms_after(opened(), ALERT, ENDED) == terms_after(opened())


def test_payment_without_words_has_an_empty_array():
    assert filters(opened(description="—", items=()))[-1] == "{}"


def test_event_without_visible_effect_changes_no_row():
    before = document_after(PAYMENT_DETAILS, opened())
    assert PAYMENT_DETAILS.evolve(before, enveloped(WATCHED, position=2)) is before
