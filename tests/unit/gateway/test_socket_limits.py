"""A few clients that open many sockets leave slots for the others, and released slots are forgotten."""

from __future__ import annotations

import pytest

from extrato.errors import Overloaded
from services.gateway.http.caller import Caller
from services.gateway.http.rate_limits import TooManyRequests
from services.gateway.live.socket_limits import SocketLimits
from tests.examples import loaded_payment

SHOP = Caller(merchant="padaria", actor="api_key", actor_id="k1")
OTHER_SHOP = Caller(merchant="another", actor="api_key", actor_id="k1")
PAYER = Caller(merchant=None, actor="check", actor_id=None, payment=loaded_payment(15))
OTHER_PAYER = Caller(merchant=None, actor="check", actor_id=None, payment=loaded_payment(16))
ANONYMOUS = Caller(merchant=None, actor="check", actor_id=None)

BOUNDS = {"all": 10, "address": 4, "key": 3, "payer": 2, "anonymous": 3, "anonymous_address": 2}


@pytest.fixture
def socket_limits() -> SocketLimits:
    return SocketLimits(BOUNDS)


def test_payment_has_few_slots_from_all_addresses_together(socket_limits):
    first, _ = [socket_limits.acquire(f"192.0.2.{n}", PAYER) for n in range(2)]
    with pytest.raises(TooManyRequests) as refused:
        socket_limits.acquire("192.0.2.9", PAYER)
    assert refused.value.retry_after_s == 5
    socket_limits.acquire("192.0.2.9", OTHER_PAYER)
    first.release()
    socket_limits.acquire("192.0.2.9", PAYER)


def test_key_has_its_slots_from_all_addresses_together(socket_limits):
    for number in range(3):
        socket_limits.acquire(f"192.0.2.{number}", SHOP)
    with pytest.raises(TooManyRequests):
        socket_limits.acquire("192.0.2.9", SHOP)
    socket_limits.acquire("192.0.2.9", OTHER_SHOP)


def test_address_has_its_slots_for_all_callers_together(socket_limits):
    for caller in (SHOP, OTHER_SHOP, PAYER, ANONYMOUS):
        socket_limits.acquire("192.0.2.1", caller)
    with pytest.raises(TooManyRequests):
        socket_limits.acquire("192.0.2.1", OTHER_PAYER)
    socket_limits.acquire("192.0.2.2", OTHER_PAYER)


def test_full_gateway_is_overloaded_not_too_many_requests(socket_limits):
    for number in range(10):
        socket_limits.acquire(f"192.0.2.{number}", ANONYMOUS)
    with pytest.raises(Overloaded):
        socket_limits.acquire("192.0.2.99", SHOP)
    with pytest.raises(Overloaded):
        socket_limits.acquire_anonymous("192.0.2.99")


def test_anonymous_sessions_leave_slots_for_authenticated_callers(socket_limits):
    first, _ = [socket_limits.acquire_anonymous("192.0.2.1") for _ in range(2)]
    with pytest.raises(TooManyRequests):
        socket_limits.acquire_anonymous("192.0.2.1")
    socket_limits.acquire_anonymous("192.0.2.2")
    with pytest.raises(Overloaded):
        socket_limits.acquire_anonymous("192.0.2.3")
    socket_limits.acquire("192.0.2.1", SHOP)
    first.promote(SHOP)
    socket_limits.acquire_anonymous("192.0.2.1")


def test_rejected_promotion_holds_nothing(socket_limits):
    for _ in range(2):
        socket_limits.acquire("192.0.2.1", PAYER)
    before = socket_limits.remembered
    session = socket_limits.acquire_anonymous("192.0.2.2")
    with pytest.raises(TooManyRequests):
        session.promote(PAYER)
    assert socket_limits.remembered == before
    session.release()
    assert socket_limits.remembered == before


def test_released_slots_are_forgotten(socket_limits):
    taken = [
        socket_limits.acquire("192.0.2.1", SHOP),
        socket_limits.acquire("192.0.2.2", PAYER),
        socket_limits.acquire_anonymous("192.0.2.3"),
    ]
    taken[2].promote(OTHER_PAYER)
    for slot in taken * 2:
        slot.release()
    assert socket_limits.remembered == 0
