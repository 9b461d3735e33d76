"""A few who open many sockets leave room for the others, and what is not held is forgotten."""

from __future__ import annotations

import pytest

from extrato.errors import Overloaded
from services.gateway.http.caller import Caller
from services.gateway.http.rate_limits import TooManyRequests
from services.gateway.live.places import Places
from tests.examples import loaded_payment

SHOP = Caller(merchant="padaria", actor="api_key", actor_id="k1")
OTHER_SHOP = Caller(merchant="another", actor="api_key", actor_id="k1")
PAYER = Caller(merchant=None, actor="check", actor_id=None, payment=loaded_payment(15))
OTHER_PAYER = Caller(merchant=None, actor="check", actor_id=None, payment=loaded_payment(16))
ANONYMOUS = Caller(merchant=None, actor="check", actor_id=None)

BOUNDS = {"all": 10, "address": 4, "key": 3, "payer": 2, "strangers": 3, "stranger_address": 2}


@pytest.fixture
def places() -> Places:
    return Places(BOUNDS)


def test_a_payment_has_few_places_wherever_its_payers_are(places):
    first, _ = [places.take(f"192.0.2.{n}", PAYER) for n in range(2)]
    with pytest.raises(TooManyRequests) as refused:
        places.take("192.0.2.9", PAYER)
    assert refused.value.retry_after_s == 5
    places.take("192.0.2.9", OTHER_PAYER)
    first.leave()
    places.take("192.0.2.9", PAYER)


def test_a_key_has_its_places_wherever_it_is_shown(places):
    for number in range(3):
        places.take(f"192.0.2.{number}", SHOP)
    with pytest.raises(TooManyRequests):
        places.take("192.0.2.9", SHOP)
    places.take("192.0.2.9", OTHER_SHOP)


def test_an_address_has_its_places_whoever_is_there(places):
    for caller in (SHOP, OTHER_SHOP, PAYER, ANONYMOUS):
        places.take("192.0.2.1", caller)
    with pytest.raises(TooManyRequests):
        places.take("192.0.2.1", OTHER_PAYER)
    places.take("192.0.2.2", OTHER_PAYER)


def test_when_all_are_taken_it_is_nobodys_fault(places):
    for number in range(10):
        places.take(f"192.0.2.{number}", ANONYMOUS)
    with pytest.raises(Overloaded):
        places.take("192.0.2.99", SHOP)
    with pytest.raises(Overloaded):
        places.take_as_stranger("192.0.2.99")


def test_strangers_leave_room_for_those_who_introduced_themselves(places):
    first, _ = [places.take_as_stranger("192.0.2.1") for _ in range(2)]
    with pytest.raises(TooManyRequests):
        places.take_as_stranger("192.0.2.1")
    places.take_as_stranger("192.0.2.2")
    with pytest.raises(Overloaded):
        places.take_as_stranger("192.0.2.3")
    places.take("192.0.2.1", SHOP)
    first.introduce(SHOP)
    places.take_as_stranger("192.0.2.1")


def test_a_session_that_is_one_too_many_holds_nothing(places):
    for _ in range(2):
        places.take("192.0.2.1", PAYER)
    before = places.remembered
    stranger = places.take_as_stranger("192.0.2.2")
    with pytest.raises(TooManyRequests):
        stranger.introduce(PAYER)
    assert places.remembered == before
    stranger.leave()
    assert places.remembered == before


def test_who_left_is_forgotten(places):
    taken = [places.take("192.0.2.1", SHOP), places.take("192.0.2.2", PAYER), places.take_as_stranger("192.0.2.3")]
    taken[2].introduce(OTHER_PAYER)
    for place in taken * 2:
        place.leave()
    assert places.remembered == 0
